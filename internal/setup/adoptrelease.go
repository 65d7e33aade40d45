package setup

import (
	"slices"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// findUnknown notes the environments with release that were adopted, and whose
// branches the ledger does not know. It knows them where the commit was made by
// a release and is adopted again.
func (a *adoption) findUnknown(l *ledger.Ledger) error {
	for _, e := range a.entries {
		env, ok := a.repo.site.Environment(policy.RefName(e.Ref))
		if !ok || env.Release == nil {
			continue
		}
		// An earlier commit of the same ref says nothing; the last one counts.
		a.unknown = slices.DeleteFunc(a.unknown, func(name policy.EnvironmentName) bool { return name == env.Name })
		holds, err := l.Contents(a.repo.site.Service, env.Name, e.Repository, policy.RefName(e.Ref), policy.ObjectID(e.Commit))
		if err != nil {
			return err
		}
		if len(holds) == 0 {
			a.unknown = append(a.unknown, env.Name)
		}
	}
	return nil
}
