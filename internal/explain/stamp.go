package explain

import (
	"fmt"

	"github.com/pathgate/pathgate/policy"
)

// maxOffered bounds how many stamps that do not count are told of.
const maxOffered = 5

// noStamp says that nothing bears out that an environment elsewhere has
// deployed the commit, and why what the push brought does not.
func noStamp(environment policy.EnvironmentName, d *policy.Detail) []string {
	return append([]string{fmt.Sprintf("no stamp of %s for it is known here", environment)}, offered(d)...)
}

// stampTooOld says when an environment elsewhere deployed the commit.
func stampTooOld(environment policy.EnvironmentName, d *policy.Detail) []string {
	said := fmt.Sprintf("%s stamped it at %s, and a stamp counts for %s", environment, Time(d.Stamped), Span(d.MaxAge))
	switch {
	case d.Stamped.IsZero():
		said = fmt.Sprintf("when %s stamped it is not known", environment)
	case d.Ahead:
		said = fmt.Sprintf("%s stamped it at %s, which is still to come: a clock is wrong", environment, Time(d.Stamped))
	}
	return append([]string{said}, offered(d)...)
}

// stampForked says that an environment elsewhere is not believed any more.
func stampForked(v *policy.Verdict) []string {
	return []string{fmt.Sprintf("the ledger of %s contradicts itself (record %d): nothing that it says counts", v.Environment, v.Record)}
}

// offered says why stamps that the push brought do not count.
func offered(d *policy.Detail) (lines []string) {
	for i, o := range d.Offered {
		if i == maxOffered {
			return append(lines, fmt.Sprintf("and %d more that do not count", len(d.Offered)-i))
		}
		lines = append(lines, "one that came along does not count: "+clip(o.Reason, 200))
	}
	return lines
}

// asStamped is what was seen in an environment before, with the limits of that
// where only stamps tell of it.
func asStamped(said string, d *policy.Detail) string {
	if d.Elsewhere {
		said += ", as far as the stamps known here tell"
	}
	return said
}

// stamped is what stamps tell of the commit in an environment elsewhere.
func (s *Stage) stamped() string {
	switch st := s.Standing; {
	case st.Withdrawn != 0:
		return fmt.Sprintf("withdrawn, record %d", st.Withdrawn)
	case st.Record != 0:
		return fmt.Sprintf("as stamped %s by %s   record %d", Time(st.Time), principal(st.Principal), st.Record)
	case s.Live.Record != 0:
		return fmt.Sprintf("no stamp; newest: %s of %s", s.Live.Commit.Short(), Time(s.Live.Time))
	}
	return "no stamp known here"
}

// elsewhere returns the stage of an environment if it is on another host.
func (r *Refusal) elsewhere(name policy.EnvironmentName) *Stage {
	for i := range r.Stages {
		if s := &r.Stages[i]; s.Environment == name && s.Elsewhere {
			return s
		}
	}
	return nil
}
