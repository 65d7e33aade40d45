package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// readGuard reads the lines of a case that are about guard rails.
func (c *decisionCase) readGuard(verb string, args []string) (known bool, err error) {
	f := &c.facts
	prior := &PriorFacts{}
	if n := len(f.Prior); n > 0 {
		prior = &f.Prior[n-1]
	} else if strings.HasPrefix(verb, "prior-") || strings.HasPrefix(verb, "match-") {
		return true, fmt.Errorf("no prior stands before it")
	}
	if rest, ok := strings.CutPrefix(verb, "match-"); ok {
		return readMatch(prior, rest, args), nil
	}
	switch verb {
	case "action":
		c.update.Action = Action(args[0])
	case "now":
		f.Now = moment(args[0])
	case "who":
		f.Principal = args[0]
	case "outcome":
		f.Outcome = Outcome{State: args[0], Record: number(args[1])}
	case "prior-outcome":
		prior.Outcome = Outcome{State: args[0], Record: number(args[1])}
	case "prior-pending":
		prior.Pending = true
	case "prior-override":
		prior.Override = true
	case "prior-live":
		if prior.IsLive = true; args[0] != "never" {
			prior.LiveSince = moment(args[0])
		}
	case "prior-soaked":
		prior.Soaked, err = time.ParseDuration(args[0])
	case "prior-elsewhere":
		if prior.Elsewhere = true; args[0] != "never" {
			prior.Stamped = moment(args[0])
		}
	case "prior-forked":
		prior.Forked = number(args[0])
	case "prior-offered":
		prior.Offered = append(prior.Offered, Offer{Reason: strings.Join(args, " ")})
	case "approve", "reject":
		a := Approval{Principal: args[0], Record: number(args[1]), Time: moment(args[2]), Reject: verb == "reject"}
		if len(args) > 3 {
			a.Live = commit(args[3])
		}
		f.Approvals = append(f.Approvals, a)
	case "lock":
		f.Locks = append(f.Locks, lockOf(args))
	case "live-kind":
		f.Live.Kind = Kind(args[0])
	case "veto":
		f.Veto = &Veto{Record: number(args[0]), Principal: args[1], Reason: "bad"}
	case "last-veto":
		f.LastVeto = number(args[0])
	case "override":
		f.Override = strings.Join(args, " ") + " "
	default:
		return c.readGit(verb, args), nil
	}
	return true, err
}

func (c *decisionCase) readGit(verb string, args []string) (known bool) {
	git := &c.facts.Commit
	switch verb {
	case "git":
	case "contained":
		git.Contained = append(git.Contained, RefName(args[0]))
	case "no-ticket":
		git.NoTicket = append(git.NoTicket, commit(args[0]))
		git.NoTicketCount++
	case "unsigned":
		git.Unsigned = append(git.Unsigned, UnsignedCommit{commit(args[0]), strings.Join(args[1:], " ")})
		git.UnsignedCount++
	case "fast-forward":
		git.FastForward = true
	default:
		return false
	}
	git.Fetched = true
	return true
}

// readMatch reads what git and the ledger say of what a push brings.
func readMatch(prior *PriorFacts, verb string, args []string) (known bool) {
	if prior.Match == nil {
		prior.Match = &MatchFacts{}
	}
	m := prior.Match
	switch verb {
	case "back":
		m.Back = true
	case "brought":
		m.Brought = int(number(args[0]))
	case "evidence":
		for _, arg := range args {
			m.Evidence = append(m.Evidence, number(arg))
		}
	case "missing":
		m.MissingCount, m.Missing = int(number(args[0])), commits(args[1:])
	case "withdrawn":
		m.WithdrawnBy, m.WithdrawnCount, m.Withdrawn = number(args[0]), int(number(args[1])), commits(args[2:])
	case "overridden":
		m.OverriddenBy, m.OverriddenCount, m.Overridden = number(args[0]), int(number(args[1])), commits(args[2:])
	default:
		return false
	}
	return true
}

func commits(args []string) (ids []ObjectID) {
	for _, arg := range args {
		ids = append(ids, commit(arg))
	}
	return ids
}

func short(ids []ObjectID) (drawn []string) {
	for _, id := range ids {
		drawn = append(drawn, id.Short())
	}
	return drawn
}

func lockOf(args []string) Lock {
	l := Lock{Principal: args[0], Record: number(args[1]), Reason: "look first"}
	switch {
	case strings.HasPrefix(args[2], "refs/"):
		l.Ref = RefName(args[2])
	case args[2] != "-":
		l.Environment = EnvironmentName(args[2])
	}
	if len(args) > 4 {
		l.Until = moment(args[4])
	}
	return l
}

func moment(s string) time.Time {
	if len(s) == len("15:04") {
		s = "2026-11-21T" + s + ":00Z"
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// drawDetail writes what a rule saw as the cases have it.
func drawDetail(d Detail) (words []string) {
	add := func(show bool, format string, args ...any) {
		if show {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(d.Elsewhere, "as-stamped")
	add(d.NotLive, "not-live")
	add(d.ByOverride, "by-override")
	add(d.Back, "back")
	add(d.Match != "", "match %s", d.Match)
	add(d.Brought != 0, "brought %d", d.Brought)
	add(d.MissingCount != 0, "missing %d %s", d.MissingCount, short(d.Missing))
	add(d.WithdrawnCount != 0, "withdrawn %d %s", d.WithdrawnCount, short(d.Withdrawn))
	add(d.OverriddenCount != 0, "overridden %d %s", d.OverriddenCount, short(d.Overridden))
	add(!d.Stamped.IsZero(), "stamped %s", d.Stamped.Format("2006-01-02 15:04:05"))
	add(d.Ahead, "ahead")
	add(d.MaxAge != 0, "at most %s", d.MaxAge)
	for _, o := range d.Offered {
		add(true, "offered %q", o.Reason)
	}
	add(d.Outcome.State != "", "%s", d.Outcome.State)
	add(d.Pending, "pending")
	add(d.Wanted != 0, "%s of %s", d.Span, d.Wanted)
	add(d.Left != 0, "left %s", d.Left)
	add(d.Running, "running")
	add(d.Count != 0, "%d of %d", len(d.Approved), d.Count)
	add(len(d.Approved) > 0, "by %s", strings.Join(d.Approved, ","))
	add(len(d.Ask) > 0, "ask %s", strings.Join(d.Ask, ","))
	for _, a := range d.Objected {
		add(true, "objected %s", a.Principal)
	}
	add(d.Freeze != "", "%q", d.Freeze)
	add(d.Principal != "", "%s", d.Principal)
	add(d.Reason != "", "%q", d.Reason)
	add(d.Allowed != nil, "allowed %s", strings.Join(d.Allowed, ","))
	add(len(d.Branches) > 0, "%s", d.Branches)
	add(d.Pattern != "", "%s", d.Pattern)
	for _, id := range d.Commits {
		add(true, "%s", id.Short())
	}
	for _, u := range d.Unsigned {
		add(true, "%s %q", u.Commit.Short(), u.Reason)
	}
	add(d.Total != 0, "total %d", d.Total)
	add(!d.Until.IsZero(), "until %s", d.Until.Format("Mon 15:04 MST"))
	return words
}

// TestNotKnown has facts that a guard rail looks at and that are missing.
func TestNotKnown(t *testing.T) {
	head := strings.TrimSuffix(issuePolicy, "\n") + "\n"
	a := commit("a")
	u := Update{Ref: "refs/heads/main", New: a, Commit: a}
	full := func() Facts {
		return Facts{Fetched: true, Now: moment("12:00"), Principal: "ana",
			Commit: CommitFacts{Fetched: true, Contained: []RefName{"refs/heads/main"}, FastForward: true},
			Prior:  []PriorFacts{{Environment: "stg", Standing: Standing{Record: 5}, Soaked: time.Hour}}}
	}
	const freeze = "[[freeze]]\nname = \"x\"\nenvironments = [\"prd\"]\nfrom = 2026-01-01T00:00:00\nto = 2026-01-02T00:00:00\nzone = \"UTC\"\n"
	for _, test := range []struct {
		rules string
		spoil func(*Facts)
	}{
		{"soak = \"1h\"", func(f *Facts) { f.Now = time.Time{} }},
		{freeze, func(f *Facts) { f.Now = time.Time{} }},
		{"pushers = [\"ana\"]", func(f *Facts) { f.Principal = "" }},
		{"branches = [\"refs/heads/main\"]", func(f *Facts) { f.Commit = CommitFacts{} }},
		{"ticket = \"[A-Z]+-[0-9]+\"", func(f *Facts) { f.Commit.Fetched = false }},
		{"signed.allowed_signers = \"/etc/s\"", func(f *Facts) { f.Commit.Fetched = false }},
		{"fast_forward = true", func(f *Facts) { f.Commit.Fetched = false }},
	} {
		p := mustParse(t, head+test.rules)
		prd, _ := p.Environment("prd")
		facts := full()
		if d := Evaluate(prd, u, facts); !d.Allowed {
			t.Errorf("%s: refused: %+v", test.rules, d)
		}
		for _, reportOnly := range []bool{false, true} {
			prd.ReportOnly = reportOnly
			facts := full()
			test.spoil(&facts)
			if d := Evaluate(prd, u, facts); d.Allowed || len(d.Verdicts) != 1 || d.Verdicts[0].Code != Fault {
				t.Errorf("%s, report only %v: %+v", test.rules, reportOnly, d)
			}
		}
	}
	p := mustParse(t, issuePolicy)
	prd, _ := p.Environment("prd")
	facts := full()
	facts.Now, facts.Locks = time.Time{}, []Lock{{Record: 3}}
	if d := Evaluate(prd, u, facts); d.Allowed || d.Verdicts[0].Code != Fault {
		t.Errorf("a lock without a clock: %+v", d)
	}
}

// TestGitNeeds has the kinds that ask git for less.
func TestGitNeeds(t *testing.T) {
	p := mustParse(t, strings.TrimSuffix(issuePolicy, "\n")+`
branches = ["refs/heads/main", "refs/heads/release/*"]
ticket = "[A-Z]+-[0-9]+"
fast_forward = true
signed = { allowed_signers = "/etc/pathgate/allowed_signers" }
applies_to_rollback = ["ticket", "locks"]
`)
	prd, _ := p.Environment("prd")
	a := commit("a")
	u := Update{Ref: "refs/heads/main", New: a, Commit: a}
	site, _ := p.Site("shop/prd.git")
	all := p.Needs(site, prd, u).Git
	if len(all.Branches) != 2 || all.Ticket == "" || all.Signed != "/etc/pathgate/allowed_signers" || !all.FastForward {
		t.Errorf("needs %+v", all)
	}
	rollback := Facts{Here: Standing{Record: 1}, OnRef: 1, Live: Live{Record: 2}}
	if g := prd.GitNeeds(u, rollback); g.Ticket == "" || len(g.Branches) != 0 || g.Signed != "" || g.FastForward {
		t.Errorf("rollback: %+v", g)
	}
	redeploy := Facts{Here: Standing{Record: 1}, OnRef: 1, Live: Live{Record: 1, Commit: a}}
	if g := prd.GitNeeds(u, redeploy); !g.None() {
		t.Errorf("redeploy: %+v", g)
	}
	plain := mustParse(t, issuePolicy)
	prd, _ = plain.Environment("prd")
	if n := plain.Needs(site, prd, u); !n.Git.None() || n.Approvals || n.Outcome || n.PriorLive || n.PriorOutcome {
		t.Errorf("an environment without guard rails needs %+v", n)
	}
}
