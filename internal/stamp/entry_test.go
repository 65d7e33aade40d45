package stamp

import (
	"errors"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
)

func TestCheckEntry(t *testing.T) {
	f := newFixture(t)
	other := loadKey(t, keygen(t, "-t", "ed25519"))
	entry := func() *ledger.Entry { return f.stamp.EntryFor(stampKey(f.key)) }
	for _, kind := range []string{ledger.KindDeployed, ledger.KindFork, ledger.KindSuccessor} {
		e := entry()
		e.Kind = kind
		if err := CheckEntry(e); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for name, test := range map[string]struct {
		change func(*ledger.Entry)
		what   string
	}{
		"another commit":   {func(e *ledger.Entry) { e.Commit = string(commitB) }, "about another commit"},
		"another ledger":   {func(e *ledger.Entry) { e.Origin = strings.Repeat("0", 32) }, "is wrong"},
		"another tree":     {func(e *ledger.Entry) { e.Checkpoint = "9" + e.Checkpoint[1:] }, "is wrong"},
		"another line":     {func(e *ledger.Entry) { e.Lines[0] = strings.Replace(e.Lines[0], "hi", "ho", 1) }, "is wrong"},
		"another key":      {func(e *ledger.Entry) { e.Key = other.Fingerprint() }, "is signed by the key"},
		"no checkpoint":    {func(e *ledger.Entry) { e.Checkpoint = "" }, "no size and root"},
		"no signature":     {func(e *ledger.Entry) { e.Lines[1] = "" }, "not in base64"},
		"an odd signature": {func(e *ledger.Entry) { e.Lines[1] = "c2ln" }, "no SSH signature"},
		"no line":          {func(e *ledger.Entry) { e.Lines = nil }, "does not hold"},
		"of another purpose": {func(e *ledger.Entry) {
			e.Lines[1] = encodeBlob(sshSign(t, f.path, "file", "sha512", f.stamp.Message()))
		}, "another purpose"},
		"over another hash": {func(e *ledger.Entry) {
			e.Lines[1] = encodeBlob(sshSign(t, f.path, namespace, "sha256", f.stamp.Message()))
		}, "sha256"},
	} {
		e := entry()
		test.change(e)
		if err := CheckEntry(e); err == nil || !strings.Contains(err.Error(), test.what) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whoever makes up an entry cannot change a field of it: what is copied from the
// line must be the line's, and the rest is signed.
func TestCheckEntryFields(t *testing.T) {
	f := newFixture(t)
	for name, change := range map[string]func(*ledger.Entry){
		"service": func(e *ledger.Entry) { e.Service = "cart" }, "environment": func(e *ledger.Entry) { e.Environment = "stg" },
		"repository": func(e *ledger.Entry) { e.Repository += "x" }, "ref": func(e *ledger.Entry) { e.Ref += "x" },
		"commit": func(e *ledger.Entry) { e.Commit = string(commitB) }, "tree": func(e *ledger.Entry) { e.Tree = strings.Repeat("d", 40) },
		"subject": func(e *ledger.Entry) { e.Subject = "another" }, "kind": func(e *ledger.Entry) { e.Kind = ledger.KindWithdrawal },
		"state": func(e *ledger.Entry) { e.State = ledger.StateSuccess }, "principal": func(e *ledger.Entry) { e.Principal = "bo" },
		"record": func(e *ledger.Entry) { e.Record-- }, "origin": func(e *ledger.Entry) { e.Origin = strings.Repeat("0", 32) },
		"checkpoint": func(e *ledger.Entry) { e.Checkpoint = "9" + e.Checkpoint[1:] },
		"key":        func(e *ledger.Entry) { e.Key = "SHA256:" + strings.Repeat("A", 43) },
		"stamped":    func(e *ledger.Entry) { e.Stamped = e.Stamped.Add(1000) },
		"evidence":   func(e *ledger.Entry) { e.Evidence = []uint64{1} }, "reason": func(e *ledger.Entry) { e.Reason = "x" },
		"via": func(e *ledger.Entry) { e.Via = "ssh" }, "new": func(e *ledger.Entry) { e.New = string(commitB) },
	} {
		e := f.stamp.EntryFor(stampKey(f.key))
		if err := errors.Join(ledger.CheckStamp(e), CheckEntry(e)); err != nil {
			t.Fatal(err)
		}
		change(e)
		if ledger.CheckStamp(e) == nil && CheckEntry(e) == nil {
			t.Errorf("%s may be changed", name)
		}
	}
}
