package gate

import (
	"github.com/pathgate/pathgate/policy"
)

// livesElsewhere lists the refs that stamps tell of in an environment elsewhere,
// as the policy binds it.
func (b *book) livesElsewhere(env *policy.Environment, service policy.Service) ([]liveSpot, error) {
	rows, err := b.StampLive(service, env.Name)
	if err != nil {
		return nil, err
	}
	repository := repositoryOf(env, service)
	var out []liveSpot
	for _, r := range rows {
		if (repository == "" || r.Repository == repository) && (len(env.Refs) == 0 || matches(env, r.Ref)) {
			out = append(out, liveSpot{Spot{r.Service, r.Environment, r.Repository, r.Ref}, r.Live})
		}
	}
	return out, nil
}

// liveElsewhere is what stamps say is live on a ref of an environment elsewhere;
// where the ref is empty, on the one that was deployed to last.
func (b *book) liveElsewhere(env *policy.Environment, service policy.Service, ref policy.RefName) (live policy.Live, err error) {
	rows, err := b.livesElsewhere(env, service)
	for _, r := range rows {
		if (ref == "" || r.spot.Ref == ref) && r.live.Time.After(live.Time) {
			live = r.live
		}
	}
	return live, err
}
