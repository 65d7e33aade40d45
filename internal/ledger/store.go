package ledger

import (
	"strings"

	"github.com/pathgate/pathgate/internal/tlog"
)

// A store is where an open ledger has its lines and projections in place of
// files: a database. Its errors wrap those of this package.
type store interface {
	// hold makes sure that nobody else writes until the next commit. moved says
	// that somebody did since Open, or since heed, other than while it was held;
	// the ledger's head is the new one then.
	hold() (moved bool, err error)
	// heed forgets that others wrote: whoever decides has been told.
	heed()
	// view runs fn on the projections, perhaps more than once.
	view(fn func(kv) error) error
	// line reads the line at a place, with its newline.
	line(at place) ([]byte, error)
	// commit makes lines durable, with what update does to the projections, and
	// lets others write, unless the ledger goes on. h is the head after them.
	commit(lines []storedLine, h head, update func(kv) error) error
	close()
	trips() int
}

// A storedLine is a line and where it goes.
type storedLine struct {
	place
	text []byte // without its newline
}

// isURL reports whether a ledger's place is a database and not a folder.
func isURL(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// NameOf is a ledger's place for messages, a URL without its settings.
func NameOf(place string) string { return nameOf(place) }

// nameOf is a ledger's place for messages: of a URL not what may be secret.
func nameOf(place string) string {
	if !isURL(place) {
		return place
	}
	place, _, _ = strings.Cut(place, "?")
	scheme, rest, _ := strings.Cut(place, "://")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, _, _ := strings.Cut(rest[:at], ":")
		rest = user + rest[at:]
	}
	return scheme + "://" + rest
}

// decides reports whether an entry of this type is something that is decided by
// what the ledger says, and not something that has happened anyway.
func decides(t Type) bool {
	switch t {
	case TypeDeployed, TypeAbandoned, TypeRefused, TypeFault, TypeDrift, TypeStatus, TypeRepair:
		return false
	}
	return true
}

// hold takes the lock of a ledger in a database where an earlier Append gave it
// up. It fails with ErrMoved if somebody else has written meanwhile and one of
// the entries was decided by what was there before.
func (l *Ledger) hold(entries []*Entry) error {
	if l.store == nil {
		return nil
	}
	moved, err := l.store.hold()
	if err != nil || !moved {
		return err
	}
	for _, e := range entries {
		if decides(e.Type) {
			l.store.heed()
			return ErrMoved
		}
	}
	return nil
}

// commitLines is write and note of a ledger in a database.
func (l *Ledger) commitLines(buf []byte, h head, entries []*Entry, places []place, leaves []tlog.Hash) error {
	lines := make([]storedLine, len(places))
	for i, p := range places {
		lines[i] = storedLine{p, buf[:p.length-1]}
		buf = buf[p.length:]
	}
	l.failed = l.store.commit(lines, h, func(s kv) error {
		for i, e := range entries {
			if err := project(s, e, places[i]); err != nil {
				return err
			}
		}
		return grow(s, int64(entries[0].Seq)-1, leaves)
	})
	return l.failed
}

// RoundTrips is how many times a database was sent something and waited for
// since Open began, without those of connecting; zero for a ledger in files.
func (l *Ledger) RoundTrips() int {
	if l.store == nil {
		return 0
	}
	return l.store.trips()
}
