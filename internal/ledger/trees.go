package ledger

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/pathgate/pathgate/internal/tlog"
)

// Trees computes trees of the journal's first lines from the journal alone: one
// for each of sizes, and that of all complete lines at the end of the result.
// It reads the journal once, keeps of the tree only what is needed to go on,
// takes no lock and no notice of the index, and does not look at what the lines
// say. A size that the journal does not have is ErrCut.
//
// It is for auditors, who need not believe the index, and for witnesses that
// have a copy of the journal.
func Trees(dir string, sizes ...int64) ([]tlog.Tree, error) {
	f, size, err := openToRead(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	trees := make([]tlog.Tree, len(sizes), len(sizes)+1)
	want := make(map[int64]bool, len(sizes))
	for _, n := range sizes {
		want[n] = true
	}
	front := &tlog.Frontier{}
	note := func() {
		for i, n := range sizes {
			if n == front.Size() {
				trees[i] = front.Tree()
			}
		}
	}
	note() // of no lines
	end, tooLong, err := lines(f, 0, size, func(line []byte, _ int64) error {
		front.Add(tlog.LeafHash(line))
		if want[front.Size()] {
			note()
		}
		return nil
	})
	if err == nil && tooLong && hasNewline(f, end, size) {
		err = damaged(uint64(front.Size())+1, "more than %d bytes", MaxLine)
	}
	for _, n := range sizes {
		if err == nil && (n < 0 || n > front.Size()) {
			err = fmt.Errorf("%w: it has %d lines, and not %d", ErrCut, front.Size(), n)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the ledger %s: %w", nameOf(dir), err)
	}
	return append(trees, front.Tree()), nil
}

// RawLine reads the line of a record out of the journal, without its newline,
// and without a lock or the index.
func RawLine(dir string, record uint64) ([]byte, error) {
	if isURL(dir) {
		line, err := storeLine(dir, record)
		if err != nil {
			return nil, fmt.Errorf("read the ledger %s: %w", nameOf(dir), err)
		}
		return line, nil
	}
	f, size, err := openToRead(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var found []byte
	n := uint64(0)
	_, _, err = lines(f, 0, size, func(line []byte, _ int64) error {
		if n++; n < record {
			return nil
		}
		found = bytes.Clone(line)
		return errEnough
	})
	if found != nil && n == record {
		return found, nil
	}
	if err == nil || errors.Is(err, errEnough) {
		err = fmt.Errorf("there is no record %d: the last is %d", record, n)
	}
	return nil, fmt.Errorf("read the ledger %s: %w", nameOf(dir), err)
}
