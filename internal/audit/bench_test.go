package audit

import (
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// BenchmarkHook is what a hook pays to ship the two entries of an accepted
// push, with a ledger's append beside it for comparison.
func BenchmarkHook(b *testing.B) {
	s := newStand(b)
	listen(b, "unixgram", s.unix().Syslog.Address).start()
	unixRequired := s.unix()
	unixRequired.Required = true
	entries := func() (uint64, error) {
		return s.append(refusal("one"), refusal("two")), nil
	}
	for _, c := range []struct {
		name  string
		audit *policy.Audit
	}{
		{"append-alone", nil}, {"file", s.file()}, {"unix", s.unix()}, {"unix-required", unixRequired},
	} {
		b.Run(c.name, func(b *testing.B) {
			if c.audit != nil {
				s.all(c.audit)
			}
			for b.Loop() {
				b.StopTimer()
				last, err := entries()
				b.StartTimer()
				if c.audit == nil {
					last, err = entries()
				} else if err == nil {
					err = s.ship(c.audit, last)
				}
				if err != nil || last == 0 {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAll is reconcile on a ledger that a new sink has seen nothing of.
func BenchmarkAll(b *testing.B) {
	s := newStand(b)
	s.add(10000)
	r := listen(b, "unixgram", s.unix().Syslog.Address).start()
	for name, a := range map[string]*policy.Audit{"file": s.file(), "unix": s.unix()} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				all, err := All(b.Context(), a, s.dir)
				if err != nil || all[0].Record != 10001 {
					b.Fatal(all, err)
				}
				b.StopTimer()
				forget(b, s, all[0].Sink)
				r.mu.Lock()
				r.got = nil
				r.mu.Unlock()
				b.StartTimer()
			}
		})
	}
}
