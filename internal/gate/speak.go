package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// The command refs that say something instead of moving a ref.
const (
	approveRefs = "refs/approve"
	rejectRefs  = "refs/reject"
	lockRefs    = "refs/lock"
)

// commandTarget is the branch that a command ref of any kind is about.
func commandTarget(ref policy.RefName) (namespace string, target policy.RefName, ok bool) {
	for _, namespace := range []string{deployRefs, approveRefs, rejectRefs, lockRefs} {
		if branch, found := strings.CutPrefix(string(ref), namespace+"/"); found {
			return namespace, policy.RefName("refs/heads/" + branch), true
		}
	}
	return "", "", false
}

// A statement is what a command ref says, by whom.
type statement struct {
	namespace string
	update    receive.Update
	env       *policy.Environment
	target    policy.RefName
	principal receive.Principal
	options   options
	commit    policy.ObjectID
	subject   string
	tree      policy.ObjectID
	lock      *policy.Lock // that is in the way
}

// speak carries out a command ref that says something: an approval, an
// objection, a lock. It is judged and recorded here, in one go: no ref moves
// that pre-receive would have to announce.
func (p *Process) speak(ctx context.Context, s *scene, talk *receive.ProcReceive, u receive.Update) error {
	said, code, why, err := p.hear(ctx, s, talk, u)
	if err == nil && code == "" {
		code, why, err = p.askUpdateHook(ctx, s, said)
	}
	if err == nil && code == "" && said.options.rehearse {
		code, why = explain.Rehearsal, "this would be recorded"
	}
	if err == nil && code == "" {
		code, why, err = p.recordStatement(ctx, s, said)
	}
	switch {
	case err != nil:
		return err
	case code != "":
		return p.refuseStatement(ctx, s, talk, said, code, why)
	}
	talk.OK(u.Ref)
	return nil
}

// hear makes out what is said and by whom. A code means that it is refused.
func (p *Process) hear(ctx context.Context, s *scene, talk *receive.ProcReceive, u receive.Update) (*statement, policy.Code, string, error) {
	said := &statement{update: u}
	said.namespace, said.target, _ = commandTarget(u.Ref)
	env, ok := s.site.Environment(said.target)
	said.env = env
	var err error
	said.principal, err = p.pusher(s)
	if wrong := (*receive.InputError)(nil); errors.As(err, &wrong) {
		return said, wrong.Code, wrong.Reason, nil
	}
	if err != nil {
		return said, "", "", because("the pusher's name cannot be found", err)
	}
	given, wrong := readOptions(talk.Options)
	said.options = given
	switch {
	case !ok:
		return said, policy.ReservedRef, "no environment has this branch here", nil
	case wrong != "":
		return said, policy.MalformedInput, wrong, nil
	case talk.Atomic:
		return said, policy.NotAlone, "", nil
	case given.override != "":
		return said, policy.MalformedInput, "an override goes with a deployment only", nil
	case u.New.IsZero() && said.namespace != lockRefs:
		return said, policy.Deletion, "", nil
	}
	if u.New.IsZero() {
		return said, "", "", nil
	}
	objects, err := s.repo.Commits(ctx, []policy.ObjectID{u.New})
	if err != nil {
		return said, "", "", because("a pushed object cannot be read", err)
	}
	object := objects[u.New]
	if object.Commit == "" {
		return said, policy.NotACommit, object.Kind, nil
	}
	said.commit, said.tree, said.subject = object.Commit, object.Tree, clean(object.Subject, 200)
	return said, "", "", nil
}

// askUpdateHook lets the repository's update hook have its say about the branch
// that a statement is about: some servers keep their rights per branch there.
func (p *Process) askUpdateHook(ctx context.Context, s *scene, said *statement) (policy.Code, string, error) {
	_, at, err := s.repo.Resolve(ctx, said.target)
	if err != nil {
		return "", "", because("a ref of this repository cannot be read", err)
	}
	old := orZero(at, said.update.New)
	to := old
	if said.namespace != lockRefs {
		to = said.commit
	}
	yes, err := p.runUpdateHook(ctx, s, string(said.target), string(old), string(to))
	if err != nil || yes {
		return "", "", err
	}
	return policy.NotAPusher, declined, nil
}

func (p *Process) recordStatement(ctx context.Context, s *scene, said *statement) (code policy.Code, why string, err error) {
	l, err := p.open(ctx, s, s.toState(said))
	if err != nil {
		return "", "", because("", err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := s.putPolicy(l, *said.entry(s, p, ledger.TypePolicy)); err != nil {
		return "", "", because("", err)
	}
	if said.namespace == lockRefs {
		return p.lock(l, s, said)
	}
	return p.approve(l, s, said)
}

// entry begins an entry with what was said.
func (said *statement) entry(s *scene, p *Process, t ledger.Type) *ledger.Entry {
	return &ledger.Entry{Type: t, Push: p.pushID(), Service: string(s.site.Service), Environment: string(said.env.Name),
		Repository: said.env.Repository.Path(s.site.Service), Ref: string(said.target),
		Principal: said.principal.Name, Via: said.principal.Via, Address: said.principal.Address,
		Policy: s.policy.Hash, Reason: clean(said.options.reason, 1000)}
}

// approve records an approval or an objection.
func (p *Process) approve(l *book, s *scene, said *statement) (policy.Code, string, error) {
	rule := said.env.Approvals
	if rule == nil {
		return policy.ReservedRef, fmt.Sprintf("%s asks for no approvals", said.env.Name), nil
	}
	if rule.By != nil && !rule.By.Has(said.principal.Name) {
		return policy.NotAPusher, "only those named in approvals.by may approve or object", nil
	}
	spot := s.spot(said.env, said.target)
	live, err := l.live(spot)
	if err == nil {
		err = l.mine(spot, s.site.Environments, live, nil)
	}
	if err != nil {
		return "", "", because("", err)
	}
	before, err := l.approvals(s.policy, spot, said.commit)
	if err != nil {
		return "", "", because("", err)
	}
	if len(before) >= ledger.MaxApprovals-1 && !spokeBefore(before, said.principal.Name) {
		return policy.TooLarge, "too many people have spoken about this commit", nil
	}
	e := said.entry(s, p, ledger.TypeApproval)
	e.Old, e.Commit, e.Subject, e.Tree = string(live.Commit), string(said.commit), said.subject, string(said.tree)
	e.Kind = ledger.KindApprove
	if said.namespace == rejectRefs {
		e.Kind = ledger.KindReject
	}
	if err := l.Append(e); err != nil {
		return "", "", because("", err)
	}
	// It is on record now; that it cannot be counted takes nothing back.
	approvals, _ := l.approvals(s.policy, spot, said.commit)
	p.tellApproval(said, e, approvals, l.tree())
	return "", "", nil
}

func spokeBefore(approvals []policy.Approval, principal string) bool {
	return slices.ContainsFunc(approvals, func(a policy.Approval) bool { return a.Principal == principal })
}

func (p *Process) tellApproval(said *statement, e *ledger.Entry, approvals []policy.Approval, tree string) {
	what := said.commit.Short()
	if e.Kind == ledger.KindReject {
		explain.Said(p.Stderr, fmt.Sprintf("%s objects to %s in %s", said.principal.Name, what, said.env.Name), tree, fmt.Sprintf("record %d", e.Seq))
		return
	}
	rule, have, own := said.env.Approvals, 0, ""
	if !rule.Self {
		own = "; it does not count for a push of your own"
	}
	for _, a := range approvals {
		if !a.Reject && (rule.By == nil || rule.By.Has(a.Principal)) {
			have++
		}
	}
	explain.Said(p.Stderr, fmt.Sprintf("%s has %d of %d approvals of %s", said.env.Name, min(have, rule.Count), rule.Count, what), tree,
		fmt.Sprintf("yours is record %d, valid for %s%s", e.Seq, explain.Span(said.env.Approvals.For), own))
}

// refuseStatement records and tells a refusal.
func (p *Process) refuseStatement(ctx context.Context, s *scene, talk *receive.ProcReceive, said *statement, code policy.Code, why string) (err error) {
	r := explain.Refusal{Code: code, Ref: said.update.Ref, Target: said.target, Commit: said.commit, Subject: said.subject, Detail: why,
		Shared: s.shared(), Lock: said.lock}
	if said.env != nil {
		r.Environment = said.env.Name
	}
	l, err := p.open(ctx, s)
	if err != nil {
		return because("", err)
	}
	e := &ledger.Entry{Type: ledger.TypeRefused, Push: p.pushID(), Service: string(s.site.Service), Environment: string(r.Environment),
		Repository: clean(s.site.Repository, 400), Ref: clean(string(said.update.Ref), 1024), New: string(said.update.New),
		Commit: string(said.commit), Subject: said.subject, Principal: said.principal.Name, Via: said.principal.Via,
		Address: said.principal.Address, Codes: []string{string(code)}, Policy: s.policy.Hash, Reason: clean(why, 400)}
	if err := errors.Join(l.Append(e), l.Close()); err != nil {
		return because("", err)
	}
	r.Record = e.Seq
	explain.Refusals(p.Stderr, []explain.Refusal{r}, 0, 1)
	talk.Deny(said.update.Ref, string(code))
	return nil
}
