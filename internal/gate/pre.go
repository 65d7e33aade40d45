package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// PreReceive decides on a push before any ref moves, and returns the hook's
// exit status: 0 only if every update may go on and the intent of each that
// concerns an environment is durable in the ledger.
func PreReceive(p *Process) (status int) {
	push := p.pushID()
	var s *scene
	defer func() {
		if value := recover(); value != nil {
			status = 1
			p.tellFault(s, push, recovered(value))
		}
	}()
	s, err := openScene(p.Getenv("GIT_DIR"))
	if err != nil {
		p.tellFault(s, push, err)
		return 1
	}
	ctx := context.Background()
	yes, err := p.preReceive(ctx, s, push)
	if err == nil && yes {
		if err = p.ship(ctx, s); err == nil {
			return 0
		}
	}
	if err != nil {
		p.tellFault(s, push, err)
	}
	p.shipRefused(ctx, s, err)
	return 1
}

func (p *Process) preReceive(ctx context.Context, s *scene, push string) (bool, error) {
	if err := s.repo.UseQuarantine(p.Getenv); err != nil {
		return false, because("the pushed objects cannot be found", err)
	}
	input, err := receive.Read(p.Stdin)
	var updates *sorted
	given, bad := receive.Options(p.Getenv)
	switch {
	case err == nil && bad == nil:
		if updates, err = s.classify(ctx, input.Updates, receive.Namespaced(p.Getenv)); err != nil {
			return false, err
		}
	default:
		if updates, err = s.unsound(errors.Join(err, bad)); err != nil {
			return false, err
		}
	}
	if len(updates.refusals) == 0 {
		if yes, err := p.runEarlierHook(input.Raw); !yes || err != nil {
			return false, err
		}
	}
	if !updates.gated() {
		return true, nil
	}
	asked, wrong := readOptions(given)
	if wrong != "" {
		updates.refuseAll(s.environment(), policy.MalformedInput, wrong)
		updates.moves = nil
	}
	j := &judge{process: p, scene: s, push: push, sorted: updates, options: asked}
	return j.decide(ctx, len(input.Updates))
}

// unsound refuses a push whose very input is wrong.
func (s *scene) unsound(err error) (*sorted, error) {
	wrong := (*receive.InputError)(nil)
	if !errors.As(err, &wrong) {
		return nil, because("what git handed over cannot be read", err)
	}
	out := &sorted{}
	out.refuseAll(s.environment(), wrong.Code, wrong.Reason)
	return out, nil
}

// most is how many refusals of one push are written out and printed, so that
// a flood of bad refs fills neither the ledger nor the screen.
const most = 20

// decide judges the push against the ledger, records the outcome and tells it.
func (j *judge) decide(ctx context.Context, updates int) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, judgeTime)
	defer cancel()
	principal, err := j.process.pusher(j.scene)
	if err != nil {
		if err := j.noIdentity(err); err != nil {
			return false, err
		}
	}
	j.principal = principal
	if len(j.sorted.moves) > 0 && len(j.sorted.refusals) == 0 {
		if j.token, err = j.process.token(); err != nil {
			return false, err
		}
	}
	ledgerErr := j.run(ctx)
	if len(j.refusals) == 0 && ledgerErr != nil {
		return false, ledgerErr
	}
	j.tellDrift()
	j.process.startDeployments(j.scene, j.started)
	if len(j.refusals) == 0 {
		explain.Notices(j.process.Stderr, j.notices)
		return true, nil
	}
	j.tellRefusals(ctx, updates)
	if ledgerErr != nil {
		j.process.log(j.push, j.scene.redact("a refusal could not be recorded: "+ledgerErr.Error()))
	}
	return false, nil
}

func (j *judge) noIdentity(err error) error {
	wrong := (*receive.InputError)(nil)
	if !errors.As(err, &wrong) {
		return because("the pusher's name cannot be found", err)
	}
	j.sorted.refuseAll(j.scene.environment(), wrong.Code, wrong.Reason)
	j.sorted.moves = nil // nobody to judge them for
	return nil
}

func (j *judge) tellRefusals(ctx context.Context, updates int) {
	listed := j.refusals[:min(len(j.refusals), most)]
	out := make([]explain.Refusal, len(listed))
	for i, r := range listed {
		out[i] = j.scene.tells(r)
		j.scene.locates(ctx, r.move, &out[i])
	}
	explain.Refusals(j.process.Stderr, out, len(j.refusals)-len(listed), updates)
}

func (j *judge) tellDrift() {
	for _, d := range j.drifts {
		explain.Drift(j.process.Stderr, d.env.Name, d.ref, d.live, d.seen, d.record)
	}
}

// refusedEntries is what a refused push leaves in the ledger.
func (j *judge) refusedEntries() []*ledger.Entry {
	var entries []*ledger.Entry
	for i, r := range j.refusals {
		if i == most {
			e := j.entry(ledger.TypeRefused)
			e.Reason = fmt.Sprintf("and %d more refusals of this push", len(j.refusals)-most)
			return append(entries, e)
		}
		e := j.entry(ledger.TypeRefused)
		e.Environment, e.Ref = string(r.Environment), clean(string(r.Ref), 1024)
		e.Old, e.New = string(r.old), string(r.new)
		told := j.scene.tells(r)
		e.Codes, e.Reason = codes(r), clean(told.Detail+told.Words(), 400)
		e.Kind, e.Rules = recordedKind(r.kind), rules(r.Verdicts)
		if r.move != nil {
			if rel := r.move.release; rel != nil {
				e.Action, e.Branch, e.Tickets = string(rel.action), rel.branch.Name, r.move.allTickets()
			}
			if r.Kind != policy.Remove { // what is live is not what was asked about
				e.Commit, e.Tree, e.Subject = string(r.move.commit), string(r.move.tree), r.move.subject
			}
			if r.move.command {
				e.Ref = string(r.move.pushed.Ref)
			}
		}
		entries = append(entries, e)
	}
	return entries
}

// codes are those of all rules that refuse, each once, or the one that the
// refusal goes by.
func codes(r *refusal) []string {
	var out []string
	for _, v := range r.Verdicts {
		if code := string(v.Code); !v.OK && !v.Overridden && !r.Rehearsal && !slices.Contains(out, code) {
			out = append(out, code)
		}
	}
	if len(out) == 0 {
		out = []string{string(r.Code)}
	}
	return out
}

// recordedKind is what a refused push would have been. What no rule let past is
// no override.
func recordedKind(kind policy.Kind) string {
	if kind == policy.Overridden {
		return ""
	}
	return string(kind)
}

// rules writes verdicts the way the ledger keeps them.
func rules(verdicts []policy.Verdict) []string {
	var out []string
	for _, v := range verdicts {
		out = append(out, ledger.RuleText(v))
	}
	return out
}
