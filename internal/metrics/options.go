package metrics

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// LookBack is how long before the window a commit's way to it may have begun.
const LookBack = 366 * 24 * time.Hour

// MaxBuckets is the largest number of days or weeks in a series.
const MaxBuckets = 2000

// By is the width of the steps of a series.
type By string

// The widths of a series. The empty By is no series.
const (
	Day  By = "day"
	Week By = "week"
)

// Options say what to compute.
type Options struct {
	// Policy is the policy in force; its Ledger is read.
	Policy *policy.Policy
	// From and To are the window: from From to just before To.
	From, To time.Time
	// Service and Environment choose rows; empty is all.
	Service, Environment string
	// Production names the environments that are production. Empty: those that
	// no other comes after.
	Production []string
	// By asks for a series.
	By By
	// Records is the last record that is looked at, as if the ledger ended there;
	// zero is all.
	Records uint64
}

func (o *Options) check() error {
	switch {
	case o.Policy == nil:
		return errors.New("metrics want a policy")
	case !o.From.Before(o.To):
		return errors.New("the window must begin before it ends")
	case o.By != "" && o.By != Day && o.By != Week:
		return fmt.Errorf("a series is by %s or %s, not %q", Day, Week, o.By)
	}
	if o.By != "" && o.To.Sub(o.From) > o.By.width()*(MaxBuckets-2) {
		return fmt.Errorf("the window has more than %d %ss", MaxBuckets-2, o.By)
	}
	return nil
}

func (b By) width() time.Duration {
	if b == Week {
		return 7 * 24 * time.Hour
	}
	return 24 * time.Hour
}

// start is the beginning of the day or week that t is in.
func (b By) start(t time.Time) time.Time {
	t = t.UTC()
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	if b == Week {
		day = day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	}
	return day
}

// in reports whether t is in the window.
func (o *Options) in(t time.Time) bool { return !t.Before(o.From) && t.Before(o.To) }

// A stage is what the policy says of an environment.
type stage struct {
	order             int // on the path; environments that the policy does not know come last
	first, production bool
}

// stages looks at the path of the policy in force.
func (o *Options) stages() map[string]stage {
	all := make(map[string]stage, len(o.Policy.Environments))
	ends := o.Policy.Ends()
	for i, env := range o.Policy.Environments {
		all[string(env.Name)] = stage{order: i + 1, first: len(env.After) == 0, production: slices.Contains(ends, env.Name)}
	}
	if len(o.Production) == 0 {
		return all
	}
	for name, s := range all {
		s.production = slices.Contains(o.Production, name)
		all[name] = s
	}
	for _, name := range o.Production {
		s := all[name]
		s.production = true
		all[name] = s
	}
	return all
}
