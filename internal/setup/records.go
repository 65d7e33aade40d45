package setup

import (
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// livesOf lists what the ledger has live on the refs of a site's environments,
// also on those that are gone.
func livesOf(l *ledger.Ledger, site policy.Site) ([]policy.Live, error) {
	lives, err := l.Lives(site.Service, "", site.Repository)
	if err != nil {
		return nil, err
	}
	var list []policy.Live
	for _, live := range lives {
		if env, ok := site.Environment(live.Ref); ok && env.Name == live.Environment {
			list = append(list, live.Live)
		}
	}
	return list, nil
}
