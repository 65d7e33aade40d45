package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"
)

// What is aimed at.
const (
	aimRatio  = 1.20     // of a push with no-op hooks
	aimSpread = 0.05     // of the ratio, for a larger ledger or repository
	aimRules  = 1.10     // of a push that no guard rail judges
	aimPeak   = 16 << 20 // bytes of a hook
)

// An aim is what was to be reached and what was.
type aim struct {
	What    string `json:"what"`
	Reached bool   `json:"reached"`
	Seen    string `json:"seen"`
}

// find returns the row of a scenario, step and variant.
func (r *report) find(scenario, step, variant string) (row, bool) {
	for _, one := range r.Rows {
		if one.Scenario == scenario && one.Step == step && one.Variant == variant {
			return one, true
		}
	}
	return row{}, false
}

// aims holds the product against what is aimed at, as far as it was measured.
func (r *report) aims() []aim {
	var out []aim
	for _, one := range r.Rows {
		if one.Variant != product || one.Scenario == released || isShared(one.Scenario) {
			continue
		}
		at := one.Scenario + " " + one.Step
		single := one.Scenario != "refs-1000" && one.Scenario != "pushers-16"
		if single {
			out = append(out, aim{at + ": at most 1.20 of no-op", one.Ratio <= aimRatio, fmt.Sprintf("%.2f", one.Ratio)})
		}
		if small, ok := r.find("small", one.Step, product); ok && single && one.Scenario != "small" && one.Scenario != guarded {
			spread := one.Ratio/small.Ratio - 1
			out = append(out, aim{at + ": at most 5 % above small", spread <= aimSpread, fmt.Sprintf("%+.1f %%", 100*spread)})
		}
		if bash, ok := r.find(one.Scenario, one.Step, bashGate); ok {
			out = append(out, aim{at + ": ahead of the bash gate", one.P50 < bash.P50,
				fmt.Sprintf("%.1f ms, bash %.1f ms", one.P50, bash.P50)})
		}
	}
	out = append(out, r.railAims()...)
	out = append(out, r.releaseAims()...)
	out = append(out, r.sharedAims()...)
	var top hookRow
	for _, h := range r.Hooks {
		if isProduct(h.Variant) && h.Peak > top.Peak {
			top = h
		}
	}
	return append(out, aim{"a hook under 16 MB", top.Peak > 0 && top.Peak < aimPeak,
		fmt.Sprintf("%.1f MB (%s, %s)", megabytes(top.Peak), top.Hook, top.Scenario)})
}

// orDash is a number, or a dash where it was not measured.
func orDash(format string, number float64) string {
	if number == 0 {
		return "-"
	}
	return fmt.Sprintf(format, number)
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func (r *report) writeText(to io.Writer) error {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "%s, %s, %s/%s, %d CPUs, load %s before and %s after, %d pushes each, times in ms\n",
		r.Git, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), r.Before, r.After, r.Pushes)
	if r.Quick {
		fmt.Fprintln(out, "a smoke test: these numbers mean nothing")
	}
	fmt.Fprintln(out, "\nSCENARIO\tSTEP\tVARIANT\tP50\tP90\tOVER NONE\tX NOOP")
	scenario := ""
	for _, one := range r.Rows {
		if one.Scenario != scenario {
			scenario = one.Scenario
			fmt.Fprintf(out, "%s: %s\n", scenario, one.Title)
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%.1f\t%.1f\t%s\t%s\n", one.Scenario, one.Step, one.Variant, one.P50, one.P90,
			orDash("%+.1f", one.OverNone), orDash("%.2f", one.Ratio))
	}
	r.writeJobs(out)
	fmt.Fprintln(out, "\nSCENARIO\tSTEP\tVARIANT\tHOOK\tWALL\tUSER\tSYSTEM\tPEAK MB\tTRIPS")
	for _, h := range r.Hooks {
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%.1f\t%.1f\t%.1f\t%.1f\t%s\n",
			h.Scenario, h.Step, h.Variant, h.Hook, h.Wall, h.User, h.System, megabytes(h.Peak), orDash("%.0f", float64(h.Trips)))
	}
	r.writeTraces(out)
	fmt.Fprintln(out, "\nAIM\tREACHED\tSEEN")
	for _, a := range r.aims() {
		reached := "no"
		if a.Reached {
			reached = "yes"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\n", a.What, reached, a.Seen)
	}
	return out.Flush()
}

func (r *report) writeTraces(out io.Writer) {
	if len(r.Traces) == 0 {
		return
	}
	fmt.Fprintln(out, "\nSCENARIO\tSTEP\tVARIANT\tHOOK\tPACKAGES\tINIT\tLAST AT\tMOST OF IT")
	for _, t := range r.Traces {
		var top []string
		for _, one := range t.Top {
			top = append(top, fmt.Sprintf("%s %.3f", one.Package, one.Clock))
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%d\t%.2f\t%.2f\t%s\n",
			t.Scenario, t.Step, t.Variant, t.Hook, t.Packages, t.Clock, t.Begin, strings.Join(top, ", "))
	}
}
