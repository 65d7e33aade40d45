package ledger

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Snapshot leaves a synced copy of the index beside it, so that the rebuild
// after a reboot has to read only what came later. It does nothing while fewer
// than every entries are new since the last one.
//
// The ledger is locked only to see where it ends. The copy is made from the
// last snapshot and the journal, not from the index, while hooks go on. Of a
// ledger in a database, which outlives a reboot, there is nothing to copy.
func Snapshot(ctx context.Context, dir string, o Options, every uint64) error {
	if isURL(dir) {
		return nil
	}
	if err := snapshot(ctx, dir, o, every); err != nil {
		return fmt.Errorf("snapshot the ledger %s: %w", dir, err)
	}
	return nil
}

func snapshot(ctx context.Context, dir string, o Options, every uint64) error {
	l, err := open(ctx, dir, o)
	if err != nil {
		return err
	}
	end, id, info := l.head, l.id, l.info
	if err := l.Close(); err != nil {
		return err
	}
	journal, now, err := openRegular(filepath.Join(dir, JournalName))
	if err != nil {
		return err
	}
	defer journal.Close()
	if !os.SameFile(info, now) {
		return fmt.Errorf("%w: another file has its name now", ErrCut)
	}
	// A builder has the parts of a ledger that making an index needs.
	b := &Ledger{dir: dir, o: o, ctx: ctx, host: l.host, boot: l.boot, journal: journal, info: info, id: id}
	return b.makeSnapshot(end, every)
}

// makeSnapshot brings the last snapshot up to end, unless it is near it.
func (l *Ledger) makeSnapshot(end head, every uint64) error {
	name := l.path(SnapshotName)
	f, err := l.scratch(name)
	if err != nil {
		return err
	}
	made := f.Name()
	done := func(err error) error {
		os.Remove(made)
		f.Close()
		return err
	}
	from, err := l.loadSnapshot(f, end.end)
	if err != nil || from.seq > 0 && end.seq < from.seq+max(every, 1) {
		return done(err)
	}
	x, err := openIndex(f, l.host, l.left())
	if err != nil {
		return done(hard(err))
	}
	x.fresh = from.seq == 0
	h, n, err := l.replay(x, from, end.end)
	x.fresh = false
	if err == nil && n > compactAfter {
		x, err = l.compact(x)
	}
	if err == nil && (h.end != end.end || h.hash != end.hash) {
		err = fmt.Errorf("%w: it ends elsewhere than a moment ago", ErrCut)
	}
	if err == nil {
		err = x.file.Sync()
	}
	if err == nil {
		err = clearTheWay(name)
	}
	if err == nil {
		err = os.Rename(made, name)
	}
	if err != nil {
		x.close()
		return done(hard(err))
	}
	x.close()
	return syncFolder(l.dir)
}

// scratch makes a file to build a snapshot in. Each process has its own, so
// that two at once do not meet; the last to finish wins, and either is right.
// What a process left that died is removed after a day.
func (l *Ledger) scratch(name string) (*os.File, error) {
	old, err := filepath.Glob(name + ".new-*")
	if err != nil {
		return nil, err
	}
	for _, o := range old {
		if info, err := os.Lstat(o); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			os.Remove(o)
		}
	}
	var salt [8]byte
	rand.Read(salt[:])
	return makeFile(name+".new-"+hex.EncodeToString(salt[:]), modeLike(l.info))
}
