package command

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pathgate/pathgate/internal/export"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// logWriter makes the writer of a format, or of a story's table; head says that
// a CSV begins with the names of its columns.
func (a *app) logWriter(pol *policy.Policy, f *filter, o *logOptions, tale *story, head bool) (entryWriter, error) {
	switch o.format {
	case "table":
		if tale != nil {
			return newStoryWriter(a.stdout, tale, pol), nil
		}
		if f.onlyPolicies() {
			return &policyWriter{w: a.stdout}, nil
		}
		return newRows(a.stdout), nil
	case "json":
		return rawWriter{bufio.NewWriterSize(a.stdout, shipBuffer)}, nil
	case "csv":
		return newCSV(a.stdout, head), nil
	}
	id, err := export.LedgerID(pol.Ledger)
	if err != nil {
		return nil, err
	}
	x, err := export.New(export.Format(o.format), export.Options{Ledger: id, Version: Version})
	return &exportWriter{w: a.stdout, x: x}, err
}

// rawWriter prints the ledger's own lines.
type rawWriter struct{ w *bufio.Writer }

func (r rawWriter) write(line *ledger.Line) error {
	_, _ = r.w.Write(line.Raw) // the next one fails again
	return r.w.WriteByte('\n')
}

func (r rawWriter) flush() error { return r.w.Flush() }

// exportWriter prints the formats of package export.
type exportWriter struct {
	w   io.Writer
	x   *export.Exporter
	buf []byte
	err error // the first one: what was not written then is lost
}

func (e *exportWriter) write(line *ledger.Line) error {
	if e.buf = e.x.Append(e.buf, line); len(e.buf) < shipBuffer {
		return nil
	}
	return e.flush()
}

func (e *exportWriter) flush() error {
	if e.err == nil && len(e.buf) > 0 {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
	return e.err
}

// pass shows a writer a line that it is not to print.
func pass(out entryWriter, line *ledger.Line) (err error) {
	switch w := out.(type) {
	case *exportWriter:
		w.x.Observe(line)
	case *policyWriter:
		_, err = w.add(line)
	}
	return err
}

// lastRows drops all rows of a table but the head and the last n.
func lastRows(out entryWriter, n int) {
	if r, ok := out.(*rowWriter); ok && len(r.rows) > n+1 {
		r.rows = slices.Delete(r.rows, 1, len(r.rows)-n)
	}
}

// settleFile makes output durable where it goes to a file.
func settleFile(w io.Writer) error {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return err
	}
	return f.Sync()
}

// endLine ends a line that a run before left unfinished in a file, so that what
// is repeated now stands on a line of its own.
func endLine(w io.Writer) error {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return err
	}
	// It was opened to be written only; Linux opens it again.
	again, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		return fmt.Errorf("read the end of the output: %w", err)
	}
	defer again.Close()
	last := make([]byte, 1)
	if _, err := again.ReadAt(last, info.Size()-1); err != nil {
		return fmt.Errorf("read the end of the output: %w", err)
	}
	if last[0] == '\n' {
		return nil
	}
	_, err = f.Write([]byte{'\n'})
	return err
}
