package setup

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/policy"
)

// elsewhere looks whether stamps of environments on other hosts count here.
// Which stamps were refused is not on record: pathgate sync tells that.
func (d *doctor) elsewhere(ctx context.Context) {
	var names []string
	for _, env := range d.o.Policy.Environments {
		if env.Elsewhere != nil {
			names = append(names, string(env.Name))
		}
	}
	if len(names) == 0 {
		return
	}
	services, err := restingOnStamps(d.o.Policy)
	if err != nil {
		return // whoever lists the repositories tells
	}
	doubts, err := gate.Doubts(ctx, d.o.Policy, services, d.o.now)
	if err != nil {
		d.warn("stamps of "+strings.Join(names, ", ")+" were not looked at", err.Error(), d.ledgerMend(err))
		return
	}
	mark := len(d.findings)
	for _, doubt := range doubts {
		if doubt.Bars {
			d.fail(doubt.What, doubt.Why, doubt.Mend)
		} else {
			d.warn(doubt.What, doubt.Why, doubt.Mend)
		}
	}
	d.sound(mark, fmt.Sprintf("stamps of %s are known, and count", strings.Join(names, ", ")))
}

// restingOnStamps lists the services with a repository here that comes after an
// environment elsewhere.
func restingOnStamps(pol *policy.Policy) (services []policy.Service, err error) {
	paths, err := Repositories(pol)
	if err != nil {
		return nil, err
	}
	stamped := func(name policy.EnvironmentName) bool {
		env, ok := pol.Environment(name)
		return ok && env.Elsewhere != nil
	}
	for _, path := range paths {
		name, err := filepath.Rel(pol.Root, path)
		if err != nil {
			return nil, err
		}
		site, _ := pol.Site(filepath.ToSlash(name))
		rests := slices.ContainsFunc(site.Environments, func(e *policy.Environment) bool { return slices.ContainsFunc(e.After, stamped) })
		if rests && !slices.Contains(services, site.Service) {
			services = append(services, site.Service)
		}
	}
	return services, nil
}
