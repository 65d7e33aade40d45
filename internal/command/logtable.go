package command

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// logHead names the columns of the table. The last one takes what room there
// is.
var logHead = [...]string{"record", "time", "type", "environment", "ref", "commit", "by", "what"}

// maxRows is how many rows are kept to find the widths of columns: a table of a
// whole ledger is printed in pieces, whose columns may be wider than those of
// the piece before.
const maxRows = 4096

// A rowWriter makes a table. Where the output is a terminal, no row is wider.
type rowWriter struct {
	w     io.Writer
	width int // of the terminal, zero if there is none
	rows  [][]string
	// widths of the columns but the last, as they were printed so far
	widths [len(logHead) - 1]int
}

func newRows(w io.Writer) *rowWriter {
	return &rowWriter{w: w, width: terminalWidth(w), rows: [][]string{append([]string(nil), logHead[:]...)}}
}

// terminalWidth is how many columns a terminal has; zero if w is none.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

func (r *rowWriter) write(line *ledger.Line) error {
	e := &line.Entry
	who := e.Principal
	if e.Type == ledger.TypePolicy {
		who = "" // it is not theirs: see what
	}
	row := []string{strconv.FormatUint(e.Seq, 10), explain.Time(e.Time), string(e.Type), where(e),
		explain.Branch(policy.RefName(e.Ref)), shown(e), who, what(e)}
	for i, cell := range row {
		row[i] = text.Clean(cell, 120)
		if i == len(row)-1 {
			row[i] = text.Clean(cell, 200)
		}
		if row[i] == "" {
			row[i] = "-"
		}
	}
	if r.rows = append(r.rows, row); len(r.rows) >= maxRows {
		return r.flush()
	}
	return nil
}

// flush prints the table, or what came to it since the last flush.
func (r *rowWriter) flush() error {
	last := len(logHead) - 1
	room := r.width
	for i := range r.widths {
		for _, row := range r.rows {
			r.widths[i] = max(r.widths[i], utf8.RuneCountInString(row[i]))
		}
		room -= r.widths[i] + 2
	}
	var out strings.Builder
	for _, row := range r.rows {
		for i, width := range r.widths {
			fmt.Fprintf(&out, "%-*s  ", width, row[i])
		}
		what := row[last]
		if r.width > 0 {
			what = cutTo(what, max(room, 20))
		}
		out.WriteString(what + "\n")
	}
	r.rows = nil
	_, err := io.WriteString(r.w, out.String())
	return err
}

// cutTo shortens s to n characters.
func cutTo(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-3]) + "..."
}

func where(e *ledger.Entry) string {
	if e.Service == "" || e.Environment == "" {
		return e.Service + e.Environment
	}
	return e.Service + "/" + e.Environment
}

// shown is the object that an entry is about, as people name it.
func shown(e *ledger.Entry) string {
	id := policy.ObjectID(e.New)
	if e.Commit != "" {
		id = policy.ObjectID(e.Commit)
	}
	if id.IsZero() {
		return ""
	}
	return id.Short()
}

// what sums an entry up in a few words.
func what(e *ledger.Entry) string {
	if e.Type == ledger.TypeDrift {
		return fmt.Sprintf("was at %s, on record %s", orNothing(policy.ObjectID(e.New)), orNothing(policy.ObjectID(e.Old)))
	}
	if e.Type == ledger.TypePolicy {
		return policyWords(e)
	}
	if e.Type == ledger.TypeStamp {
		return stampWords(e)
	}
	parts := append([]string(nil), e.Codes...)
	parts = append(parts, railWords(e)...)
	parts = append(parts, releaseWords(e)...)
	if said := e.Kind == ledger.KindRemove || e.Kind == ledger.KindReset; e.Kind != "" && !said && e.Type != ledger.TypeRefused {
		parts = append(parts, e.Kind)
	}
	parts = append(parts, ticketWords(e)...)
	subject := e.Subject
	if e.Action != "" && e.Type != ledger.TypeRefused {
		subject = "" // it says the same again
	}
	for _, part := range []string{e.Reason, subject} {
		if part != "" {
			parts = append(parts, part)
			break
		}
	}
	return strings.Join(parts, ", ")
}

// csvHead names the columns, which are the ledger's own fields.
var csvHead = []string{"seq", "time", "type", "push", "service", "environment", "repository", "ref", "old", "new",
	"commit", "tree", "subject", "kind", "principal", "via", "address", "intent", "evidence", "rules", "codes", "policy", "reason",
	"state", "record", "overrode", "until", "deploy", "url", "message",
	"action", "branch", "head", "tickets", "gone", "host", "origin", "checkpoint", "key", "stamped"}

type csvWriter struct{ w *csv.Writer }

func newCSV(w io.Writer, head bool) csvWriter {
	c := csvWriter{csv.NewWriter(w)}
	if head {
		_ = c.w.Write(csvHead)
	}
	return c
}

func (c csvWriter) write(line *ledger.Line) error {
	e := &line.Entry
	number := func(n uint64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatUint(n, 10)
	}
	evidence := make([]string, len(e.Evidence))
	for i, n := range e.Evidence {
		evidence[i] = number(n)
	}
	row := []string{number(e.Seq), stamp(e.Time), string(e.Type), e.Push, e.Service,
		e.Environment, e.Repository, e.Ref, e.Old, e.New, e.Commit, e.Tree, e.Subject, e.Kind, e.Principal, e.Via,
		e.Address, number(e.Intent), strings.Join(evidence, " "), strings.Join(e.Rules, " "),
		strings.Join(e.Codes, " "), e.Policy, e.Reason,
		e.State, number(e.Record), strings.Join(e.Overrode, " "), stamp(e.Until), e.Deploy, e.URL, e.Message,
		e.Action, e.Branch, e.Head, strings.Join(e.Tickets, " "), strings.Join(e.Gone, " "),
		e.Host, e.Origin, e.Checkpoint, e.Key, stamp(e.Stamped)}
	for i, cell := range row {
		row[i] = inert(cell)
	}
	return c.w.Write(row)
}

// stamp writes a time as the ledger does, empty if there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02T15:04:05.000000Z")
}

// inert keeps a spreadsheet from taking a cell for a formula.
func inert(cell string) string {
	if first, _ := utf8.DecodeRuneInString(cell); cell != "" && strings.ContainsRune("=+-@\uff1d\uff0b\uff0d\uff20", first) {
		return "'" + cell
	}
	return cell
}

func (c csvWriter) flush() error {
	c.w.Flush()
	return c.w.Error()
}
