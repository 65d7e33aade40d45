package explain

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/release"
	"github.com/pathgate/pathgate/policy"
)

// A Receipt tells a developer that a deployment is on record.
type Receipt struct {
	Environment policy.EnvironmentName
	Ref         policy.RefName
	Kind        policy.Kind
	Commit      policy.ObjectID
	Subject     string
	Principal   string
	Record      uint64
	Evidence    []uint64
	// Before is what was live until now; its zero value: nothing was.
	Before policy.Live
	// Next are the environments that wait for this one.
	Next []Stage
	// CanRollBack is false where the policy allows no rollback.
	CanRollBack bool
	// ByOverride says by which override the commit once came here, if it did.
	ByOverride string
	// Deploy is "command" or "external" where the deployment will have an
	// outcome, and Waits that the pusher is shown a command's.
	Deploy string
	Waits  bool
	// Several says that the environment has more than one ref.
	Several bool
	// Sideways says that the commit does not descend from what was live.
	Sideways bool
	// Withdrawn is what a rollback has withdrawn, newest first;
	// MoreWithdrawn, that this is not all.
	Withdrawn     []policy.ObjectID
	MoreWithdrawn bool
	// Out and Back are the branches that a rollback took out and brought back,
	// where branches are released; of Back, each with its commit there.
	Out, Back []release.Branch
	// NoCommands is set where the repository carries out no command refs.
	NoCommands bool
	// Tree is the ledger's size and the first characters of its root, of the
	// last receipt of a push; empty if they are not known.
	Tree string
	// Shared says that the environments share one repository: hints call the
	// remote origin, not by the environment's name.
	Shared bool
	// Release is what a command below refs/release did, nil for any other push.
	Release *Release
}

// done says what a deployment of each kind did.
var done = map[policy.Kind]string{
	policy.Deploy:   "deployed",
	policy.Promote:  "promoted",
	policy.Rollback: "rolled back",
	policy.Redeploy: "deployed again",

	policy.Overridden: "deployed past rules",
}

// MostReceipts is how many receipts of one push are printed.
const MostReceipts = 20

// Receipts tells what has been deployed and how to take it back.
func Receipts(w io.Writer, receipts []Receipt) {
	var p page
	for i := range receipts[:min(len(receipts), MostReceipts)] {
		receipts[i].explain(&p)
	}
	if more := len(receipts) - MostReceipts; more > 0 {
		p.line("success: and %d more, records up to %d", more, receipts[len(receipts)-1].Record)
	}
	if n := len(receipts); n > 0 {
		p.tree(receipts[n-1].Tree)
	}
	p.send(w)
}

// Said tells that a command ref has done what it asks for. Each line after the
// first is indented; tree is where the ledger stands, as a Receipt has it.
func Said(w io.Writer, head, tree string, lines ...string) {
	var p page
	p.line("success: %s", clip(head, width-len("success: ")))
	for _, line := range lines {
		p.reason(line, "")
	}
	p.tree(tree)
	p.send(w)
}

// tree is a receipt's last line: where the ledger stands, if that is known.
func (p *page) tree(tree string) {
	if tree != "" {
		p.line("  ledger %s", tree)
	}
}

func (r *Receipt) explain(p *page) {
	if r.Release != nil {
		r.release(p)
		return
	}
	what := string(r.Environment)
	if r.Several {
		what = Branch(r.Ref) + " of " + what
	}
	head := fmt.Sprintf("success: %s is now %s", what, r.Commit.Short())
	p.line("%s%s", head, subject(r.Subject, utf8.RuneCountInString(head)))
	p.line("  %s by %s, record %d%s", done[r.Kind], principal(r.Principal), r.Record, r.was())
	if len(r.Evidence) > 0 {
		p.line("  on the evidence of record%s", list(r.Evidence))
	}
	r.leaves(p)
	r.deploying(p)
	if back := r.Before; back.Record != 0 && back.Commit != r.Commit && r.Kind != policy.Rollback && r.CanRollBack {
		p.hint("to roll back:", push(remoteOf(r.Environment, r.Shared), back.Commit, r.Ref, r.NoCommands))
	}
	if r.Kind == policy.Rollback {
		return
	}
	r.next(p, "", "")
}

// deploying says who carries the deployment out, and where to look.
func (r *Receipt) deploying(p *page) {
	if r.ByOverride != "" {
		p.reason(r.ByOverride, "")
	}
	switch {
	case r.Deploy == "external":
		p.line("  its deployment is carried out, and reported, by others")
	case r.Deploy != "" && r.Waits:
		p.line("  it is deployed now; hanging up does not stop that")
	case r.Deploy != "":
		p.line("  it is deployed now; on the server: pathgate log --output %d", r.Record)
	}
}

// leaves says what is out of the environment now, where that does not go
// without saying.
func (r *Receipt) leaves(p *page) {
	if r.Sideways && r.Kind != policy.Rollback && r.Release == nil {
		p.line("  it does not contain %s: what that brought is out of %s", r.Before.Commit.Short(), r.Environment)
	}
	for _, b := range r.Back[:min(len(r.Back), mostRivals)] {
		p.line("  back: %s at %s", clip(b.Name, 40), b.Head.Short())
	}
	if more := len(r.Back) - mostRivals; more > 0 {
		p.line("  back: %d more", more)
	}
	if len(r.Out) > 0 {
		p.reason("out: "+branches(branchNames(r.Out)), "")
	}
	if len(r.Withdrawn) == 0 {
		return
	}
	names := make([]string, len(r.Withdrawn))
	for i, commit := range r.Withdrawn {
		names[i] = commit.Short()
	}
	more := ""
	if r.MoreWithdrawn {
		more = " and more"
	}
	p.line("  withdrawn: %s%s", strings.Join(names, ", "), more)
}

func (r *Receipt) was() string {
	switch {
	case r.Before.Record == 0:
		return ", the first"
	case r.Before.Commit == r.Commit:
		return ""
	}
	return ", was " + r.Before.Commit.Short()
}

// list writes record numbers: " 118" or "s 118, 120".
func list(records []uint64) string {
	const most = 6
	var parts []string
	for _, n := range records[:min(len(records), most)] {
		parts = append(parts, fmt.Sprint(n))
	}
	if len(records) > most {
		parts = append(parts, "...")
	}
	plural := ""
	if len(records) > 1 {
		plural = "s"
	}
	return plural + " " + strings.Join(parts, ", ")
}

// Fault tells that pathgate could not find out, so that the push is refused.
// Reason is fit for a pusher; push is what to quote to the administrators.
func Fault(w io.Writer, environment policy.EnvironmentName, reason, push string) {
	var p page
	who := "pathgate"
	if environment != "" {
		who = clip(string(environment), 40)
	}
	p.line("error: %s could not check this push, so it is refused   [%s]", who, policy.Fault)
	p.reason(reason, "the reason is in the server's log")
	p.line("  nothing has moved")
	p.hint("try again; if it stays, tell the administrators of the server:")
	p.line("hint:   push %s", push)
	p.send(w)
}

// Unrecorded tells that a ref has moved but its record could not be written
// yet. It is not lost: the intent is on record. A deployment of what was live
// already moves no ref; it has to be asked for again.
func Unrecorded(w io.Writer, ref policy.RefName, again bool, reason, push string) {
	var p page
	if again {
		p.line("warning: %s stays where it was, and this is not on record   [%s]", Branch(ref), policy.Fault)
		p.reason(reason, "the reason is in the server's log")
		p.hint("push again later; if it stays, tell the administrators of the server:")
		p.line("hint:   push %s", push)
		p.send(w)
		return
	}
	p.line("warning: %s has moved, but its record is not complete yet   [%s]", Branch(ref), policy.Fault)
	p.reason(reason, "the reason is in the server's log")
	p.line("  the next push, or the server's timer, completes it")
	p.hint("if it stays, tell the administrators of the server:")
	p.line("hint:   push %s", push)
	p.send(w)
}

// Drift tells that an environment's ref was not where the ledger says.
func Drift(w io.Writer, environment policy.EnvironmentName, ref policy.RefName, live policy.Live, seen policy.ObjectID, record uint64) {
	var p page
	if live.Record == 0 {
		p.line("warning: nothing is on record of %s of %s until now", Branch(ref), environment)
		p.line("  it was at %s; pathgate adopt records what was there before", seen.Short())
		p.send(w)
		return
	}
	p.line("warning: %s of %s is not where its record says", Branch(ref), environment)
	where := "it is at " + seen.Short()
	if seen == "" || seen.IsZero() {
		where = "it does not exist"
	}
	p.line("  %s, and on record is %s (record %d)", where, live.Commit.Short(), live.Record)
	known := "that is on record already"
	if record != 0 {
		known = fmt.Sprintf("this is record %d", record)
	}
	p.line("  somebody moved it without a push; %s", known)
	p.send(w)
}

// Unjudged tells that proc-receive found no decision of pre-receive for a ref.
func Unjudged(w io.Writer, ref policy.RefName) {
	var p page
	p.line("error: %s stays where it is: pre-receive did not judge this push", Branch(ref))
	p.line("  the hooks of this repository are not complete")
	p.hint("tell the administrators of the server; pathgate doctor finds the cause")
	p.send(w)
}

// NotMoved tells that the policy allowed a command ref but the repository did
// not let the environment's ref move.
func NotMoved(w io.Writer, environment policy.EnvironmentName, ref policy.RefName, why string) {
	var p page
	p.line("error: %s of %s stays where it is", Branch(ref), environment)
	p.reason(why, "the repository refused it")
	p.send(w)
}

// Behind tells that what has happened is on record, but not in the audit log
// beside it, which the policy requires.
func Behind(w io.Writer, push string) {
	var p page
	p.line("warning: this is on record, but the audit log beside it is behind   [%s]", policy.Fault)
	p.line("  the next push, or the server's timer, hands it over")
	p.hint("if it stays, tell the administrators of the server:")
	p.line("hint:   push %s", push)
	p.send(w)
}
