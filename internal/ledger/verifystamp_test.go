package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

const stampPolicy = `version = 1
serial = %d
root = "/srv/git"
ledger = "/l"
[identity]
source = "ssh"
[environments.stg]
elsewhere = true
keys = ["%s"%s]
services = ["sh*"]
max_age = "90d"
%s
[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["stg"]
%s
[environments.old]
repository = "{service}/old.git"
refs = ["refs/heads/main"]
after = ["dev"]
`

// sshKey makes a public key as authorized_keys has it.
func sshKey(fill byte) (line, fingerprint string) {
	wire := "\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + strings.Repeat(string(rune(fill)), 32)
	sum := sha256.Sum256([]byte(wire))
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte(wire)), "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// A stampRig is a ledger that was judged by stamps, and the one they are of.
type stampRig struct {
	*rig
	origin *origin
	file   []byte
	key    string
	a, b   string
}

// newStampRig puts a policy on record (2). The origin deploys a in 3 and says
// that this went well in 4, deploys b in 6 and goes back to a in 8.
func newStampRig(t *testing.T, keys, there, prd string) *stampRig {
	t.Helper()
	line, fingerprint := sshKey('k')
	r := &stampRig{newRig(t), newOrigin(t), fmt.Appendf(nil, stampPolicy, 4, line, keys, there, prd), fingerprint, oid("a"), oid("b")}
	if _, err := policy.Parse("policy.toml", r.file); err != nil {
		t.Fatal(err)
	}
	r.append(PolicyEntries(r.file, 4)...)
	r.origin.deployBy(DeployExternal, "stg", mainRef, r.a)
	r.origin.status(3, StateSuccess)
	r.origin.deploy("stg", mainRef, r.b, "deploy")
	r.origin.deploy("stg", mainRef, r.a, "rollback")
	r.clock.t = r.origin.clock.t.Add(time.Hour)
	return r
}

// by fills in what who receives stamps does.
func (r *stampRig) by(stamps ...*Entry) []*Entry {
	for _, e := range stamps {
		e.Key, e.Policy = r.key, sha(r.file)
	}
	return stamps
}

// promote is an intent for prd, and what it is judged by.
func (r *stampRig) promote(commit string, evidence ...uint64) *Entry {
	e := entryFor(TypeIntent, "prd", mainRef, commit, "promote")
	e.Policy, e.Evidence = sha(r.file), evidence
	e.Rules = []string{"environments.prd.after:stg=yes", "environments.stg.max_age:stg=yes", "environments.prd.requires:stg=yes"}
	return e
}

func TestVerifyStamps(t *testing.T) {
	other, otherPrint := sshKey('o')
	type given struct{ keys, there, prd string }
	for name, test := range map[string]struct {
		given
		what string // of the last entry
		make func(r *stampRig) []*Entry
	}{
		"sound": {what: "", make: func(r *stampRig) []*Entry { return append(r.by(r.origin.deployed(8)), r.promote(r.a, 3)) }},
		"all kinds": {what: "", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.took(8, r.b), r.origin.reported(4), r.origin.deployed(3)), r.promote(r.a, 5))
		}},
		"no stamp":         {what: "it is environments.prd.after:stg=no-stamp", make: func(r *stampRig) []*Entry { return []*Entry{r.promote(r.a)} }},
		"no such evidence": {what: "record 2, is no deployment", make: func(r *stampRig) []*Entry { return []*Entry{r.promote(r.a, 2)} }},
		"a status as evidence": {what: "record 3, is no deployment", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.reported(4)), r.promote(r.a, 3))
		}},
		"a stamp of another commit": {what: "another service or commit", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(6)), r.promote(r.a, 3))
		}},
		"a newer stamp was known": {what: "record 4 is", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(3), r.origin.deployed(8)), r.promote(r.a, 3))
		}},
		"withdrawn": {what: "withdrawn by record 4", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(6), r.origin.took(8, r.b)), r.promote(r.b, 3))
		}},
		"withdrawn, and told of first": {what: "withdrawn by record 3", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.took(8, r.b), r.origin.deployed(6)), r.promote(r.b, 4))
		}},
		"withdrawn, and that does not matter": {given: given{prd: `evidence = "ever"`}, what: "", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(6), r.origin.took(8, r.b)),
				with(r.promote(r.b, 3), func(e *Entry) { e.Rules = append(e.Rules, "environments.prd.evidence=ever") }))
		}},
		"forked": {what: "contradicts itself by record 4", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(8), with(otherLine(r.origin.deployed(8)), func(e *Entry) { e.Kind, e.Reason = KindFork, "why" })), r.promote(r.a, 3))
		}},
		"of before the successor": {what: "took the place of in record 4", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(8), r.origin.successor(8)), r.promote(r.a, 3))
		}},
		"too old": {what: "max_age:stg=stamp-too-old", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(8)), with(r.promote(r.a, 3), func(e *Entry) { e.Time = testStart.AddDate(0, 3, 0) }))
		}},
		"old when written, and not when judged": {what: "", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(8)), with(r.promote(r.a, 3), func(e *Entry) { e.Time = r.origin.entries[7].Time.AddDate(0, 0, 90).Add(time.Minute) }))
		}},
		"not live": {given: given{prd: `evidence = "live"`}, what: "prior-not-deployed", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(6), r.origin.deployed(3)), r.promote(r.a, 4))
		}},
		"live": {given: given{prd: `evidence = "live"`}, what: "", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(6), r.origin.deployed(8)), r.promote(r.a, 4))
		}},
		"not known how it went": {given: given{prd: `requires = "success"`}, what: "requires:stg=not-successful", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(3)), r.promote(r.a, 3))
		}},
		"known to have gone well": {given: given{prd: `requires = "success"`}, what: "", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(3), r.origin.reported(4)), r.promote(r.a, 3))
		}},
		"soaked": {given: given{prd: `soak = "30m"`}, what: "", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(8)), with(r.promote(r.a, 3), func(e *Entry) { e.Rules = append(e.Rules, "environments.prd.soak:stg=yes") }))
		}},
		"not soaked": {given: given{prd: `soak = "3h"`}, what: "soak:stg=soaking", make: func(r *stampRig) []*Entry {
			return append(r.by(r.origin.deployed(8)), with(r.promote(r.a, 3), func(e *Entry) { e.Rules = append(e.Rules, "environments.prd.soak:stg=yes") }))
		}},
		"a local record as evidence": {what: "is no stamp, and stg is elsewhere", make: func(r *stampRig) []*Entry {
			return []*Entry{entryFor(TypeAdopt, "stg", mainRef, r.a, "adopt"), r.promote(r.a, 3)}
		}},
		"a stamp where none counts": {what: "is a stamp, and stg is not elsewhere", make: func(r *stampRig) []*Entry {
			text := string(r.file)
			from, to := strings.Index(text, "elsewhere = true"), strings.Index(text, "[environments.dev]")
			moved := strings.Replace(text[:from]+"repository = \"{service}/stg.git\"\nrefs = [\"refs/heads/main\"]\n"+text[to:], "serial = 4", "serial = 5", 1)
			entries := append(r.by(r.origin.deployed(8)), PolicyEntries([]byte(moved), 5)...)
			return append(entries, with(r.promote(r.a, 3), func(e *Entry) { e.Policy, e.Rules = sha([]byte(moved)), e.Rules[:1] }))
		}},
		"by no policy": {what: "taken by is not on record", make: func(r *stampRig) []*Entry {
			return []*Entry{with(r.by(r.origin.deployed(8))[0], func(e *Entry) { e.Policy = "" })}
		}},
		"an unknown key": {what: "lets no key " + otherPrint, make: func(r *stampRig) []*Entry {
			return []*Entry{with(r.by(r.origin.deployed(8))[0], func(e *Entry) { e.Key = otherPrint })}
		}},
		"another key of theirs": {given: given{keys: `, "` + other + `"`}, what: "", make: func(r *stampRig) []*Entry {
			return []*Entry{with(r.by(r.origin.deployed(8))[0], func(e *Entry) { e.Key = otherPrint })}
		}},
		"a revoked key": {given: given{keys: `, "` + other + `"`, there: `revoked = ["` + otherPrint + `"]`}, what: "lets no key " + otherPrint, make: func(r *stampRig) []*Entry {
			return []*Entry{with(r.by(r.origin.deployed(8))[0], func(e *Entry) { e.Key = otherPrint })}
		}},
		"not elsewhere": {what: "has no dev elsewhere", make: func(r *stampRig) []*Entry {
			r.origin.deploy("dev", mainRef, r.a, "deploy")
			return r.by(r.origin.deployed(10))
		}},
		"a service not spoken for": {what: "has no stg elsewhere for cart", make: func(r *stampRig) []*Entry {
			r.origin.settle("stg", mainRef, r.a, func(e *Entry) { e.Service, e.Kind = "cart", "deploy" })
			return r.by(r.origin.deployed(10))
		}},
		"a fork that is hidden": {what: "not on record as a fork", make: func(r *stampRig) []*Entry { return r.by(r.origin.deployed(8), otherTree(r.origin.deployed(3))) }},
		"more of a fork": {what: "no successor is on record", make: func(r *stampRig) []*Entry {
			return r.by(r.origin.deployed(8), with(otherTree(r.origin.deployed(3)), func(e *Entry) { e.Kind, e.Reason = KindFork, "why" }), r.origin.deployed(3))
		}},
		"not shaped": {what: "its line is of another record", make: func(r *stampRig) []*Entry {
			return []*Entry{with(r.by(r.origin.deployed(8))[0], func(e *Entry) { e.Record = 7 })}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newStampRig(t, test.keys, test.there, test.prd)
			r.forge(test.make(r)...)
			if test.what != "" {
				r.found(uint64(len(r.lines())), test.what)
				return
			}
			r.verified()
		})
	}
}

// A stamp on record says what its line says. Who writes the chain anew cannot
// change any of that.
func TestVerifyStampFields(t *testing.T) {
	for name, change := range map[string]func(*Entry){
		"service": func(e *Entry) { e.Service = "shelf" }, "environment": func(e *Entry) { e.Environment = "dev" },
		"repository": func(e *Entry) { e.Repository += "x" }, "ref": func(e *Entry) { e.Ref += "x" },
		"commit": func(e *Entry) { e.Commit = oid("d") }, "tree": func(e *Entry) { e.Tree = oid("d") },
		"subject": func(e *Entry) { e.Subject += "x" }, "kind": func(e *Entry) { e.Kind = KindStatus },
		"state": func(e *Entry) { e.State = StateSuccess }, "principal": func(e *Entry) { e.Principal = "bo" },
		"record": func(e *Entry) { e.Record-- }, "stamped": func(e *Entry) { e.Stamped = e.Stamped.Add(time.Second) },
		"rules": func(e *Entry) { e.Rules = []string{"environments.prd.after=yes"} }, "reason": func(e *Entry) { e.Reason = "x" },
		"message": func(e *Entry) { e.Message = "x" }, "deploy": func(e *Entry) { e.Deploy = DeployExternal },
	} {
		r := newStampRig(t, "", "", "")
		r.forge(r.by(r.origin.deployed(8))...)
		r.verified()
		changed := r.by(r.origin.deployed(6))[0]
		change(changed)
		r.forge(changed)
		rep, err := Verify(r.dir, nil)
		if err != nil || len(rep.Findings) != 1 || rep.Findings[0].Line != 4 {
			t.Errorf("%s: %v %v", name, rep.Findings, err)
		}
	}
}

// Who verifies says how signatures are checked.
func TestVerifySignatures(t *testing.T) {
	r := newStampRig(t, "", "", "")
	r.append(r.by(r.origin.deployed(8))...)
	r.append(r.by(r.origin.took(8, r.b))...)
	var asked []uint64
	rep, err := VerifyWith(r.dir, VerifyOptions{Signed: func(e *Entry) error { asked = append(asked, e.Seq); return nil }})
	if err != nil || !rep.OK() || rep.Unsigned != 0 || fmt.Sprint(asked) != "[3 4]" {
		t.Errorf("%+v %v %v", rep, err, asked)
	}
	rep, err = VerifyWith(r.dir, VerifyOptions{Signed: func(e *Entry) error {
		if e.Kind == KindWithdrawal {
			return errors.New("of another text")
		}
		return nil
	}})
	if err != nil || len(rep.Findings) != 1 || rep.Findings[0].Line != 4 || !strings.Contains(rep.Findings[0].Problem, "of another text") {
		t.Errorf("%+v %v", rep, err)
	}
	if rep := r.verified(); rep.Unsigned != 2 {
		t.Errorf("%+v", rep)
	}
}

func TestStampKeyTimes(t *testing.T) {
	from, until := testStart, testStart.Add(time.Hour)
	e := &policy.Elsewhere{Keys: []policy.StampKey{{Fingerprint: "open"}, {Fingerprint: "timed", From: from, Until: until}, {Fingerprint: "lost", Revoked: true}}}
	for _, test := range []struct {
		key  string
		at   time.Time
		want bool
	}{
		{"open", from, true}, {"lost", from, false}, {"other", from, false}, {"", from, false},
		{"timed", from, true}, {"timed", from.Add(-1), false}, {"timed", until.Add(-1), true}, {"timed", until, false},
	} {
		if got := admits(e, test.key, test.at); got != test.want {
			t.Errorf("%s at %s: %v", test.key, test.at, got)
		}
	}
}
