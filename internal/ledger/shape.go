package ledger

import (
	"slices"

	"github.com/pathgate/pathgate/policy"
)

// shape says what is wrong with what e says by itself; empty if nothing is.
func shape(e *Entry) string {
	switch e.Type {
	case TypePolicy:
		return policyShape(e)
	case TypeStamp:
		return stampShape(e)
	}
	if len(e.Lines) > 0 || e.Serial != 0 || e.Part != 0 || e.Parts != 0 {
		return "it is no policy and tells of one's content"
	}
	if e.Origin != "" || e.Checkpoint != "" || e.Key != "" || !e.Stamped.IsZero() {
		return "it is no stamp and tells of one's origin"
	}
	switch e.Type {
	case TypeIntent, TypeDeployed:
		if e.Kind == string(policy.Adopt) {
			return "it is a push and calls itself an adoption"
		}
		if wrong := deploymentShape(e); wrong != "" {
			return wrong
		}
		return actionShape(e)
	case TypeAdopt:
		if e.Action != "" {
			return "it is an adoption and has an action"
		}
	case TypeStatus:
		if !slices.Contains([]string{StatePending, StateSuccess, StateFailure, StateError, StateSuperseded}, e.State) {
			return "it has no state"
		}
		if e.Record == 0 {
			return "it names no record"
		}
		return lacks(e, "service", "environment", "repository", "ref", "commit")
	case TypeApproval:
		if e.Kind != KindApprove && e.Kind != KindReject {
			return "it neither approves nor rejects"
		}
		return lacks(e, "service", "environment", "repository", "ref", "commit", "principal")
	case TypeLock, TypeUnlock:
		return lacks(e, "environment", "principal")
	case TypeVeto:
		if e.Kind != KindVeto && e.Kind != KindLift {
			return "it neither vetoes nor lifts a veto"
		}
		return lacks(e, "service", "commit", "principal")
	}
	return ""
}

// deploymentShape is shape of an intent or a deployed entry.
func deploymentShape(e *Entry) string {
	switch {
	case e.Deploy != "" && e.Deploy != DeployCommand && e.Deploy != DeployExternal:
		return "nobody is known who carries its deployment out"
	case e.Kind != KindOverride && len(e.Overrode) > 0:
		return "it overrode rules and is no override"
	case e.Kind == KindOverride && len(e.Overrode) == 0:
		return "it is an override and names no rule"
	case e.Kind == KindOverride:
		return lacks(e, "reason")
	}
	return ""
}

// actionShape is shape of what an intent or a deployed entry does to a release
// branch.
func actionShape(e *Entry) string {
	kinds, needs := []string(nil), []string(nil)
	switch e.Action {
	case "":
		if e.Branch != "" || e.Head != "" || len(e.Gone) > 0 {
			return "it tells of a branch and has no action"
		}
		if e.Kind == KindRemove || e.Kind == KindReset {
			return "it is of kind " + e.Kind + " and has no action"
		}
		return ""
	case ActionRelease, ActionReplace:
		kinds = []string{string(policy.Deploy), string(policy.Promote), string(policy.Adopt), KindOverride}
		needs = []string{"branch", "head"}
	case ActionRemove:
		kinds, needs = []string{KindRemove, KindOverride}, []string{"branch"}
	case ActionReset:
		kinds, needs = []string{KindReset, KindOverride}, []string{"reason"}
	default:
		return "its action is not known"
	}
	if !slices.Contains(kinds, e.Kind) {
		return "its action is " + e.Action + " and its kind is not of that"
	}
	return lacks(e, needs...)
}

// lacks names the first of the fields that is empty.
func lacks(e *Entry, fields ...string) string {
	for _, f := range fields {
		if _, v := e.text(f); v == nil || *v == "" {
			return "it names no " + f
		}
	}
	return ""
}
