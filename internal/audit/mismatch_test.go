package audit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
)

// restore puts the journal back to what it was, as from a copy of the folder.
func (s *stand) restore(journal string) {
	s.t.Helper()
	for _, name := range []string{ledger.IndexName, ledger.SnapshotName} {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !os.IsNotExist(err) {
			s.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, ledger.JournalName), []byte(journal), 0o640); err != nil {
		s.t.Fatal(err)
	}
}

// added ships and returns what is new in the file.
func (s *stand) added() string {
	s.t.Helper()
	before := len(s.read(s.file().File))
	s.all(s.file())
	return s.read(s.file().File)[before:]
}

func TestRestoredBackup(t *testing.T) {
	s := newStand(t)
	s.add(20)
	copied := s.journal() // 21 records
	s.add(9)
	s.all(s.file())
	s.restore(copied)
	s.add(3) // 22, 23, 24 once more, and they are others
	got := s.added()
	// Up to record 30 the cursor knows 16, 24, 28, 29 and 30.
	want := append([]uint64{0}, 17, 18, 19, 20, 21, 22, 23, 24)
	if !slices.Equal(lineSeqs(t, got), want) {
		t.Errorf("came %v, want %v", lineSeqs(t, got), want)
	}
	first, rest, _ := strings.Cut(got, "\n")
	if !strings.Contains(first, "does not have record 30 as it was sent") || !strings.Contains(first, "after record 16 follows") {
		t.Errorf("the event says %s", first)
	}
	if !strings.HasSuffix(s.journal(), rest) {
		t.Error("what follows is not what the ledger has")
	}
	if got := s.added(); got != "" {
		t.Errorf("it was told again: %s", got)
	}
}

// A journal that was only cut is told of once, though there is nothing to send.
func TestCutJournal(t *testing.T) {
	s := newStand(t)
	s.add(15)
	copied := s.journal() // 16 records, one of those that the cursor knows
	s.add(2)
	s.all(s.file())
	s.restore(copied)
	if got := lineSeqs(t, s.added()); !slices.Equal(got, []uint64{0}) {
		t.Errorf("came %v", got)
	}
	if got := s.added(); got != "" {
		t.Errorf("it was told again: %s", got)
	}
}

func TestOtherLedger(t *testing.T) {
	s, other := newStand(t), newStand(t)
	s.add(5)
	s.all(s.file())
	other.add(2)
	s.restore(other.journal())
	got := s.added()
	if !slices.Equal(lineSeqs(t, got), []uint64{0, 1, 2, 3}) || !strings.Contains(got, "was of ledger ") {
		t.Errorf("came %s", got)
	}
}

func TestChangedLine(t *testing.T) {
	s := newStand(t)
	s.add(2)
	s.all(s.file())
	s.add(3)
	journal := s.journal()
	lines := strings.SplitAfter(journal, "\n")
	lines[4] = strings.Replace(lines[4], `"principal":"ana"`, `"principal":"eve"`, 1)
	if err := os.WriteFile(filepath.Join(s.dir, ledger.JournalName), []byte(strings.Join(lines, "")), 0o640); err != nil {
		t.Fatal(err)
	}
	got := s.added()
	if !slices.Equal(lineSeqs(t, got), []uint64{4, 5, 0, 6}) || !strings.Contains(got, "record 6 does not follow the line before it") {
		t.Errorf("came %s", got)
	}
}

// A line that is none is never stepped over.
func TestDamagedLine(t *testing.T) {
	s := newStand(t)
	s.all(s.file())
	s.add(3)
	journal := s.journal()
	if err := os.WriteFile(filepath.Join(s.dir, ledger.JournalName), []byte(strings.Replace(journal, `{"seq":3,`, `("seq":3,`, 1)), 0o640); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := All(t.Context(), s.file(), s.dir); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("a damaged line: %v", err)
		}
	}
	if got := lineSeqs(t, s.read(s.file().File)); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("came %v", got)
	}
}

// An unfinished line, and one that its writer may take back, are left.
func TestUnfinishedLine(t *testing.T) {
	s := newStand(t)
	s.add(1)
	whole := s.journal()
	if err := os.WriteFile(filepath.Join(s.dir, ledger.JournalName), []byte(whole+`{"seq":3`), 0o640); err != nil {
		t.Fatal(err)
	}
	s.all(s.file())
	if got := s.read(s.file().File); got != whole {
		t.Errorf("the file has %s", got)
	}
	s.add(1) // takes it off, and says so
	s.all(s.file())
	if got := s.read(s.file().File); got != s.journal() {
		t.Errorf("the file has %s", got)
	}
}

func TestLineNotYetDurable(t *testing.T) {
	s := newStand(t)
	mine := s.add(1)
	l, err := ledger.Open(t.Context(), s.dir, ledger.Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(refusal("its writer still holds the ledger")); err != nil {
		t.Fatal(err)
	}
	if err := s.ship(s.file(), mine); err != nil {
		t.Fatal(err)
	}
	if got := lineSeqs(t, s.read(s.file().File)); !slices.Equal(got, oneTo(mine)) {
		t.Errorf("came %v", got)
	}
	l.Close()
	s.all(s.file())
	if s.read(s.file().File) != s.journal() {
		t.Error("the file is not the journal")
	}
}

// A cursor of which one slot is damaged still counts; one that is damaged
// altogether begins anew, and says so.
func TestDamagedCursor(t *testing.T) {
	s := newStand(t)
	s.all(s.file())
	s.add(1)
	s.all(s.file())
	name := cursorPath(s.dir, "file")
	good := []byte(s.read(name))
	harm := func(at ...int) {
		b := slices.Clone(good)
		for _, i := range at {
			b[i] ^= 1
		}
		if err := os.WriteFile(name, b, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	harm(40) // generation 2, which is the better one
	if got := lineSeqs(t, s.added()); !slices.Equal(got, []uint64{2}) {
		t.Errorf("one slot damaged: came %v", got)
	}
	harm(40, slotSize+40)
	got := s.added()
	if !slices.Equal(lineSeqs(t, got), []uint64{0, 1, 2}) || !strings.Contains(got, "the note of what was sent is damaged") {
		t.Errorf("both slots damaged: came %s", got)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if got := lineSeqs(t, s.added()); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("without a cursor: came %v", got)
	}
}

// However many records there are, a cursor fits into its slot.
func TestCursorFits(t *testing.T) {
	s := newStand(t)
	c, err := lockCursor(s.dir, "x")
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	c.ledger = strings.Repeat("f", 32)
	for i := range uint64(64) {
		c.take(place{record: 1 << i, start: 1<<63 - 3, end: 1<<63 - 1})
	}
	for range 3 {
		if err := c.save(); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := c.f.Stat(); err != nil || info.Size() != 2*slotSize {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	d := &cursor{f: c.f}
	if err := d.load(); err != nil || !slices.Equal(d.trail, c.trail) || d.generation != 3 {
		t.Errorf("read back: %+v, %v", d, err)
	}
}
