package gate

import (
	"fmt"
	"slices"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/policy"
)

// takenBack tells what is live here on the word of an environment elsewhere that
// has been rolled back from it since.
func (b *book) takenBack(pol *policy.Policy, prior *policy.Environment, service policy.Service) (out []Doubt, err error) {
	lives, err := b.lives(service)
	if err != nil {
		return nil, err
	}
	for _, row := range lives {
		env, ok := pol.Environment(row.spot.Environment)
		if !ok || env.Elsewhere != nil || !slices.Contains(env.After, prior.Name) || row.spot.Repository != repositoryOf(env, service) ||
			!matches(env, row.spot.Ref) || row.live.Commit == "" {
			continue
		}
		there, _, err := b.StampStanding(policy.Lookup{Service: service, Environment: prior.Name, Repository: repositoryOf(prior, service),
			Refs: prior.Refs, Commit: row.live.Commit, Elsewhere: true})
		if err != nil {
			return nil, err
		}
		if there.Forked != 0 || there.Standing.Withdrawn == 0 {
			continue
		}
		out = append(out, Doubt{Environment: prior.Name, Service: service, Record: there.Standing.Withdrawn,
			What: fmt.Sprintf("%s was rolled back from %s, which is live in %s of %s, %s (stamp: record %d)", prior.Name, row.live.Commit.Short(),
				env.Name, clean(string(service), 120), explain.Branch(row.spot.Ref), there.Standing.Withdrawn),
			Why:  "nobody has taken it back here, where it was let in on the word of " + string(prior.Name),
			Mend: fmt.Sprintf("find out why; if it is bad here too, go back: pathgate log --environment %s has what was live before", env.Name)})
	}
	return out, nil
}
