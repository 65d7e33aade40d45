package evidence

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/text"
)

// maxCell is the most bytes of a cell: spreadsheets take 32,767 characters.
const maxCell = 32_000

// A column is one of a CSV file.
type column[T any] struct {
	name  string
	about string // what it says, for the reader
	value func(T) string
}

// writeCSV writes rows by RFC 4180, in UTF-8, with the names of the columns in
// the first line.
func writeCSV[T any](w io.Writer, columns []column[T], rows []T) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	cells := make([]string, len(columns))
	for i, col := range columns {
		cells[i] = col.name
	}
	if err := c.Write(cells); err != nil {
		return err
	}
	for _, row := range rows {
		for i, col := range columns {
			cells[i] = inert(col.value(row))
		}
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// formula are the characters that a spreadsheet may take for the beginning of a
// formula, or skip on its way to one; the last four are = + - @ in full width.
const formula = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"

// inert keeps a spreadsheet from taking a cell for a formula, by an apostrophe
// before it, and makes it safe to print.
func inert(cell string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, " "))
	cell = text.Clean(cell, maxCell)
	if first != utf8.RuneError && strings.ContainsRune(formula, first) {
		return "'" + cell
	}
	return cell
}

// stamp writes a time as the ledger does, empty if there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// number writes a record's number, empty for none.
func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func numbers(all []uint64) string {
	out := make([]string, len(all))
	for i, n := range all {
		out[i] = number(n)
	}
	return list(out)
}

// list joins what stands in one cell.
func list(all []string) string { return strings.Join(all, "; ") }

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
