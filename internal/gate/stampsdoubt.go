package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/policy"
)

// keyNotice is how long before a key expires that is told.
const keyNotice = 30 * 24 * time.Hour

// A Doubt is something that keeps stamps of an environment elsewhere from
// counting, or soon will; or that what they once let in was taken back there. Its strings are fit to print.
type Doubt struct {
	Environment policy.EnvironmentName
	Service     policy.Service // empty: of whatever service
	// Bars is set where pushes that rest on the environment are refused.
	Bars bool
	What string // what was found
	Why  string // what follows from it
	Mend string // what helps
	// Record is the one that tells it, zero if none does.
	Record uint64
}

// Doubts tells what stands in the way of stamps, for each environment elsewhere
// and each of the services that rests on it, in the order of the path. It writes
// nothing.
func Doubts(ctx context.Context, pol *policy.Policy, services []policy.Service, now func() time.Time) (out []Doubt, err error) {
	l, err := readBook(ctx, pol, now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, env := range pol.Environments {
		if env.Elsewhere == nil {
			continue
		}
		out = append(out, keyDoubts(env, l.now)...)
		for _, service := range services {
			doubt, err := l.doubt(pol, env, service)
			if err != nil {
				return nil, err
			}
			if doubt != nil {
				out = append(out, *doubt)
			}
			taken, err := l.takenBack(pol, env, service)
			if err != nil {
				return nil, err
			}
			out = append(out, taken...)
		}
	}
	return out, nil
}

// heeded reports whether stamps of an environment elsewhere matter for a service:
// its keys may speak for it, and an environment here comes after it.
func heeded(pol *policy.Policy, env *policy.Environment, service policy.Service) bool {
	return env.Elsewhere.Speaks(service) && slices.ContainsFunc(pol.Environments, func(next *policy.Environment) bool {
		return next.Elsewhere == nil && slices.Contains(next.After, env.Name)
	})
}

// keyDoubts tells of keys that have run out, or will soon.
func keyDoubts(env *policy.Environment, now time.Time) (out []Doubt) {
	mend := fmt.Sprintf("ask for the public key that %s signs with now, and put it into keys, %s", env.Name, env.Place("keys"))
	soon := now.Add(keyNotice)
	good := slices.ContainsFunc(env.Elsewhere.Keys, func(k policy.StampKey) bool { return signsAt(&k, now) })
	if !good {
		return []Doubt{{Environment: env.Name, Bars: true, What: fmt.Sprintf("no key of %s counts: each is revoked, has expired or is not valid yet", env.Name),
			Why: "no new stamp of it is taken", Mend: mend}}
	}
	lasts := slices.ContainsFunc(env.Elsewhere.Keys, func(k policy.StampKey) bool { return signsAt(&k, soon) })
	for _, k := range env.Elsewhere.Keys {
		if !signsAt(&k, now) || k.Until.IsZero() || k.Until.After(soon) {
			continue
		}
		d := Doubt{Environment: env.Name, What: fmt.Sprintf("the key %s of %s expires in %s, %s", keyName(&k), env.Name,
			explain.Span(k.Until.Sub(now)), explain.Time(k.Until)), Why: "then no new stamp is taken that it signed", Mend: mend}
		if lasts {
			d.Mend = fmt.Sprintf("another key of %s lasts longer: see that %[1]s signs with that one by then", env.Name)
		}
		out = append(out, d)
	}
	return out
}

// signsAt reports whether what a key signed is taken at a time.
func signsAt(k *policy.StampKey, t time.Time) bool {
	return !k.Revoked && !t.Before(k.From) && (k.Until.IsZero() || t.Before(k.Until))
}

// keyName is a key's fingerprint, and its comment if it has one.
func keyName(k *policy.StampKey) string {
	if k.Comment == "" {
		return k.Fingerprint
	}
	return k.Fingerprint + " (" + clean(k.Comment, 60) + ")"
}

// doubt tells why no push of a service may rest on stamps of an environment; nil
// if some may, or none would.
func (b *book) doubt(pol *policy.Policy, env *policy.Environment, service policy.Service) (*Doubt, error) {
	if !heeded(pol, env, service) {
		return nil, nil
	}
	d := &Doubt{Environment: env.Name, Service: service, Why: "a push that rests on it is refused, unless it brings one that counts"}
	sync := fmt.Sprintf("pathgate sync %s --service %s --from URL", env.Name, clean(string(service), 120))
	there, _, err := b.StampStanding(policy.Lookup{Service: service, Environment: env.Name, Elsewhere: true})
	if err != nil {
		return nil, err
	}
	origin, _, _, err := b.OriginTree(service, env.Name)
	if err != nil {
		return nil, err
	}
	newest, err := b.liveElsewhere(env, service, "")
	if err != nil {
		return nil, err
	}
	of := fmt.Sprintf("%s of %s", env.Name, clean(string(service), 120))
	switch age := b.now.Sub(newest.Time); {
	case there.Forked != 0:
		d.Bars, d.Record, d.Why = true, there.Forked, "a push that rests on it is refused, whatever stamps it brings"
		d.What = fmt.Sprintf("the ledger of %s, %.8s, contradicts itself, record %d", of, origin, there.Forked)
		d.Mend = fmt.Sprintf("find out what happened to it, then %s --accept ID --reason TEXT", sync)
	case newest.Record == 0:
		d.What, d.Mend = fmt.Sprintf("no stamp of %s is known here", of), sync+", or a push that brings stamps"
	case age > env.Elsewhere.MaxAge:
		d.Record = newest.Record
		d.What = fmt.Sprintf("the newest stamp of %s is %s old, and a stamp counts for %s", of, explain.Span(age), explain.Span(env.Elsewhere.MaxAge))
		d.Mend = sync + "; if that has none that is newer, deploy again there"
	default:
		return nil, nil
	}
	return d, nil
}
