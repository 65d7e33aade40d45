package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestReadAt reads lines, short ones and long ones, by where they stand.
func TestReadAt(t *testing.T) {
	r := newRig(t)
	l := r.open()
	for i := range 40 {
		reasons := slices.Repeat([]string{strings.Repeat("x", 1500)}, 1+i%10)
		if err := l.Append(&Entry{Type: TypeFault, Overrode: reasons, Reason: fmt.Sprint("fault ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	readAtSome(t, r.dir, 41)
	for _, at := range []int64{-1, 1, 1 << 40} {
		err := ReadAt(r.dir, []int64{0, at}, func(*Line) error { return nil })
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), fmt.Sprintf("the line at byte %d", at)) {
			t.Errorf("%d: %v", at, err)
		}
	}
	end := int64(len(r.journal()))
	r.setJournal(append(r.journal(), `{"seq":42,`...))
	if err := ReadAt(r.dir, []int64{end}, func(*Line) error { return nil }); !errors.Is(err, ErrDamaged) {
		t.Errorf("a line that has no end: %v", err)
	}
	stop := errors.New("stop")
	if err := ReadAt(r.dir, []int64{0}, func(*Line) error { return stop }); err != stop {
		t.Error(err)
	}
	r.remove(JournalName)
	if err := ReadAt(r.dir, nil, func(*Line) error { return nil }); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
}

// readAtSome holds what ReadAt reads, of all lines and of some, against Read.
func readAtSome(t *testing.T, dir string, n int) {
	t.Helper()
	raw := make(map[int64]string)
	var offsets []int64
	err := Read(dir, 0, func(line *Line) error {
		raw[line.Offset], offsets = string(line.Raw), append(offsets, line.Offset)
		return nil
	})
	if err != nil || len(offsets) != n {
		t.Fatalf("%d lines, %v", len(offsets), err)
	}
	for step := 1; step < n; step += 1 + n/5 {
		var some []int64
		for i := 0; i < n; i += step {
			some = append(some, offsets[i])
		}
		seen := 0
		err := ReadAt(dir, some, func(line *Line) error {
			if string(line.Raw) != raw[line.Offset] || line.Entry.Seq != uint64(slices.Index(offsets, line.Offset)+1) {
				return fmt.Errorf("record %d at %d", line.Entry.Seq, line.Offset)
			}
			seen++
			return nil
		})
		if err != nil || seen != len(some) {
			t.Errorf("%d lines, %v", seen, err)
		}
	}
}
