package command

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A filter chooses entries. An empty field lets everything through.
type filter struct {
	service, environment, principal, commit, push string
	types                                         []string
	since, until                                  time.Time
}

func (a *app) log() *cobra.Command {
	var f filter
	var format, since, until string
	cmd := &cobra.Command{
		Use:   "log",
		Short: "show what is on record",
		Long: "Log reads the ledger from its beginning and prints the entries that all filters\n" +
			"let through. json prints the ledger's own lines, byte for byte, one a line.\n" +
			"Times are RFC 3339 (2026-11-21T09:14:00Z), days (2026-11-21, UTC) or a span\n" +
			"back from now (90m, 24h).",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) (err error) {
			if err := oneOf("format", format, "table", "json", "csv"); err != nil {
				return err
			}
			if f.since, err = parseTime("since", since, a.now()); err != nil {
				return err
			}
			if f.until, err = parseTime("until", until, a.now()); err != nil {
				return err
			}
			if err := hexPrefix(f.commit); err != nil {
				return err
			}
			return a.runLog(f, format)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.service, "service", "", "only this `SERVICE`")
	flags.StringVar(&f.environment, "environment", "", "only this `ENVIRONMENT`")
	flags.StringSliceVar(&f.types, "type", nil, "only these `TYPES`, such as deployed,refused")
	flags.StringVar(&f.principal, "principal", "", "only what this `NAME` pushed")
	flags.StringVar(&f.commit, "commit", "", "only this `COMMIT`: its ID or the beginning of it")
	flags.StringVar(&f.push, "push", "", "only the push with this `ID`, as a fault quotes it")
	flags.StringVar(&since, "since", "", "only from this `TIME` on")
	flags.StringVar(&until, "until", "", "only before this `TIME`")
	formatFlag(cmd, &format, "table", "table, json or csv")
	return cmd
}

func hexPrefix(s string) error {
	if strings.Trim(s, "0123456789abcdef") != "" || len(s) > 64 {
		return fmt.Errorf("--commit must be the beginning of an object ID, not %q", s)
	}
	return nil
}

func parseTime(flag, value string, now time.Time) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	if span, err := time.ParseDuration(value); err == nil && span >= 0 {
		return now.Add(-span), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--%s must be a time such as 2026-11-21T09:14:00Z, 2026-11-21 or 24h, not %q", flag, value)
}

func (f *filter) match(e *ledger.Entry) bool {
	is := func(want, have string) bool { return want == "" || want == have }
	return is(f.service, e.Service) && is(f.environment, e.Environment) && is(f.principal, e.Principal) && is(f.push, e.Push) &&
		(f.commit == "" || strings.HasPrefix(e.Commit, f.commit) || strings.HasPrefix(e.New, f.commit)) &&
		f.matchType(e.Type) &&
		(f.since.IsZero() || !e.Time.Before(f.since)) && (f.until.IsZero() || e.Time.Before(f.until))
}

func (f *filter) matchType(t ledger.Type) bool {
	for _, want := range f.types {
		if string(t) == want {
			return true
		}
	}
	return len(f.types) == 0
}

// An entryWriter prints entries in one format.
type entryWriter interface {
	write(line *ledger.Line) error
	flush() error
}

func (a *app) runLog(f filter, format string) error {
	pol, _, err := a.loadPolicy("")
	if err != nil {
		return err
	}
	var out entryWriter
	switch format {
	case "json":
		out = rawWriter{a.stdout}
	case "csv":
		out = newCSV(a.stdout)
	default:
		out = &rowWriter{a.table("record", "time", "type", "environment", "ref", "commit", "by", "what")}
	}
	err = ledger.Read(pol.Ledger, 0, func(line *ledger.Line) error {
		if !f.match(&line.Entry) {
			return nil
		}
		return out.write(line)
	})
	if flushed := out.flush(); err == nil {
		err = flushed
	}
	return faulted(err)
}

type rawWriter struct{ w io.Writer }

func (r rawWriter) write(line *ledger.Line) error {
	_, err := fmt.Fprintf(r.w, "%s\n", line.Raw)
	return err
}

func (rawWriter) flush() error { return nil }

type rowWriter struct{ g *grid }

func (r *rowWriter) write(line *ledger.Line) error {
	e := &line.Entry
	r.g.row(strconv.FormatUint(e.Seq, 10), explain.Time(e.Time), string(e.Type), where(e),
		explain.Branch(policy.RefName(e.Ref)), shown(e), e.Principal, what(e))
	return nil
}

func (r *rowWriter) flush() error { return r.g.w.Flush() }

func where(e *ledger.Entry) string {
	if e.Service == "" || e.Environment == "" {
		return e.Service + e.Environment
	}
	return e.Service + "/" + e.Environment
}

// shown is the object that an entry is about, as people name it.
func shown(e *ledger.Entry) string {
	if e.Commit != "" {
		return policy.ObjectID(e.Commit).Short()
	}
	return policy.ObjectID(e.New).Short()
}

// what sums an entry up in a few words.
func what(e *ledger.Entry) string {
	parts := e.Codes
	if e.Kind != "" && e.Type != ledger.TypeRefused {
		parts = append(parts, e.Kind)
	}
	for _, part := range []string{e.Reason, e.Subject} {
		if part != "" {
			parts = append(parts, part)
			break
		}
	}
	return shorten(strings.Join(parts, ", "))
}

// csvHead names the columns, which are the ledger's own fields.
var csvHead = []string{"seq", "time", "type", "push", "service", "environment", "repository", "ref", "old", "new",
	"commit", "tree", "subject", "kind", "principal", "via", "address", "intent", "evidence", "rules", "codes", "policy", "reason"}

type csvWriter struct{ w *csv.Writer }

func newCSV(w io.Writer) csvWriter {
	c := csvWriter{csv.NewWriter(w)}
	_ = c.w.Write(csvHead)
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
	row := []string{number(e.Seq), e.Time.Format("2006-01-02T15:04:05.000000Z"), string(e.Type), e.Push, e.Service,
		e.Environment, e.Repository, e.Ref, e.Old, e.New, e.Commit, e.Tree, e.Subject, e.Kind, e.Principal, e.Via,
		e.Address, number(e.Intent), strings.Join(evidence, " "), strings.Join(e.Rules, " "),
		strings.Join(e.Codes, " "), e.Policy, e.Reason}
	for i, cell := range row {
		row[i] = inert(cell)
	}
	return c.w.Write(row)
}

// inert keeps a spreadsheet from taking a cell for a formula.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func (c csvWriter) flush() error {
	c.w.Flush()
	return c.w.Error()
}
