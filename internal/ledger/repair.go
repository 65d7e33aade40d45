package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// A Mandate says who orders a repair, and why. It goes on record.
type Mandate struct {
	Principal string
	Via       string // what vouched for the principal
	Reason    string
}

// Repair accepts the ledger as it is after ErrCut, ErrClock or ErrRoot: it
// writes a repair entry that says what was accepted, makes a new index out of
// the journal, and returns that entry. It fails with ErrSound if there is
// nothing to accept, and with ErrDamaged if a line in the journal does not
// hold: that no entry can make good.
//
// The entry is durable before the index is replaced, so that a journal that
// was cut is never accepted without being on record.
func Repair(ctx context.Context, dir string, o Options, m Mandate) (Entry, error) {
	e, err := repair(ctx, dir, o, m)
	if err != nil {
		return Entry{}, fmt.Errorf("repair the ledger %s: %w", nameOf(dir), err)
	}
	return e, nil
}

func repair(ctx context.Context, dir string, o Options, m Mandate) (Entry, error) {
	if strings.TrimSpace(m.Reason) == "" {
		return Entry{}, errors.New("no reason given")
	}
	if isURL(dir) {
		return repairStore(ctx, dir, o, m)
	}
	l, err := begin(ctx, dir, o)
	if err != nil {
		return Entry{}, err
	}
	defer l.Close()
	size := l.info.Size()
	root := ""
	l.head, err = walk(l.journal, head{}, size, func(e *Entry, _ place, _ []byte) error {
		if e.Root != "" && (e.Type == TypeLedger || e.Type == TypeRepair) {
			root = e.Root
		}
		return nil
	})
	if err != nil {
		return Entry{}, err
	}
	accepted, err := l.unsound(size)
	if err != nil {
		return Entry{}, err
	}
	e := &Entry{Type: TypeRepair, Principal: m.Principal, Via: m.Via}
	if want := rootHash(o.Root); root != want {
		accepted = append(accepted, "the policy's root moved")
		e.Root = want
	}
	now := l.o.Now()
	if behind := l.head.time.Sub(now); behind > clockSlack {
		accepted = append(accepted, fmt.Sprintf("record %d is %s ahead of the clock", l.head.seq, behind))
	}
	if len(accepted) == 0 {
		return Entry{}, ErrSound
	}
	if size > l.head.end {
		if err := l.dropTail(size); err != nil {
			return Entry{}, err
		}
	}
	e.Reason = m.Reason + " (accepted: " + strings.Join(accepted, "; ") + ")"
	if err := l.append(now, e); err != nil {
		return Entry{}, err
	}
	return *e, l.renew()
}

// unsound says what index and snapshot saw that the journal does not have.
func (l *Ledger) unsound(size int64) (accepted []string, err error) {
	for _, name := range [...]string{IndexName, SnapshotName} {
		w, err := l.peek(name)
		if errors.Is(err, errIndex) {
			continue
		}
		if err != nil {
			return nil, err
		}
		switch err := w.borneOut(l.journal, l.id, size); {
		case errors.Is(err, ErrCut):
			accepted = append(accepted, fmt.Sprintf("the journal ends with record %d, %s had seen record %d of ledger %s, SHA-256 %s",
				l.head.seq, name, w.seq, w.ledger, w.hash))
		case err != nil:
			return nil, err
		}
	}
	return accepted, nil
}

func (l *Ledger) peek(name string) (watermark, error) {
	x, err := openIndexAt(l.path(name), l.host, l.left())
	if err != nil {
		return watermark{}, err
	}
	defer x.close()
	return x.watermark()
}

// renew removes the snapshot and makes the index anew.
func (l *Ledger) renew() error {
	if err := os.RemoveAll(l.path(SnapshotName)); err != nil {
		return err
	}
	return l.rebuild(l.head.end, false)
}
