package explain

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/release"
	"github.com/pathgate/pathgate/policy"
)

// A Stage is one environment of the path as a refusal shows it.
type Stage struct {
	Environment policy.EnvironmentName
	// Ref is the ref that the commit would be pushed to there.
	Ref      policy.RefName
	Standing policy.Standing
	Live     policy.Live
	// Refs is the environment's first ref or pattern, shown where Ref is empty
	// because none corresponds.
	Refs string
	// Release says that the environment takes releases of branches. A branch
	// gets into one that does not by a merge into Ref.
	Release bool
	// Shared says that hints call the remote origin, as the environments share
	// one repository.
	Shared bool
	// Branch is the branch that is to go there, such as "JIRA-123"; empty where
	// none is known. A Receipt with Release, and a Refusal with Branch, know it
	// themselves.
	Branch string
	// Head is the branch's commit that is to go there, where the branch's name
	// may mean another one; else empty.
	Head policy.ObjectID
	// Approvals says that the environment asks for approvals.
	Approvals bool
	// Elsewhere says that the environment is on another host, so that only stamps
	// tell of it: Standing and Live are what they say.
	Elsewhere bool
	// Stamps says that this is no next environment, but the one that the commit
	// is in, whose stamps take it on to other hosts; and Pending, that how its
	// deployment went is still to come.
	Stamps, Pending bool
	// Contains is the record by which what stands there contains the commit;
	// zero if that is not known, or it does not.
	Contains uint64
}

// A Refusal is one update that the policy refused, or one thing wrong with the
// whole push, in which case Ref is empty.
type Refusal struct {
	Code        policy.Code
	Environment policy.EnvironmentName
	Ref         policy.RefName // as pushed
	Target      policy.RefName // the environment's ref that it meant
	Commit      policy.ObjectID
	Subject     string
	// Detail says what was seen, where the code alone does not.
	Detail string
	// Verdicts are the rules' verdicts, where rules were asked.
	Verdicts []policy.Verdict
	// Stages are the environments of the path up to this one, in its order.
	Stages []Stage
	// Brought are the environments elsewhere whose notes came with the push.
	Brought []policy.EnvironmentName
	// Kind is what the push would have been.
	Kind policy.Kind
	// Rehearsal says that the push asked only to be judged.
	Rehearsal bool
	// LetIn says that the environment only reports: what rules refuse is let in.
	LetIn bool
	// OverrideDenied says that the push asked for an override that the policy
	// does not permit.
	OverrideDenied bool
	// Any says that one of several environments before would have been enough.
	Any bool
	// NoCommands is set where the repository carries out no command refs.
	NoCommands bool
	// Shared says that the environments share one repository: hints call the
	// remote origin, not by the environment's name.
	Shared bool
	// Branch is the branch that the push names or, of a push of the base, that
	// it is about, such as "JIRA-123"; empty where none is known.
	Branch string
	// Elsewhere says that the repository has no branch of that name at Commit.
	Elsewhere bool
	// Published says that the repository has a branch at Commit.
	Published bool
	// Release is what is known of releases, where the push has to do with them:
	// of every refusal of an environment that takes them, and of every command
	// below refs/release. Nil elsewhere.
	Release *ReleaseRefusal
	// Lock is the one that a push to refs/lock may not take off or replace.
	Lock *policy.Lock
	// Conflict is the merge that cannot be made, of merge-conflict.
	Conflict *release.Conflict
	// Record is the ledger entry that keeps the refusal, zero if none does.
	Record uint64
}

// Refusals explains a refused push: every refusal of it, in input order. More
// is the number of further refusals that are not listed; updates is how many
// updates the push had.
func Refusals(w io.Writer, refusals []Refusal, more, updates int) {
	var p page
	for i := range refusals {
		if i > 0 {
			p.line("")
		}
		refusals[i].explain(&p)
	}
	if more > 0 {
		p.line("")
		p.line("error: and %d more like these", more)
	}
	if updates > 1 {
		p.line("")
		p.line("nothing has moved: one refused ref refuses all %d of this push", updates)
	}
	p.send(w)
}

func (r *Refusal) explain(p *page) {
	r.headline(p)
	for _, line := range r.reasons() {
		p.reason(line, "")
	}
	if r.OverrideDenied {
		p.line("  the policy does not permit you this override here")
	}
	if r.Rehearsal {
		r.rehearsal(p)
	}
	if r.path() {
		p.line("")
		stages(p, r.Stages, r.Environment)
		p.line("")
	}
	if r.Conflict != nil {
		r.conflict(p)
	}
	r.source(p)
	r.hints(p)
}

// aboutName reports whether the name that was pushed is what is wrong, rather
// than the commit.
func (r *Refusal) aboutName() bool {
	switch r.Code {
	case policy.ReservedRef, policy.Alias, policy.NotAlone, policy.Deletion, policy.DuplicateUpdate, policy.NotReleased,
		policy.NotLocked:
		return true
	}
	switch r.ofCase() {
	case CaseBranch, CaseNoReason, CaseNotAdopted:
		return true
	}
	return r.removes()
}

// headline is "error: prd refuses 3f9c2ab "subject"   [code]".
func (r *Refusal) headline(p *page) {
	who := "pathgate"
	if r.Environment != "" {
		who = clip(string(r.Environment), 40)
	}
	tail := fmt.Sprintf("   [%s]", r.Code)
	head := fmt.Sprintf("error: %s refuses ", who)
	what, title := "this push", r.Subject
	switch {
	case r.Ref != "" && (r.aboutName() || r.Commit == "" || r.Commit.IsZero()):
		what, title = clip(string(r.Ref), max(12, width-utf8.RuneCountInString(head)-len(tail))), ""
	case r.Commit != "" && !r.Commit.IsZero():
		what = r.Commit.Short()
	}
	head += what
	p.line("%s%s%s", head, subject(title, utf8.RuneCountInString(head)+len(tail)), tail)
}

// path reports whether it helps to show where the commit is on the path.
func (r *Refusal) path() bool {
	for i := range r.Verdicts {
		switch v := &r.Verdicts[i]; v.Code {
		case policy.PriorNotDeployed, policy.Withdrawn, policy.RollbackNotAllowed, policy.NotSuccessful, policy.Soaking,
			policy.NoStamp, policy.StampTooOld:
			return len(r.Stages) > 0
		}
	}
	return false
}

// source names the rule, its place in the policy file, and the record.
func (r *Refusal) source(p *page) {
	var parts []string
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if rule := v.RulePlace(); !v.OK && !v.Overridden && rule != "" && !slices.Contains(parts, "rule "+rule) {
			parts = append(parts, "rule "+rule)
		}
	}
	for len(parts) > 1 && !r.Rehearsal {
		p.line("  %s", clip(parts[0], width-2))
		parts = parts[1:]
	}
	if r.Rehearsal {
		parts = nil
	}
	if r.Record != 0 {
		parts = append(parts, fmt.Sprintf("record %d", r.Record))
	}
	if len(parts) > 0 {
		p.line("  %s", strings.Join(parts, " - "))
	}
}

// stages prints the path as a table: what each environment knows of the
// commit, and what is live there instead.
func stages(p *page, all []Stage, here policy.EnvironmentName) {
	widest := 0
	for _, s := range all {
		widest = max(widest, len(s.Environment))
	}
	for _, s := range all {
		p.line("  %s", clip(fmt.Sprintf("%-*s  %s", widest, s.Environment, s.state(s.Environment == here)), width-2))
	}
}

func (s *Stage) state(here bool) string {
	switch {
	case s.Elsewhere:
		return "elsewhere  " + s.stamped()
	case s.Standing.Stands():
		return fmt.Sprintf("deployed   %s by %s   record %d", Time(s.Standing.Time),
			principal(s.Standing.Principal), s.Standing.Record)
	case s.Standing.Withdrawn != 0:
		return fmt.Sprintf("withdrawn  record %d   live: %s", s.Standing.Withdrawn, s.live())
	case s.Contains != 0:
		return fmt.Sprintf("contains it, record %d", s.Contains)
	case here, s.Release:
		// What is live where branches are released is a merge of the server's.
		return "-          live: " + s.live()
	}
	return "never      live: " + s.live()
}

func (s *Stage) live() string {
	if s.Live.Record == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%s since %s", s.Live.Commit.Short(), Time(s.Live.Time))
}
