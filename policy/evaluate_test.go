package policy

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestDecisions runs testdata/decisions. Each archive has policy.toml and one
// file for each case. A line of a case that begins with "> " is a line of the
// decision that is expected; the others give the update and the facts:
//
//	push shop/prd.git refs/heads/main a    the commit a, 40 times over
//	delete shop/prd.git refs/heads/main
//	unfetched
//	live 12 a                              the ref is live by record 12, at a
//	live-kind redeploy                     the live record's kind
//	live-ref refs/heads/other              what the live record says of its ref
//	here 12 [withdrawn 14]                 standing of the commit here
//	onref 12                               its last deployment on this ref
//	prior stg none                         standing in an environment before
//	prior stg 11 [withdrawn 13]
//	outcome success 13                     of the commit's deployment here
//
// These add to the prior that was named last:
//
//	prior-outcome success 12
//	prior-pending
//	prior-override                         it came by an override
//	prior-live 09:00                       live now, since then; or never
//	prior-soaked 90m                       longest time live that is over
//	prior-elsewhere 09:00                  stamps tell of it, this old; or never
//	prior-forked 20                        its origin's ledger contradicts itself
//	prior-offered the key has expired      why a stamp does not count
//
//	match-back                             the commit lacks what is live
//	match-brought 3                        git was asked: commits that need evidence
//	match-evidence 9 7                     records that bear them out
//	match-missing 30 a b                   how many, and which; so also
//	match-withdrawn 11 2 a b               with the record of the withdrawal,
//	match-overridden 8 2 a b               of the override
//
// Moments are of 2026-11-21 UTC, or whole. The rest is of the push:
//
//	now 12:00
//	who ana
//	approve bo 20 10:00 [a]                record, time, what was live then
//	reject bo 21 10:00
//	lock chi 30 - [until 13:00]            "-", or another environment or ref
//	veto 31 chi
//	last-veto 31
//	override INC-42: payments down
//	action release                         also remove, reset
//	git                                    git was asked; these lines, too:
//	contained refs/heads/main
//	no-ticket a
//	unsigned a no signature
//	fast-forward
func TestDecisions(t *testing.T) {
	files, err := filepath.Glob("testdata/decisions/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(archive.Files) < 2 || archive.Files[0].Name != "policy.toml" {
			t.Fatalf("%s: want policy.toml and cases", file)
		}
		p := mustParse(t, string(archive.Files[0].Data))
		for _, f := range archive.Files[1:] {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+f.Name, func(t *testing.T) {
				testDecision(t, p, string(f.Data))
			})
		}
	}
}

func testDecision(t *testing.T, p *Policy, text string) {
	c := decisionCase{policy: p}
	for line := range strings.Lines(text) {
		if wanted, ok := strings.CutPrefix(line, "> "); ok {
			c.want += wanted
		} else if err := c.read(strings.Fields(line)); err != nil {
			t.Fatalf("%s: %v", strings.TrimSpace(line), err)
		}
	}
	if c.env == nil || c.want == "" {
		t.Fatal("the case says no push or no decision")
	}
	d := Evaluate(c.env, c.update, c.facts)
	if got := drawDecision(d); got != c.want {
		t.Errorf("got:\n%swant:\n%s", got, c.want)
	}
	if again := Evaluate(c.env, c.update, c.facts); !reflect.DeepEqual(d, again) {
		t.Errorf("a second time: %+v, then %+v", d, again)
	}
	c.facts.Fetched = false
	if d := Evaluate(c.env, c.update, c.facts); d.Allowed {
		t.Errorf("allowed on facts that were not fetched: %+v", d)
	}
}

type decisionCase struct {
	policy *Policy
	env    *Environment
	update Update
	facts  Facts
	want   string
}

func (c *decisionCase) read(words []string) error {
	if len(words) == 0 {
		return nil
	}
	verb, args := words[0], words[1:]
	need := map[string]int{"push": 3, "delete": 2, "live": 2, "live-ref": 1, "here": 1, "onref": 1, "prior": 2,
		"outcome": 2, "prior-outcome": 2, "prior-live": 1, "prior-soaked": 1, "prior-elsewhere": 1, "prior-forked": 1, "prior-offered": 1, "now": 1, "who": 1, "approve": 3,
		"reject": 3, "lock": 3, "veto": 2, "last-veto": 1, "live-kind": 1, "contained": 1, "no-ticket": 1, "unsigned": 2,
		"action": 1, "match-brought": 1, "match-evidence": 1, "match-missing": 2, "match-withdrawn": 3, "match-overridden": 3}[verb]
	if len(args) < need {
		return fmt.Errorf("%s needs %d words", verb, need)
	}
	if known, err := c.readGuard(verb, args); known || err != nil {
		return err
	}
	switch verb {
	case "push", "delete":
		c.facts.Fetched = true
		return c.push(args)
	case "unfetched":
		c.facts.Fetched = false
	case "live":
		c.facts.Live = Live{Record: number(args[0]), Ref: c.update.Ref, Commit: commit(args[1])}
	case "live-ref":
		c.facts.Live.Ref = RefName(args[0])
	case "here":
		c.facts.Here = standing(args)
	case "onref":
		c.facts.OnRef = number(args[0])
	case "prior":
		c.facts.Prior = append(c.facts.Prior, PriorFacts{Environment: EnvironmentName(args[0]), Standing: standing(args[1:])})
	default:
		return fmt.Errorf("unknown verb")
	}
	return nil
}

func (c *decisionCase) push(args []string) error {
	site, ok := c.policy.Site(args[0])
	if !ok {
		return fmt.Errorf("no site")
	}
	if c.env, ok = site.Environment(RefName(args[1])); !ok {
		return fmt.Errorf("no environment")
	}
	c.update = Update{Ref: RefName(args[1]), New: commit("0")}
	if len(args) > 2 {
		c.update.Commit = commit(args[2])
		c.update.New = c.update.Commit
	}
	return nil
}

func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func commit(s string) ObjectID {
	if len(s) != 1 {
		return ObjectID(s)
	}
	return ObjectID(strings.Repeat(s, 40))
}

func standing(args []string) Standing {
	if args[0] == "none" {
		return Standing{}
	}
	s := Standing{Record: number(args[0])}
	if len(args) == 3 && args[1] == "withdrawn" {
		s.Withdrawn = number(args[2])
	}
	return s
}

// drawDecision writes a decision as the cases have it.
func drawDecision(d Decision) string {
	var b strings.Builder
	word := "refused"
	if d.Allowed {
		word = "allowed"
	}
	b.WriteString(strings.TrimSpace(word + " " + string(d.Kind)))
	if d.Base != d.Kind {
		b.WriteString(" of " + string(d.Base))
	}
	b.WriteString("\n")
	for _, v := range d.Verdicts {
		words := []string{"no"}
		if v.OK {
			words[0] = "yes"
		}
		if v.Rule != "" {
			words = append(words, v.RulePlace()+":")
		}
		if v.Environment != "" {
			words = append(words, string(v.Environment))
		}
		if v.Record != 0 {
			words = append(words, "record", strconv.FormatUint(v.Record, 10))
		}
		if v.Code != "" {
			words = append(words, "["+string(v.Code)+"]")
		}
		if v.Overridden {
			words = append(words, "overridden")
		}
		if v.Detail != nil {
			words = append(words, drawDetail(*v.Detail)...)
		}
		b.WriteString(strings.Join(words, " ") + "\n")
	}
	if len(d.Evidence) > 0 {
		fmt.Fprintf(&b, "evidence %d\n", d.Evidence)
	}
	if len(d.Overrode) > 0 {
		fmt.Fprintf(&b, "overrode %s\n", strings.Join(d.Overrode, " "))
	}
	if d.OverrideDenied {
		b.WriteString("override denied\n")
	}
	if d.WouldRefuse {
		b.WriteString("would refuse\n")
	}
	return b.String()
}

func TestEvaluateZero(t *testing.T) {
	p := mustParse(t, issuePolicy)
	a := commit("a")
	dev, _ := p.Environment("dev")
	fetched := Facts{Fetched: true}
	for _, test := range []struct {
		name  string
		env   *Environment
		u     Update
		facts Facts
	}{
		{"no environment", nil, Update{Ref: "refs/heads/main", Old: a, New: a, Commit: a}, fetched},
		{"zero environment", &Environment{}, Update{Ref: "refs/heads/main", Old: a, New: a, Commit: a}, fetched},
		{"zero update", dev, Update{}, fetched},
		{"zero facts", dev, Update{Ref: "refs/heads/main", Old: a, New: a, Commit: a}, Facts{}},
		{"another ref", dev, Update{Ref: "refs/heads/other", Old: a, New: a, Commit: a}, fetched},
		{"commit not peeled", dev, Update{Ref: "refs/heads/main", New: a}, fetched},
		{"zero commit", dev, Update{Ref: "refs/heads/main", Old: a, New: a, Commit: commit("0")}, fetched},
		{"short commit", dev, Update{Ref: "refs/heads/main", Old: a, New: a, Commit: "aaaaaaa"}, fetched},
		{"commit in capitals", dev, Update{Ref: "refs/heads/main", Old: a, New: a, Commit: ObjectID(strings.Repeat("A", 40))}, fetched},
		{"evidence of nothing", dev, Update{Ref: "refs/heads/main", Old: a, New: a, Commit: a}, Facts{Fetched: true, Prior: make([]PriorFacts, 1)}},
	} {
		d := Evaluate(test.env, test.u, test.facts)
		if want := refuse(Fault); !reflect.DeepEqual(d, want) {
			t.Errorf("%s: %+v, want %+v", test.name, d, want)
		}
	}
	if (Decision{}).Allowed {
		t.Error("the zero decision allows")
	}
	long := ObjectID(strings.Repeat("c", 64))
	if d := Evaluate(dev, Update{Ref: "refs/heads/main", Old: a, New: long, Commit: long}, fetched); !d.Allowed {
		t.Errorf("SHA-256: %+v", d)
	}
}
