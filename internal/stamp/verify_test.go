package stamp

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

func TestVerify(t *testing.T) {
	f := newFixture(t)
	f.stamp.Entry = ledger.Entry{} // what a stamp says of itself does not count
	key, err := f.stamp.Verify(f.from, f.want, noon())
	if err != nil {
		t.Fatal(err)
	}
	if key != f.from.Keys[0] || f.stamp.Entry.Seq != 2 || f.stamp.Entry.Kind != "deploy" {
		t.Errorf("key %v, entry %+v", key, f.stamp.Entry)
	}
	f.want.Repository, f.want.Refs = "", nil
	if _, err := f.stamp.Verify(f.from, f.want, noon()); err != nil {
		t.Errorf("without repository and refs: %v", err)
	}
}

// refusalKinds are the cases of TestRefusals in which another stamp of the same
// host would not do either.
func refusalKinds() map[string]policy.OfferKind {
	return map[string]policy.OfferKind{"unknown key": policy.OfferUnknownKey, "no keys": policy.OfferUnknownKey,
		"expired": policy.OfferExpiredKey, "not yet": policy.OfferEarlyKey, "revoked": policy.OfferRevokedKey,
		"service not spoken of": policy.OfferService, "ahead": policy.OfferClock}
}

// signedAt makes the host sign a line of this time.
func signedAt(f *fixture, at time.Time) {
	line := strings.Replace(string(f.book.lines[1]), noon().Format("2006-01-02T15:04:05"), at.Format("2006-01-02T15:04:05"), 1)
	line = strings.Replace(line, `"seq":2`, `"seq":4`, 1)
	f.stamp = f.book.stamp(Deployed, commitA, f.book.raw(line))
	f.sign(f.book.t)
}

// Everything that must be refused, by what was changed in a stamp that is good.
// Cases with sign are signed again by the right key: the host itself lies.
func TestRefusals(t *testing.T) {
	other := keygen(t, "-t", "ed25519")
	again := func(f *fixture) {
		f.stamp.Signature = sshSign(f.book.t, f.path, namespace, "sha512", f.stamp.Message())
	}
	record := func(about About, commit policy.ObjectID, e ledger.Entry) func(*fixture) {
		return func(f *fixture) {
			f.stamp = f.book.stamp(about, commit, f.book.add(e))
			again(f)
		}
	}
	line := func(change func(string) string) func(*fixture) {
		return func(f *fixture) {
			f.stamp = f.book.stamp(Deployed, commitA, f.book.raw(change(string(f.book.lines[1]))))
			again(f)
		}
	}
	for name, test := range map[string]struct {
		change func(f *fixture)
		reason string
	}{
		"another environment":   {record(Deployed, commitA, ledger.Entry{Environment: "stg"}), `it is about the environment "stg", not dev`},
		"another service":       {record(Deployed, commitA, ledger.Entry{Service: "blog"}), `it is about the service "blog", not shop`},
		"another repository":    {record(Deployed, commitA, ledger.Entry{Repository: "x/dev.git"}), `it is about the repository "x/dev.git", not shop/dev.git`},
		"another ref":           {record(Deployed, commitA, ledger.Entry{Ref: "refs/heads/try"}), `it is about the ref "refs/heads/try", which is none of dev`},
		"another commit":        {record(Deployed, commitB, ledger.Entry{Commit: string(commitB)}), "it is about the commit " + string(commitB)},
		"asked for another":     {func(f *fixture) { f.want.Commit = commitB }, "not " + string(commitB)},
		"service not spoken of": {func(f *fixture) { f.from.Services = []string{"blog", "shop-*"} }, "the keys of dev may not speak for the service shop"},
		"unknown key": {func(f *fixture) {
			f.stamp.Signature = sshSign(f.book.t, other, namespace, "sha512", f.stamp.Message())
		}, "it is not signed by a key of dev: the key SHA256:"},
		"no keys": {func(f *fixture) { f.from.Keys = nil }, "it is not signed by a key of dev"},
		"expired": {func(f *fixture) { f.from.Keys[0].Until = noon() }, "has expired"},
		"not yet": {func(f *fixture) { f.from.Keys[0].From = noon().Add(time.Second) }, "is not valid yet"},
		"revoked": {func(f *fixture) { f.from.Keys[0].Revoked = true }, "is revoked"},
		"other namespace": {func(f *fixture) {
			f.stamp.Signature = sshSign(f.book.t, f.path, "git", "sha512", f.stamp.Message())
		}, `it is signed for another purpose: "git"`},
		"hash": {func(f *fixture) {
			f.stamp.Signature = sshSign(f.book.t, f.path, namespace, "sha256", f.stamp.Message())
		}, "its signature is over sha256"},
		"other message":  {func(f *fixture) { f.stamp.Commit = commitB }, "its signature by the key SHA256:"},
		"other origin":   {func(f *fixture) { f.stamp.Origin = strings.Repeat("0", 32) }, "its signature by the key SHA256:"},
		"other tree":     {func(f *fixture) { f.stamp.Tree.N++ }, "its signature by the key SHA256:"},
		"no signature":   {func(f *fixture) { f.stamp.Signature = nil }, "its signature is no SSH signature"},
		"huge signature": {func(f *fixture) { f.stamp.Signature = make([]byte, 1<<20) }, "its signature has more than 8192 bytes"},
		"bytes after it": {func(f *fixture) { f.stamp.Signature = append(f.stamp.Signature, 0) }, "its signature is"},
		"about":          {func(f *fixture) { f.stamp.About = "fork" }, `it says "fork", which is not known`},
		"no ledger":      {func(f *fixture) { f.stamp.Origin = "../../x" }, `"../../x" is not a ledger's ID`},
		"no commit":      {func(f *fixture) { f.stamp.Commit = "main\nx" }, `is not a commit's ID`},
		"zero commit":    {func(f *fixture) { f.stamp.Commit = policy.ObjectID(strings.Repeat("0", 40)) }, `is not a commit's ID`},
		"empty tree":     {func(f *fixture) { f.stamp.Tree.N = 0 }, "its tree is empty"},
		"no line":        {func(f *fixture) { f.stamp.Line = nil }, "it holds no line of a ledger"},
		"two lines":      {func(f *fixture) { f.stamp.Line = append(f.stamp.Line, "\n{}"...) }, "it holds no line of a ledger"},
		"white space":    {line(func(s string) string { return strings.Replace(s, `,"type"`, `, "type"`, 1) }), "it holds no line of a ledger"},
		"key twice":      {line(func(s string) string { return strings.TrimSuffix(s, "}") + `,"commit":"x"}` }), "it holds no line of a ledger"},
		"order of keys": {line(func(s string) string {
			return strings.Replace(s, `"service":"shop","environment":"dev"`, `"environment":"dev","service":"shop"`, 1)
		}), "it holds no line of a ledger: the line is not written as pathgate writes it"},
		"number reused":  {line(func(s string) string { return s }), "its proof does not show that record 2 is in the ledger's tree of 4"},
		"long line":      {record(Deployed, commitA, ledger.Entry{Reason: strings.Repeat("x", 8000)}), "has more than 8000 bytes"},
		"escaped line":   {record(Deployed, commitA, ledger.Entry{Reason: strings.Repeat(`\`, 3780)}), "is too long to be kept on record"},
		"no time":        {func(f *fixture) { signedAt(f, time.Time{}) }, "it cannot be kept on record: it does not say when"},
		"of long ago":    {func(f *fixture) { signedAt(f, time.Date(1999, 12, 31, 23, 59, 0, 0, time.UTC)) }, "it cannot be kept on record: it does not say when"},
		"ahead":          {record(Deployed, commitA, ledger.Entry{Time: noon().Add(5*time.Minute + time.Second)}), "it says that it was recorded at 2026-11-21 12:05 UTC, and here it is 2026-11-21 12:00 UTC"},
		"intent":         {record(Deployed, commitA, ledger.Entry{Type: ledger.TypeIntent}), "record 4 is no deployment of the commit"},
		"of a stamp":     {record(Deployed, commitA, ledger.Entry{Type: ledger.TypeStamp}), "record 4 is no deployment of the commit"},
		"of another":     {record(Deployed, commitA, ledger.Entry{Commit: string(commitB)}), "record 4 is no deployment of the commit"},
		"sha256 line":    {record(Deployed, commitA, ledger.Entry{Commit: strings.Repeat("a", 64)}), "record 4 is about no commit of this kind"},
		"status is none": {record(Status, commitA, ledger.Entry{}), "record 4 is no outcome"},
		"status of nothing": {record(Status, commitA, ledger.Entry{Type: ledger.TypeStatus, State: "success"}),
			"record 4 is no outcome"},
		"status of later": {record(Status, commitA, ledger.Entry{Type: ledger.TypeStatus, State: "success", Record: 4}),
			"record 4 is no outcome"},
		"withdrawal of itself": {record(Withdrawal, commitA, ledger.Entry{Kind: "rollback"}), "record 4 takes no commit away"},
		"withdrawal by promotion": {record(Withdrawal, commitA, ledger.Entry{Kind: "promote", Commit: string(commitB)}),
			"record 4 takes no commit away"},
		"proof of another": {func(f *fixture) { f.stamp.Proof = f.book.stamp(Deployed, commitB, 3).Proof }, "its proof does not show that record 2"},
		"short proof":      {func(f *fixture) { f.stamp.Proof = f.stamp.Proof[:1] }, "its proof does not show"},
		"long proof":       {func(f *fixture) { f.stamp.Proof = make(tlog.RecordProof, 64) }, "its proof does not show"},
		"smaller tree": {func(f *fixture) {
			f.stamp.Tree.N = 1
			again(f)
		}, "its proof does not show that record 2 is in the ledger's tree of 1"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			test.change(f)
			_, err := f.stamp.Verify(f.from, f.want, noon())
			var refusal *Refusal
			if !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, test.reason) {
				t.Fatalf("refused with %v\nwant %s", err, test.reason)
			}
			if kind := refusalKinds()[name]; refusal.Kind != kind {
				t.Errorf("it is refused as %q, want %q", refusal.Kind, kind)
			}
			if len(refusal.Reason) > 200 || strings.ContainsAny(refusal.Reason, "\n\x1b") {
				t.Errorf("not fit to print: %q", refusal.Reason)
			}
		})
	}
}

// What is the same case but good is not refused, so that the table above tests
// what it says.
func TestTaken(t *testing.T) {
	for name, test := range map[string]struct {
		about  About
		commit policy.ObjectID
		entry  ledger.Entry
	}{
		"adopt":             {Deployed, commitA, ledger.Entry{Type: ledger.TypeAdopt, Kind: "adopt"}},
		"five minutes":      {Deployed, commitA, ledger.Entry{Time: noon().Add(5 * time.Minute)}},
		"status":            {Status, commitA, ledger.Entry{Type: ledger.TypeStatus, State: "failure", Record: 2}},
		"rollback":          {Withdrawal, commitA, ledger.Entry{Kind: "rollback", Commit: string(commitB)}},
		"override":          {Withdrawal, commitA, ledger.Entry{Kind: "override", Commit: string(commitB)}},
		"a branch taken":    {Withdrawal, commitA, ledger.Entry{Kind: "remove", Action: "remove", Branch: "x", Commit: string(commitB)}},
		"started over":      {Withdrawal, commitA, ledger.Entry{Kind: "reset", Action: "reset", Commit: string(commitB)}},
		"as long as it may": {Deployed, commitA, ledger.Entry{Reason: strings.Repeat("x", 7700)}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.stamp = f.book.stamp(test.about, test.commit, f.book.add(test.entry))
			f.sign(t)
			if _, err := f.stamp.Verify(f.from, f.want, noon()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A later version of pathgate may know more fields.
func TestUnknownField(t *testing.T) {
	f := newFixture(t)
	line := strings.Replace(string(f.book.lines[1]), `"seq":2`, `"seq":4`, 1)
	f.stamp = f.book.stamp(Deployed, commitA, f.book.raw(strings.TrimSuffix(line, "}")+`,"mood":"good"}`))
	f.sign(t)
	if _, err := f.stamp.Verify(f.from, f.want, noon()); err != nil {
		t.Fatal(err)
	}
}

// The key counts by the time of receipt, whatever the line says.
func TestKeyTimes(t *testing.T) {
	f := newFixture(t)
	k := &f.from.Keys[0]
	k.From, k.Until = noon().Add(time.Hour), noon().Add(2*time.Hour)
	for after, ok := range map[time.Duration]bool{59 * time.Minute: false, time.Hour: true, 2*time.Hour - 1: true, 2 * time.Hour: false} {
		if _, err := f.stamp.Verify(f.from, f.want, noon().Add(after)); (err == nil) != ok {
			t.Errorf("%v later: %v", after, err)
		}
	}
}

// No byte of a signature can be changed.
func TestMangled(t *testing.T) {
	f := newFixture(t)
	good := f.stamp.Signature
	for i := range good {
		for _, bit := range []byte{1, 0x80} {
			f.stamp.Signature = bytes.Clone(good)
			f.stamp.Signature[i] ^= bit
			if _, err := f.stamp.Verify(f.from, f.want, noon()); err == nil {
				t.Fatalf("byte %d of the signature may be changed", i)
			}
		}
	}
	for n := range good {
		f.stamp.Signature = good[:n]
		if _, err := f.stamp.Verify(f.from, f.want, noon()); err == nil {
			t.Fatalf("%d bytes of the signature are enough", n)
		}
	}
	// Bytes behind the signature within the blob are signed by nobody.
	var blob struct {
		Magic                             [6]byte
		Version                           uint32
		Key, Namespace, Reserved, Hash, S string
	}
	if err := ssh.Unmarshal(good, &blob); err != nil {
		t.Fatal(err)
	}
	blob.S += "x"
	f.stamp.Signature = ssh.Marshal(blob)
	if _, err := f.stamp.Verify(f.from, f.want, noon()); err == nil {
		t.Error("bytes may be added to the signature")
	}
	f.stamp.Signature = slices.Clone(good)
	if _, err := f.stamp.Verify(f.from, f.want, noon()); err != nil {
		t.Error(err)
	}
}

func TestEntryFor(t *testing.T) {
	f := newFixture(t)
	e := f.stamp.EntryFor(f.from.Keys[0])
	want := ledger.Entry{Type: ledger.TypeStamp, Kind: "deployed", Service: "shop", Environment: "dev", Repository: "shop/dev.git",
		Ref: "refs/heads/main", Commit: string(commitA), Tree: strings.Repeat("c", 40), Subject: `say "hi" \o/`, Principal: "ana",
		Record: 2, Origin: origin, Checkpoint: "3 " + f.stamp.Tree.Hash.String(), Key: f.key.Fingerprint(), Stamped: noon(),
		Lines: []string{string(f.stamp.Line), encodeBlob(f.stamp.Signature)}}
	got, err := ledger.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	expected, err := ledger.Encode(&want)
	if err != nil || string(got) != string(expected) {
		t.Errorf("%s\nwant %s", got, expected)
	}
	f.stamp = f.book.stamp(Withdrawal, commitA, f.book.add(ledger.Entry{Kind: "rollback", Commit: string(commitB), Tree: "x", Subject: "y"}))
	f.sign(t)
	if e := f.stamp.EntryFor(f.from.Keys[0]); e.Commit != string(commitA) || e.Tree != "" || e.Subject != "" || e.Record != 4 {
		t.Errorf("of a withdrawal: %+v", e)
	}
}
