package metrics

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A family is a metric family of OpenMetrics.
type family struct {
	name, kind, unit, help string
	// value gives the samples of a row; none where there is nothing to tell.
	value func(*Row) []sample
}

// A sample is a value, and the quantile that it is of, if any.
type sample struct {
	quantile string
	value    float64
}

// WriteOpenMetrics writes the report in the text format of OpenMetrics 1.0
// (github.com/prometheus/OpenMetrics, specification/OpenMetrics.md). What a row
// has no value for is left out. The series is not written.
func (r *Report) WriteOpenMetrics(w io.Writer) error {
	out := bufio.NewWriter(w)
	head := func(f *family) {
		fmt.Fprintf(out, "# TYPE %s %s\n", f.name, f.kind)
		if f.unit != "" {
			fmt.Fprintf(out, "# UNIT %s %s\n", f.name, f.unit)
		}
		fmt.Fprintf(out, "# HELP %s %s\n", f.name, escapeOpenMetrics(f.help))
	}
	for _, f := range windowFamilies(r) {
		head(&f)
		fmt.Fprintf(out, "%s %s\n", f.name, decimal(f.value(nil)[0].value))
	}
	for _, f := range families() {
		head(&f)
		for i := range r.Rows {
			for _, s := range f.value(&r.Rows[i]) {
				fmt.Fprintf(out, "%s{%s} %s\n", f.name, labels(&r.Rows[i], s.quantile), decimal(s.value))
			}
		}
	}
	fmt.Fprint(out, "# EOF\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

func windowFamilies(r *Report) []family {
	const prefix = "pathgate_metrics_"
	only := func(v float64) func(*Row) []sample { return func(*Row) []sample { return []sample{{value: v}} } }
	return []family{
		{prefix + "window_start_seconds", "gauge", "seconds", "when the window begins, in seconds since 1970", only(seconds1970(r.From))},
		{prefix + "window_end_seconds", "gauge", "seconds", "when the window ends, in seconds since 1970", only(seconds1970(r.To))},
		{prefix + "records", "gauge", "", "the last record of the ledger that was read", only(float64(r.Records))},
	}
}

func families() []family {
	number := func(of func(*Row) int) func(*Row) []sample {
		return func(r *Row) []sample { return []sample{{value: float64(of(r))}} }
	}
	return []family{
		{"pathgate_changes", "gauge", "", "changes in the window", number(func(r *Row) int { return r.Changes })},
		{"pathgate_deployments", "gauge", "", "changes in the window that took effect", number(func(r *Row) int { return r.Deployments })},
		{"pathgate_deployments_per_day", "gauge", "", "changes that took effect, divided by the days of the window, at least one",
			func(r *Row) []sample { return []sample{{value: r.PerDay}} }},
		{"pathgate_changes_pending", "gauge", "", "changes in the window whose outcome is to come", number(func(r *Row) int { return r.Pending })},
		{"pathgate_changes_failed", "gauge", "", "changes in the window that failed or were gone back from", number(func(r *Row) int { return r.Failed })},
		{"pathgate_change_failure_ratio", "gauge", "ratio", "changes that failed, of those that took effect or failed", failureRatio},
		{"pathgate_lead_times", "gauge", "", "changes in the window whose lead time is known", number(func(r *Row) int { return r.LeadTime.Count() })},
		{"pathgate_lead_time_seconds", "summary", "seconds", "from the first deployment in a first environment to this one",
			func(r *Row) []sample { return quantiles(r.LeadTime) }},
		{"pathgate_incidents", "gauge", "", "incidents that began in the window", number(func(r *Row) int { return r.Incidents })},
		{"pathgate_incidents_open", "gauge", "", "incidents that began before the window's end and go on", number(func(r *Row) int { return r.Open })},
		{"pathgate_time_to_restore_seconds", "summary", "seconds", "from the beginning of an incident to its end",
			func(r *Row) []sample { return quantiles(r.Restore) }},
	}
}

func failureRatio(r *Row) []sample {
	if rate, ok := r.FailureRate(); ok {
		return []sample{{value: rate}}
	}
	return nil
}

func quantiles(s Spans) (all []sample) {
	for _, q := range [...]float64{0.5, 0.9, 1} {
		if d, ok := s.Quantile(q); ok {
			all = append(all, sample{decimal(q), d.Seconds()})
		}
	}
	return all
}

func labels(r *Row, quantile string) string {
	s := fmt.Sprintf(`service="%s",environment="%s",production="%t"`, escapeOpenMetrics(r.Service), escapeOpenMetrics(r.Environment), r.Production)
	if quantile != "" {
		s += `,quantile="` + quantile + `"`
	}
	return s
}

// escapeOpenMetrics escapes a label's value, or a help text.
func escapeOpenMetrics(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}

// decimal writes a number in the canonical form of OpenMetrics, such as 1.0.
func decimal(f float64) string {
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func seconds1970(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
