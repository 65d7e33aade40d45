package deploy

import (
	"context"
	"slices"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// shelf is a book with a queue, and what was written into it.
type shelf struct {
	jobs    []ledger.Queued
	written []*ledger.Entry
}

func (s *shelf) Queued(policy.Service, policy.EnvironmentName) ([]ledger.Queued, error) {
	return slices.Clone(s.jobs), nil
}
func (s *shelf) AllQueued() ([]ledger.Queued, error)            { return slices.Clone(s.jobs), nil }
func (s *shelf) OutcomeOf(uint64) (ledger.Outcome, bool, error) { return ledger.Outcome{}, true, nil }
func (s *shelf) Append(entries ...*ledger.Entry) error {
	s.written = append(s.written, entries...)
	s.jobs = slices.DeleteFunc(s.jobs, func(job ledger.Queued) bool {
		return slices.ContainsFunc(entries, func(e *ledger.Entry) bool {
			return e.Record == job.Deployed.Seq && e.State != ledger.StatePending
		})
	})
	return nil
}
func (s *shelf) books(_ context.Context, f func(Book) error) error { return f(s) }

func job(record uint64, host string) ledger.Queued {
	return ledger.Queued{Deployed: ledger.Entry{Seq: record, Type: ledger.TypeDeployed, Service: "shop", Environment: "stg",
		Repository: "shop/stg.git", Ref: "refs/heads/main", Host: host, Deploy: ledger.DeployCommand}}
}

func records(jobs []ledger.Queued) (list []uint64) {
	for _, j := range jobs {
		list = append(list, j.Deployed.Seq)
	}
	return list
}

// Each host runs what lies on it, and what is from before hosts shared the
// ledger; nobody runs another host's.
func TestOfHost(t *testing.T) {
	s := &shelf{jobs: []ledger.Queued{job(3, ""), job(4, "git-1"), job(5, "git-2")}}
	for host, want := range map[string][]uint64{"": {3, 4, 5}, "git-1": {3, 4}, "git-2": {3, 5}, "git-3": {3}} {
		must(t, OfHost(s.books, host)(context.Background(), func(b Book) error {
			all, err := b.AllQueued()
			if got := records(all); !slices.Equal(got, want) {
				t.Errorf("%q knows %v, want %v", host, got, want)
			}
			some, _ := b.Queued("shop", "stg")
			if got := records(some); !slices.Equal(got, want) {
				t.Errorf("%q has %v in the queue, want %v", host, got, want)
			}
			return err
		}))
	}
}

func TestEndOf(t *testing.T) {
	s := &shelf{jobs: []ledger.Queued{job(3, ""), job(4, "git-1"), job(5, "git-2"), job(6, "git-2")}}
	ended, err := EndOf(context.Background(), s.books, "git-2", "host git-2 is gone, says ana: fire")
	must(t, err)
	if !slices.Equal(ended, []uint64{5, 6}) || len(s.written) != 2 || len(s.jobs) != 2 {
		t.Fatalf("ended %v, wrote %d entries, %d are left", ended, len(s.written), len(s.jobs))
	}
	if e := s.written[0]; e.State != ledger.StateError || e.Record != 5 || e.Host != "git-2" || e.Message != "host git-2 is gone, says ana: fire" {
		t.Errorf("wrote %+v", e)
	}
}

func TestFolder(t *testing.T) {
	const shared = "postgres://pathgate@/pathgate?host=/run/postgresql"
	for _, test := range []struct{ ledger, copied, want string }{
		{"/var/lib/pathgate", "", "/var/lib/pathgate"},
		{shared, "/var/lib/pathgate/copy", "/var/lib/pathgate/copy"},
		{shared, "", ""},
	} {
		got, err := Folder(&policy.Policy{Ledger: test.ledger, Copy: test.copied})
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("of %s and %q: %q, %v", test.ledger, test.copied, got, err)
		}
	}
}
