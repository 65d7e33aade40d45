package command

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/text"
)

// formatFlag adds --format to a verb.
func formatFlag(cmd *cobra.Command, into *string, value, usage string) {
	cmd.Flags().StringVar(into, "format", value, "`FORMAT` of the output: "+usage)
}

// oneOf checks the value of a flag.
func oneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("--%s must be %s, not %q", flag, strings.Join(allowed, ", "), value)
}

// json prints a value as one indented JSON document.
func (a *app) json(value any) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return faulted(e.Encode(value))
}

// A grid prints rows in columns. Every cell is made safe to print.
type grid struct{ w *tabwriter.Writer }

func (a *app) table(head ...string) *grid { return newGrid(a.stdout, head...) }

func newGrid(w io.Writer, head ...string) *grid {
	g := &grid{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	if len(head) > 0 {
		g.row(head...)
	}
	return g
}

func (g *grid) row(cells ...string) {
	for i, cell := range cells {
		if cell == "" {
			cell = "-"
		}
		cells[i] = text.Clean(cell, 120)
	}
	fmt.Fprintln(g.w, strings.Join(cells, "\t"))
}

func (g *grid) flush() { _ = g.w.Flush() }

// counted writes a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
