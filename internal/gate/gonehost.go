package gate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// A GoneHost is a host that shared the ledger and will never come back, as an
// operator says.
type GoneHost struct {
	Host string
	// By and Reason go on record with all that is settled: who says so, and why.
	By, Reason string
	// Force settles also where the host has put something on record lately.
	Force bool
}

// quiet is how long a host must have put nothing on record to be believed gone.
const quiet = time.Hour

// Words is what stands on record with what is settled for the host.
func (g GoneHost) Words() string {
	return clean(fmt.Sprintf("host %s is gone, says %s: %s", g.Host, g.By, g.Reason), 1000)
}

// ErrHost says that a host cannot be settled for: this one settles for itself,
// and a ledger that no hosts share has none.
var ErrHost = errors.New("it is not another host of this ledger")

// ErrAlive says that a host which is said to be gone has put something on record
// lately.
var ErrAlive = errors.New("the host may live")

// ReconcileGone settles what the pushes of a host have left that is gone for
// ever. Nobody can ask that host's repositories any more: what counts is where
// the refs are in the repositories that are here now under the same names, as
// they were moved or brought back from a copy. Where there is none, what had
// been announced counts as not done. The repositories themselves stay the
// other host's on record until setup.Adopt, with a reason, moves each here.
//
// It is for an operator who knows: if the host lives, its pushes lose their
// records, and show up as drift there.
func ReconcileGone(ctx context.Context, pol *policy.Policy, gone GoneHost, now func() time.Time) ([]Finding, error) {
	own, err := receive.HostOf(pol)
	if err != nil {
		return nil, err
	}
	if own == "" || gone.Host == own || gone.Host == "" {
		return nil, fmt.Errorf("settle for host %q: %w", gone.Host, ErrHost)
	}
	if err := silent(pol, gone, now); err != nil {
		return nil, err
	}
	left, err := leftBy(ctx, pol, gone.Host, now)
	if err != nil {
		return nil, err
	}
	return settleGone(ctx, pol, gone, left, observeAll(ctx, pol, left), now)
}

// silent looks for the newest record of a host that is said to be gone: there
// must be one, and unless by force none that is younger than an hour.
func silent(pol *policy.Policy, gone GoneHost, now func() time.Time) error {
	var newest ledger.Entry
	err := ledger.Read(pol.Ledger, 0, func(line *ledger.Line) error {
		if line.Entry.Host == gone.Host {
			newest.Seq, newest.Time = line.Entry.Seq, line.Entry.Time
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case newest.Seq == 0:
		return fmt.Errorf("no such host on record: %q: %w", gone.Host, ErrHost)
	case !gone.Force && now().Sub(newest.Time) < quiet:
		return fmt.Errorf("%w: host %s has made record %d at %s, less than an hour ago; if it is gone for ever all the same, say --force",
			ErrAlive, gone.Host, newest.Seq, newest.Time.UTC().Format(time.RFC3339))
	}
	return nil
}

// leftBy finds the refs on which a host has open intents, all of them dead.
func leftBy(ctx context.Context, pol *policy.Policy, host string, now func() time.Time) (left *surveyed, err error) {
	l, err := readBook(ctx, pol, now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	intents, err := l.Intents(ledger.IntentFilter{})
	if err != nil {
		return nil, err
	}
	left = &surveyed{live: make(map[Spot]policy.Live), dead: make(map[uint64]bool)}
	for i := range intents {
		spot := spotOf(&intents[i])
		if intents[i].Host != host {
			continue
		}
		left.dead[intents[i].Seq] = true
		if _, known := left.live[spot]; known {
			continue
		}
		if left.live[spot], err = l.live(spot); err != nil {
			return nil, err
		}
		left.order = append(left.order, spot)
	}
	return left, nil
}

func settleGone(ctx context.Context, pol *policy.Policy, gone GoneHost, left *surveyed, observed map[Spot]look, now func() time.Time) (found []Finding, err error) {
	l, err := openBook(ctx, pol, now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	open, err := l.openIntents(ledger.IntentFilter{})
	if err != nil {
		return nil, err
	}
	var entries []*ledger.Entry
	for _, spot := range left.order {
		settled, unread, err := l.goneRef(left, spot, open[spot], observed[spot])
		if err != nil {
			return nil, err
		}
		found = append(found, unread...)
		entries = append(entries, settled...)
	}
	for _, e := range entries {
		e.Reason = clean(strings.TrimPrefix(e.Reason+"; "+gone.Words(), "; "), 2000)
	}
	if err := l.Append(entries...); err != nil {
		return nil, err
	}
	for _, e := range entries {
		found = append(found, Finding{What: string(e.Type), Spot: spotOf(e), Record: e.Seq, Seen: policy.ObjectID(e.New)})
	}
	return found, nil
}

// goneRef decides what became of the intents that a host has left on one ref.
func (b *book) goneRef(left *surveyed, spot Spot, intents []ledger.Entry, saw look) (entries []*ledger.Entry, unread []Finding, err error) {
	var theirs []ledger.Entry
	for _, e := range intents {
		if left.dead[e.Seq] {
			theirs = append(theirs, e)
		}
	}
	live, err := b.live(spot)
	if err != nil {
		return nil, nil, err
	}
	if live.Record != left.live[spot].Record {
		return nil, []Finding{{What: "waiting", Spot: spot}}, nil
	}
	if errors.Is(saw.err, fs.ErrNotExist) {
		for i := range theirs {
			entries = append(entries, abandoned(&theirs[i], "there is no repository to ask"))
		}
		return entries, nil, nil
	}
	if saw.err != nil {
		return nil, []Finding{{What: "unreadable", Spot: spot, Err: saw.err}}, nil
	}
	drifted, _, err := b.drift(spot)
	entries, _ = settleRef(theirs, refState{live: live.New, drifted: drifted, observed: saw.id, dead: left.dead})
	return entries, nil, err
}
