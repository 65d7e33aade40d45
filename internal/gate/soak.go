package gate

import (
	"context"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A span is how long an environment before has run all that a push brings.
type span struct {
	live    bool
	since   time.Time // of the time that still runs; zero if none does
	longest time.Duration
}

// soaked measures the time without a break during which what was live on a ref
// contained all that the push brings. It is counted as the ledger counts it for
// one commit: from the first deployment that has no outcome or the first
// success. A failure of the same commit makes all its time count for nothing, as
// there; a failure of one that came on top, which may be somebody else's, ends
// the time.
func (h *priorHistory) soaked(ctx context.Context, repo *gitfacts.Repository, brought gitfacts.Brought) (out span, err error) {
	byRef := make(map[string][]*deployedThen)
	commits := make([]policy.ObjectID, len(h.deployed))
	for i := range h.deployed {
		d := &h.deployed[i]
		byRef[d.Ref], commits[i] = append(byRef[d.Ref], d), policy.ObjectID(d.Commit)
	}
	holds, err := repo.Holds(ctx, brought, commits)
	if err != nil {
		return out, err
	}
	for _, deployed := range byRef {
		var run []*deployedThen // of deployments that contain it, newest first
		end, takenAway := time.Time{}, false
		for _, d := range deployed {
			by := d.Kind == ledger.KindOverride && !h.override && !h.incremental()
			if !holds[policy.ObjectID(d.Commit)] || by {
				out.add(run, end)
				run, end, takenAway = nil, d.Time, d.takesAway()
				continue
			}
			if takenAway && !h.ever {
				break // what was before a withdrawal says nothing
			}
			run = append(run, d)
		}
		out.add(run, end)
	}
	return out, nil
}

// add takes one run of deployments into account, which ended at end, or not yet
// if that is zero.
func (s *span) add(run []*deployedThen, end time.Time) {
	s.live = s.live || len(run) > 0 && end.IsZero()
	var since time.Time
	var commit string // that the time began with
	for i := len(run) - 1; i >= 0; i-- {
		switch d := run[i]; {
		case d.outcome.State == policy.OutcomeFailure, d.outcome.State == policy.OutcomeError:
			if !since.IsZero() && d.Commit != commit {
				s.longest = max(s.longest, d.Time.Sub(since))
			}
			since = time.Time{}
		case !since.IsZero():
		case d.Deploy == "":
			since, commit = d.Time, d.Commit
		case d.outcome.State == policy.OutcomeSuccess:
			since, commit = d.outcome.Time, d.Commit
		}
	}
	switch {
	case since.IsZero():
	case end.IsZero():
		if s.since.IsZero() || since.Before(s.since) {
			s.since = since
		}
	case end.After(since):
		s.longest = max(s.longest, end.Sub(since))
	}
}
