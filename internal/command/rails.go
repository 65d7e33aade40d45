package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/setup"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// viaLocal is what vouches for the principal of a verb: the operating system.
const viaLocal = "local"

// maxWords is the size of a reason, a message or a URL, in bytes.
const maxWords = 1000

// environmentNamed finds an environment by its name on the command line.
func environmentNamed(pol *policy.Policy, name string) (*policy.Environment, error) {
	env, ok := pol.Environment(policy.EnvironmentName(name))
	if !ok {
		return nil, fmt.Errorf("the policy has no environment %q", name)
	}
	return env, nil
}

// notElsewhere is an error if an environment is on another host, where do says
// what is to be done there.
func notElsewhere(env *policy.Environment, do string) error {
	if env.Elsewhere == nil {
		return nil
	}
	return refused(fmt.Errorf("%s is on another host: %s", env.Name, do))
}

// withLedger opens the ledger for the time of one call.
func (a *app) withLedger(ctx context.Context, pol *policy.Policy, f func(*ledger.Ledger) error) error {
	return a.withOptions(ctx, pol, ledger.Options{}, f)
}

// readLedger is withLedger for what writes nothing: a role that may only read
// can do it.
func (a *app) readLedger(ctx context.Context, pol *policy.Policy, f func(*ledger.Ledger) error) error {
	return a.withOptions(ctx, pol, ledger.Options{ReadOnly: true}, f)
}

func (a *app) withOptions(ctx context.Context, pol *policy.Policy, o ledger.Options, f func(*ledger.Ledger) error) (err error) {
	o.Root, o.Copy, o.Now = pol.Root, pol.Copy, a.now
	l, err := ledger.Open(ctx, pol.Ledger, o)
	if err != nil {
		return faulted(err)
	}
	defer func() { err = faulted(errors.Join(err, l.Close())) }()
	return f(l)
}

// operator is who runs the verb, by the one name that rules know.
func operator(pol *policy.Policy) string {
	return pol.Canonical(text.Clean(setup.OperatingUser(), 255))
}

// serviceOf checks a service that was named, or finds the only one.
func (a *app) serviceOf(ctx context.Context, pol *policy.Policy, named string) (policy.Service, error) {
	if named == "" {
		return a.onlyService(ctx, pol)
	}
	return policy.Service(named), a.knownService(ctx, pol, policy.Service(named))
}

// serviceCommit turns what was typed into a full commit ID, asking the
// repositories of the service in the order of the path, and the current one.
// What looks like a full ID is taken as it is if none of them has it.
func (a *app) serviceCommit(ctx context.Context, pol *policy.Policy, service policy.Service, commit string) (policy.ObjectID, error) {
	if err := noHead(commit); err != nil {
		return "", err
	}
	places := []string{}
	for _, env := range pol.Environments {
		if env.Elsewhere != nil {
			continue
		}
		places = append(places, filepath.Join(pol.Root, filepath.FromSlash(env.Repository.Path(service))))
	}
	for _, place := range append(places, ".") {
		repo, err := gitfacts.Open(place)
		if err != nil {
			continue // it has nothing that we could ask for
		}
		out, exit, err := repo.Git(ctx, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", commit+"^{commit}")
		if err != nil {
			return "", faulted(err)
		}
		if exit == 0 {
			return policy.ObjectID(strings.TrimSpace(string(out))), nil
		}
	}
	if fullID(commit) {
		return policy.ObjectID(commit), nil
	}
	return "", refused(fmt.Errorf("no commit %q in the repositories of %s or here; give its full ID", commit, service))
}

func fullID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == "" && !policy.ObjectID(s).IsZero()
}

// spoken checks words that go on record.
func spoken(flag, value string, needed bool) (string, error) {
	value = strings.TrimSpace(value)
	switch {
	case value == "" && needed:
		return "", fmt.Errorf("say why with --%s", flag)
	case len(value) > maxWords:
		return "", fmt.Errorf("--%s is longer than %d bytes", flag, maxWords)
	}
	return value, nil
}

// laterTime reads when something ends: a time, a day in UTC, or a span from
// now on. It is empty where nothing is said.
func laterTime(flag, value string, now time.Time) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := time.Time{}, error(nil)
	if span, wrong := time.ParseDuration(value); wrong == nil {
		t = now.Add(span)
	} else if t, err = time.Parse(time.RFC3339, value); err != nil {
		t, err = time.Parse("2006-01-02", value)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("--%s must be a time such as 2026-11-21T09:14:00Z, 2026-11-21 or 24h, not %q", flag, value)
	}
	if !t.After(now) {
		return time.Time{}, fmt.Errorf("--%s is over already: %s", flag, value)
	}
	return t.UTC().Truncate(time.Microsecond), nil
}
