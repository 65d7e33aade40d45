package gate

import (
	"fmt"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// Where hosts share a ledger, each looks at its own repositories only. What a
// record says is true on all of them; what an open intent will come to only its
// own host can find out, as nobody else can read the ref or see the process.

// afar is the host that has a record's repository, if it is another one than
// this; else empty. A record that names none is from before hosts shared the
// ledger: its repository belongs to whoever has it.
func (b *book) afar(host string) string {
	if b.host == "" || host == b.host {
		return ""
	}
	return host
}

// mine is a fault if the repository of a spot belongs to another host: two
// repositories must not go by one name. It is on the host of its newest live
// record, or of a push that is not settled.
func (b *book) mine(s Spot, environments []*policy.Environment, live policy.Live, open []ledger.Entry) error {
	if b.host == "" {
		return nil
	}
	if live.Record == 0 || b.afar(live.Host) != "" { // another ref may be known, or be newer
		var err error
		if live, err = b.newest(s, live, environments); err != nil {
			return err
		}
	}
	host, record := b.afar(live.Host), live.Record
	for i := range open {
		if there := b.afar(open[i].Host); there != "" && host == "" {
			host, record = there, open[i].Seq
		}
	}
	if host == "" {
		return nil
	}
	return because(fmt.Sprintf("the ledger has this repository on host %s (record %d); "+
		"push there, or let an operator move it here: pathgate adopt --reason", host, record),
		fmt.Errorf("%s of %s is on host %s by record %d", s.Ref, s.Repository, host, record))
}

// newest is what is live on any ref of a spot's repository by the newest record.
func (b *book) newest(s Spot, live policy.Live, environments []*policy.Environment) (policy.Live, error) {
	for _, env := range environments {
		rows, err := b.Lives(s.Service, env.Name, s.Repository)
		if err != nil {
			return live, err
		}
		for _, row := range rows {
			if row.Record > live.Record {
				live = row.Live
			}
		}
	}
	return live, nil
}

// mostAwaited is how old an unsettled push on another host may be to be waited
// for, with room for clocks that differ: one that is older is not about to end.
const mostAwaited = 10 * time.Minute

// awaitAfar deals with pushes to an environment before that other hosts have not
// settled. It waits for them a little, as for one that runs here. After that,
// what could only add to what stands is as if it were not there; what may take
// it away leaves nothing to decide by.
func (j *judge) awaitAfar(l *book, m *move, prior int, intents []ledger.Entry) (next, error) {
	for i := range intents {
		e := &intents[i]
		if m.env.Match == policy.MatchCommit && !bears(intents[i:i+1], m.commit) {
			continue
		}
		if !j.late && l.now.Sub(e.Time) < mostAwaited {
			return lookSoon, nil
		}
		if takesAway(m.env, prior, e, m.commit) {
			return done, because(fmt.Sprintf("a push to %s on host %s is not settled (record %d), and may take this commit away; "+
				"an operator settles it there: pathgate reconcile", e.Environment, e.Host, e.Seq), nil)
		}
	}
	return done, nil
}

// takesAway reports whether an intent in an environment before, the prior-th in
// env.After, may leave a commit there worse off than it is. A push of the commit
// itself does so only where its outcome counts, which is open again then, or
// where it came by an override and that does not count.
func takesAway(env *policy.Environment, prior int, intent *ledger.Entry, commit policy.ObjectID) bool {
	if env.Match == policy.MatchCommit && intent.Commit == string(commit) {
		return intent.Deploy != "" && env.RequiresOf(prior) == policy.RequiresSuccess ||
			intent.Kind == ledger.KindOverride && !env.OverrideCounts
	}
	return intent.Kind == string(policy.Rollback) || intent.Kind == ledger.KindOverride ||
		intent.Action != "" && intent.Action != ledger.ActionRelease
}

// near splits open intents into those whose repository is here and those of
// other hosts.
func (b *book) near(intents []ledger.Entry) (here, afar []ledger.Entry) {
	for _, e := range intents {
		if b.afar(e.Host) == "" {
			here = append(here, e)
		} else {
			afar = append(afar, e)
		}
	}
	return here, afar
}

// mayCompare is a fault if an environment before, whose commits git is to
// compare with what is pushed, has its repository on another host.
func (b *book) mayCompare(env *policy.Environment, prior *policy.Environment, deployed []ledger.Entry) error {
	for i := range deployed {
		if host := b.afar(deployed[i].Host); host != "" {
			return because(fmt.Sprintf("%s has match = %q, and %s is on host %s (record %d), where git cannot be asked from here; "+
				"keep both on one host, or use match = %q", env.Name, env.Match, prior.Name, host, deployed[i].Seq, policy.MatchCommit), nil)
		}
	}
	return nil
}
