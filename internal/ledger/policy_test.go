package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// readPolicies are the policy files on record.
func (r *rig) readPolicies() (files []*PolicyFile) {
	r.Helper()
	reader := PolicyReader{}
	if err := Read(r.dir, 0, func(l *Line) error {
		f, err := reader.Add(&l.Entry)
		if f != nil {
			files = append(files, f)
		}
		return err
	}); err != nil {
		r.Fatal(err)
	}
	return files
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestPolicyOnRecord(t *testing.T) {
	r := newRig(t)
	serial := uint64(0)
	for name, file := range map[string]string{
		"empty":           "",
		"a line":          "version = 1\n",
		"no last newline": "version = 1",
		"only newlines":   "\n\n\n",
		"quotes":          strings.Repeat(`"a" = '\'`+"\n", 5000),
		"unicode":         strings.Repeat("# für Äpfel 日本\n", 3000),
		"tabs":            "[a]\n\tb = \"c\\d\"\r\n",
		"binary":          "\x00\xff\xfe\u202e\ufffd\u2028\x7f\"\\\n\xc3",
		"one long line":   "# " + strings.Repeat("x", 100000),
		"escapes, long":   strings.Repeat("\x00", 50000),
	} {
		serial++
		entries := PolicyEntries([]byte(file), serial)
		l := r.open()
		if known, _, err := l.KnownPolicy(sha([]byte(file))); err != nil || known {
			t.Fatalf("%s: known before: %v", name, err)
		}
		if err := l.Append(entries...); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		known, got, err := l.KnownPolicy(sha([]byte(file)))
		if err != nil || !known || got != serial {
			t.Errorf("%s: known %v, serial %d, %v", name, known, got, err)
		}
		last, _, _ := l.Last()
		if n, err := l.Serial(); err != nil || n != (Serial{serial, sha([]byte(file)), last}) {
			t.Errorf("%s: %+v %v", name, n, err)
		}
		l.Close()
		files := r.readPolicies()
		f := files[len(files)-1]
		if string(f.Content) != file || f.Serial != serial || f.Hash != sha([]byte(file)) || f.Record != last || f.First != last-uint64(len(entries))+1 {
			t.Errorf("%s: %+v", name, f)
		}
		if plain := entries[0].Kind == KindText; plain && strings.Join(entries[0].Lines, "\n") != file[:min(len(file), len(strings.Join(entries[0].Lines, "\n")))] {
			t.Errorf("%s: %q", name, entries[0].Lines)
		}
	}
	r.verified()
	r.remove(IndexName)
	l := r.open()
	defer l.Close()
	if n, err := l.Serial(); err != nil || n.Highest != serial {
		t.Errorf("rebuilt: %+v %v", n, err)
	}
}

// A crash may leave some parts: the file is not known, and is put on record
// again from its first part.
func TestHalfAPolicy(t *testing.T) {
	r := newRig(t)
	file := []byte("version = 1\n" + strings.Repeat("# a comment in a long policy\n", 1500))
	entries := PolicyEntries(file, 7)
	if len(entries) < 3 {
		t.Fatal(len(entries))
	}
	r.append(entries[:2]...)
	l := r.open()
	known, _, err := l.KnownPolicy(sha(file))
	if n, err2 := l.Serial(); known || err != nil || err2 != nil || n.Record != 0 {
		t.Errorf("half of it is known: %v %+v", err, n)
	}
	if err := l.Append(&Entry{Type: TypeRefused}); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(entries[2:]...); err != nil {
		t.Fatal(err)
	}
	if known, _, err := l.KnownPolicy(sha(file)); known || err != nil {
		t.Errorf("with a gap it is known: %v", err)
	}
	l.Close()
	r.found(5, "does not follow part 2")

	r = newRig(t)
	r.append(PolicyEntries(file, 7)[:2]...)
	r.append(PolicyEntries(file, 7)...)
	l = r.open()
	if known, serial, err := l.KnownPolicy(sha(file)); !known || serial != 7 || err != nil {
		t.Errorf("again in full: %v", err)
	}
	l.Close()
	r.verified()
}

func TestSerialAllows(t *testing.T) {
	for _, test := range []struct {
		on     Serial
		hash   string
		serial uint64
		want   bool
	}{
		{Serial{}, "a", 0, true}, {Serial{}, "a", 3, true},
		{Serial{0, "a", 2}, "b", 0, true}, {Serial{0, "a", 2}, "b", 1, true},
		{Serial{3, "a", 2}, "a", 3, true}, {Serial{3, "a", 2}, "b", 3, false}, {Serial{3, "a", 2}, "b", 4, true},
		{Serial{3, "a", 2}, "b", 2, false}, {Serial{3, "a", 2}, "a", 0, false}, {Serial{3, "a", 2}, "b", 0, false},
	} {
		if got := test.on.Allows(test.hash, test.serial); got != test.want {
			t.Errorf("%+v %s %d: %v", test.on, test.hash, test.serial, got)
		}
	}
}

func TestPolicyShape(t *testing.T) {
	r := newRig(t)
	l := r.open()
	defer l.Close()
	good := func() *Entry { return PolicyEntries([]byte("version = 1\n"), 1)[0] }
	for name, change := range map[string]func(e *Entry){
		"no hash":       func(e *Entry) { e.Policy = "" },
		"a short hash":  func(e *Entry) { e.Policy = e.Policy[1:] },
		"no kind":       func(e *Entry) { e.Kind = "" },
		"part zero":     func(e *Entry) { e.Part = 0 },
		"part too many": func(e *Entry) { e.Part = 2 },
		"parts without": func(e *Entry) { e.Part, e.Parts = 1, maxParts+1 },
		"no lines":      func(e *Entry) { e.Lines = nil },
		"not a policy":  func(e *Entry) { e.Type = TypeRefused },
	} {
		e := good()
		change(e)
		if err := l.Append(e); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	if err := l.Append(good()); err != nil {
		t.Error(err)
	}
}

// FuzzPolicy: any file comes back from its entries, and each fits into a line.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte("a\n\"b\"\\\x00\xff"), uint16(1))
	f.Add([]byte("\\u0041\\\\\n"), uint16(4000))
	f.Fuzz(func(t *testing.T, b []byte, times uint16) {
		if b = bytes.Repeat(b, int(times)%3000); len(b) > 1<<18 {
			b = b[:1<<18]
		}
		reader, file := PolicyReader{}, (*PolicyFile)(nil)
		entries := PolicyEntries(b, 1)
		for i, e := range entries {
			e.Seq, e.Time = uint64(i)+1, testStart
			e.Push, e.Principal, e.Prev = strings.Repeat("p", 200), strings.Repeat("x", 255), strings.Repeat("0", 64)
			line, err := Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(line[:len(line)-1])
			if err == nil {
				file, err = reader.Add(&back)
			}
			if err != nil || (file != nil) != (i == len(entries)-1) {
				t.Fatalf("part %d: %v", i+1, err)
			}
		}
		if !bytes.Equal(file.Content, b) {
			t.Fatalf("%q\n%q", b, file.Content)
		}
	})
}

func FuzzPolicyReader(f *testing.F) {
	f.Add(KindEscaped, `a\x00\`, uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, kind, line string, part, parts uint64) {
		reader := PolicyReader{}
		for seq := range uint64(3) {
			e := &Entry{Seq: seq + 1, Type: TypePolicy, Kind: kind, Policy: sha([]byte(line)), Part: part + seq, Parts: parts, Lines: []string{line}}
			if file, err := reader.Add(e); err == nil && file != nil && sha(file.Content) != file.Hash {
				t.Fatalf("%+v", file)
			}
		}
	})
}

const judgedPolicy = `version = 1
serial = %d
root = "/srv/git"
ledger = "/l"
[identity]
source = "ssh"
[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
[environments.stg]
repository = "{service}/stg.git"
refs = ["refs/heads/main"]
after = ["dev"]
enforce = false
pushers = ["ana"]
[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["dev"]
soak = "1h"
pushers = ["ana", "bo"]
ticket = "[A-Z]+-[0-9]+"
approvals = { count = 1, by = ["bo", "chi"], for = "2400h" }
[[freeze]]
name = "year end"
environments = ["prd"]
from = 2026-12-20T00:00:00
to = 2027-01-04T08:00:00
zone = "UTC"
[override]
by = ["ana"]
environments = ["prd"]
`

// Each decision is judged again, and a record that says otherwise is named.
func TestVerifyJudgesAgain(t *testing.T) {
	file := fmt.Appendf(nil, judgedPolicy, 4)
	pol, err := policy.Parse("policy.toml", file)
	if err != nil || pol.Serial != 4 || pol.Text != string(file) {
		t.Fatal(err)
	}
	a, b := oid("a"), oid("b")
	prd := func(kind string, change func(*Entry)) *Entry {
		e := entryFor(TypeIntent, "prd", mainRef, a, kind)
		e.Policy, e.Evidence = pol.Hash, []uint64{4}
		e.Rules = []string{"environments.prd.after:dev=yes", "environments.prd.soak:dev=yes", "environments.prd.approvals=yes",
			`freeze."year end"=yes`, "environments.prd.pushers=yes", "environments.prd.ticket=yes"}
		change(e)
		return e
	}
	rule := func(i int, says string) func(*Entry) {
		return func(e *Entry) { e.Rules[i] = e.Rules[i][:strings.IndexByte(e.Rules[i], '=')+1] + says }
	}
	dev := func(commit, kind string) *Entry {
		e := entryFor(TypeIntent, "dev", mainRef, commit, kind)
		e.Policy = pol.Hash
		return e
	}
	stg := func(rules ...string) *Entry {
		e := entryFor(TypeIntent, "stg", mainRef, a, "promote")
		e.Policy, e.Rules, e.Principal = pol.Hash, rules, "bo"
		return e
	}
	refused := func(codes []string, rules ...string) *Entry {
		return &Entry{Type: TypeRefused, Service: "shop", Environment: "prd", Codes: codes, Rules: rules}
	}
	for name, test := range map[string]struct {
		what    string // of the last of the entries
		entries []*Entry
	}{
		// Record 2 is the policy; 4 deploys a to dev, 6 b; bo approves of a for prd in 7, two hours later.
		"sound":                         {"", []*Entry{prd("promote", func(*Entry) {})}},
		"first environment":             {"", []*Entry{dev(b, "redeploy")}},
		"back in dev":                   {"", []*Entry{with(dev(a, "rollback"), func(e *Entry) { e.Rules = []string{"environments.dev.rollback=yes"} })}},
		"a rollback called a deploy":    {"it is environments.dev.rollback=yes", []*Entry{with(dev(a, "deploy"), func(e *Entry) { e.Rules = []string{"x=yes"} })}},
		"a redeploy called a deploy":    {"it is of kind redeploy", []*Entry{dev(b, "deploy")}},
		"a no that was let in":          {"let in although", []*Entry{prd("promote", rule(4, "not-a-pusher"))}},
		"evidence left out":             {"it rests on records [4]", []*Entry{prd("promote", func(e *Entry) { e.Evidence = nil })}},
		"a rule left out":               {"is missing", []*Entry{prd("promote", func(e *Entry) { e.Rules = e.Rules[:5] })}},
		"a rule put in":                 {"no rule says lock=yes", []*Entry{prd("promote", func(e *Entry) { e.Rules = append(e.Rules, "lock=yes") })}},
		"not a pusher":                  {"pushers=not-a-pusher", []*Entry{prd("promote", func(e *Entry) { e.Principal = "eve" })}},
		"approved by himself":           {"approvals=needs-approval", []*Entry{prd("promote", func(e *Entry) { e.Principal = "bo" })}},
		"not approved":                  {"after:dev=yes", []*Entry{prd("promote", func(e *Entry) { e.Commit, e.New, e.Evidence, e.Rules = b, b, []uint64{6}, e.Rules[1:] })}},
		"not soaked":                    {"soak:dev=soaking", []*Entry{prd("promote", func(e *Entry) { e.Commit, e.New, e.Evidence = b, b, []uint64{6} })}},
		"frozen":                        {`freeze."year end"=frozen`, []*Entry{prd("promote", func(e *Entry) { e.Time = testStart.AddDate(0, 1, 5) })}},
		"never deployed before":         {"after:dev=prior-not-deployed", []*Entry{prd("promote", func(e *Entry) { e.Commit, e.New, e.Evidence = oid("c"), oid("c"), nil })}},
		"locked":                        {"lock=locked", []*Entry{{Type: TypeLock, Environment: "prd", Principal: "ana"}, prd("promote", func(*Entry) {})}},
		"a lock that ran out":           {"", []*Entry{{Type: TypeLock, Environment: "prd", Principal: "ana", Until: testStart}, prd("promote", func(*Entry) {})}},
		"vetoed":                        {"approvals=needs-approval", []*Entry{{Type: TypeVeto, Kind: KindVeto, Service: "shop", Commit: a, Principal: "ana"}, prd("promote", rule(2, "yes"))}},
		"an approval taken back":        {"approvals=needs-approval", []*Entry{approvalBy("bo", KindReject, a), prd("promote", func(*Entry) {})}},
		"overridden":                    {"", []*Entry{{Type: TypeLock, Environment: "prd", Principal: "ana"}, prd(KindOverride, locked)}},
		"overridden by who may not":     {"it is lock=locked", []*Entry{{Type: TypeLock, Environment: "prd", Principal: "ana"}, prd(KindOverride, func(e *Entry) { locked(e); e.Principal = "eve" })}},
		"overrode what it does not say": {"it overrode", []*Entry{prd("promote", rule(1, "overridden:soaking"))}},
		"overrode with a fault":         {"which no override goes past", []*Entry{prd("promote", rule(1, "overridden:fault"))}},
		"another policy":                {"is not on record", []*Entry{prd("promote", func(e *Entry) { e.Policy = sha([]byte("x")) })}},
		"no policy":                     {"is not on record", []*Entry{prd("promote", func(e *Entry) { e.Policy = "" })}},
		"another repository":            {"no environment", []*Entry{prd("promote", func(e *Entry) { e.Repository = "shop/other.git" })}},
		"unknown environment":           {"no environment", []*Entry{prd("promote", func(e *Entry) { e.Environment = "eu" })}},
		"no verdict":                    {"not verdicts", []*Entry{prd("promote", func(e *Entry) { e.Rules[0] = "after" })}},
		"rules are not enforced":        {"", []*Entry{with(stg("environments.stg.after:dev=yes", "environments.stg.pushers=not-a-pusher"), func(e *Entry) {})}},
		"not enforced, and hidden":      {"pushers=not-a-pusher, and not", []*Entry{stg("environments.stg.after:dev=yes", "environments.stg.pushers=yes")}},
		"refused":                       {"", []*Entry{refused([]string{"soaking", "locked"}, "a.soak=soaking", "b.soak=soaking", "lock=locked", "x=yes", "freeze=overridden:frozen")}},
		"refused by no rule":            {"", []*Entry{refused([]string{"stale-old-value"}, "x=yes")}},
		"a rehearsal":                   {"", []*Entry{refused([]string{"rehearsal"}, "a.soak=soaking", "x=yes")}},
		"refused for nothing":           {"names no code", []*Entry{refused(nil, "x=yes")}},
		"refused for another reason":    {"its rules refuse with", []*Entry{refused([]string{"locked"}, "a.soak=soaking")}},
		"an older serial":               {"its serial is 3", PolicyEntries(fmt.Appendf(nil, judgedPolicy, 3), 3)},
		"another file of this serial":   {"its serial is 4", PolicyEntries(append([]byte("# x\n"), file...), 4)},
		"a serial that lies":            {"its text says 5", PolicyEntries(fmt.Appendf(nil, judgedPolicy, 5), 6)},
		"a newer serial":                {"", PolicyEntries(fmt.Appendf(nil, judgedPolicy, 5), 5)},
		"judged by the old policy":      {"after that of record 8 had 5", append(PolicyEntries(fmt.Appendf(nil, judgedPolicy, 5), 5), prd("promote", func(*Entry) {}))},
		"another text":                  {"not those of the policy file", []*Entry{with(PolicyEntries(fmt.Appendf(nil, judgedPolicy, 5), 5)[0], func(e *Entry) { e.Lines[3] = "#" })}},
		"no policy at all":              {"that no pathgate judges by", append(PolicyEntries([]byte("x = [\n"), 9), with(dev(b, "deploy"), func(e *Entry) { e.Policy = sha([]byte("x = [\n")) }))},
		"an adoption":                   {"calls itself an adoption", []*Entry{with(dev(b, "deploy"), func(e *Entry) { e.Kind = "adopt" })}},
		"a policy that cannot be read":  {"", append(PolicyEntries([]byte("version = 2\n"), 9), with(dev(b, "deploy"), func(e *Entry) { e.Policy = sha([]byte("version = 2\n")) }))},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.append(PolicyEntries(file, 4)...)
			for _, c := range []string{a, b} {
				intent := dev(c, "deploy")
				r.append(intent)
				d := entryFor(TypeDeployed, "dev", mainRef, c, "deploy")
				d.Intent = intent.Seq
				r.append(d)
				if c == a {
					r.clock.t = r.clock.t.Add(2 * time.Hour)
				}
			}
			r.append(approvalBy("bo", KindApprove, a))
			r.forge(test.entries...)
			if test.what != "" {
				r.found(uint64(len(r.lines())), test.what)
				return
			}
			r.verified()
		})
	}
}

func with(e *Entry, f func(*Entry)) *Entry { f(e); return e }

// locked is an override of a lock.
func locked(e *Entry) {
	e.Overrode, e.Reason = []string{policy.RuleLock}, "INC-42"
	e.Rules = append(e.Rules[:4:4], append([]string{"lock=overridden:locked"}, e.Rules[4:]...)...)
}

func approvalBy(who, kind, commit string) *Entry {
	return &Entry{Type: TypeApproval, Kind: kind, Service: "shop", Environment: "prd", Repository: "shop/prd.git",
		Ref: mainRef, Commit: commit, Principal: who, Via: "ssh"}
}

// A ledger of before policies were on record has nothing to be judged by.
func TestVerifyWithoutPolicies(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	if rep := r.verified(); rep.Unjudged != 1 || rep.Judged != 0 {
		t.Errorf("%+v", rep)
	}
	l := r.open()
	defer l.Close()
	if known, serial, err := l.KnownPolicy(sha(nil)); known || serial != 0 || err != nil {
		t.Error(known, serial, err)
	}
	if n, err := l.Serial(); n != (Serial{}) || err != nil {
		t.Error(n, err)
	}
	if _, err := (&PolicyReader{}).Add(&Entry{Type: TypePolicy}); err == nil || errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}
