package command

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/board"
	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/metrics"
	"github.com/pathgate/pathgate/policy"
)

//go:embed help-metrics.txt
var helpMetrics string

// metricsFlags are the flags of metrics as they were typed.
type metricsFlags struct {
	from, to, window, by, format string
	service, environment         string
	production                   []string
}

func (a *app) metrics() *cobra.Command {
	var f metricsFlags
	cmd := &cobra.Command{
		Use:   "metrics",
		Short: "the four keys: deployments, lead time, failures, restoring",
		Long:  helpMetrics + "\nStatus 0 also where nothing was found; 3: the ledger could not be read.",
		Args:  words(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options(a.now(), cmd.Flags().Changed("window"))
			if err != nil {
				return err
			}
			return a.runMetrics(cmd, &f, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.service, "service", "", "only this `SERVICE`")
	flags.StringVar(&f.environment, "environment", "", "only this `ENVIRONMENT`, such as prd or shop/prd")
	flags.StringVar(&f.window, "window", "30d", "how long the window is: a `SPAN` such as 12h, 30d or 8w")
	flags.StringVar(&f.from, "from", "", "the window begins at this `TIME`, as for log")
	flags.StringVar(&f.to, "to", "", "the window ends before this `TIME` (default: now)")
	flags.StringVar(&f.by, "by", "", "also each day or week of the window: `STEP` is day or week")
	flags.StringSliceVar(&f.production, "production", nil, "these `ENVIRONMENTS` are production")
	formatFlag(cmd, &f.format, "table", "table, json or openmetrics")
	return cmd
}

// options checks the flags; windowed says that --window was typed.
func (f *metricsFlags) options(now time.Time, windowed bool) (o metrics.Options, err error) {
	if err := oneOf("format", f.format, "table", "json", "openmetrics"); err != nil {
		return o, err
	}
	if f.by != "" {
		if err := oneOf("by", f.by, string(metrics.Day), string(metrics.Week)); err != nil {
			return o, err
		}
		if f.format == "openmetrics" {
			return o, errors.New("--by goes with the formats table and json")
		}
	}
	if f.from != "" && windowed {
		return o, errors.New("--from and --window do not go together")
	}
	names := filter{service: f.service, environment: f.environment}
	if err := names.check(); err != nil {
		return o, err
	}
	f.service, f.environment = names.service, names.environment
	o = metrics.Options{Service: f.service, Environment: f.environment, Production: f.production, By: metrics.By(f.by)}
	if o.From, o.To, err = f.span(now); err != nil {
		return o, err
	}
	if !o.From.Before(o.To) {
		return o, errors.New("the window must begin before it ends")
	}
	if steps := o.To.Sub(o.From) / (24 * time.Hour); f.by != "" && steps > metrics.MaxBuckets-2 {
		return o, fmt.Errorf("--by wants a window of at most %d days", metrics.MaxBuckets-2)
	}
	return o, nil
}

func (f *metricsFlags) span(now time.Time) (from, to time.Time, err error) {
	if to, err = parseTime("to", f.to, now); err != nil {
		return from, to, err
	}
	if to.IsZero() {
		to = now
	}
	if f.from != "" {
		from, err = parseTime("from", f.from, now)
		return from, to, err
	}
	length, err := parseWindow(f.window)
	return to.Add(-length), to, err
}

// parseWindow reads a span of days, weeks, or what Go takes for a duration.
func parseWindow(s string) (time.Duration, error) {
	const day = 24 * time.Hour
	const most = 100 * 366 * day
	d, err := time.ParseDuration(s)
	for unit, length := range map[string]time.Duration{"d": day, "w": 7 * day} {
		if number, ok := strings.CutSuffix(s, unit); ok {
			var n uint64
			n, err = strconv.ParseUint(number, 10, 16)
			d = time.Duration(min(n, uint64(most/day)+1)) * length // does not overflow
		}
	}
	if err != nil || d <= 0 || d > most {
		return 0, fmt.Errorf("--window must be a span such as 12h, 30d or 8w, not %q", s)
	}
	return d, nil
}

func (a *app) runMetrics(cmd *cobra.Command, f *metricsFlags, o metrics.Options) (err error) {
	if o.Policy, _, err = a.loadPolicy(); err != nil {
		return err
	}
	r, err := metrics.Compute(cmd.Context(), o)
	if err != nil {
		return faulted(err)
	}
	switch f.format {
	case "json":
		err = a.json(r.JSON())
	case "openmetrics":
		err = r.WriteOpenMetrics(a.stdout)
	default:
		a.metricsTable(r)
	}
	if err == nil {
		a.metricsNotes(&o, r)
	}
	return faulted(err)
}

// metricsNotes says on standard error what may not be as it was meant.
func (a *app) metricsNotes(o *metrics.Options, r *metrics.Report) {
	known := func(name string) bool {
		_, inPolicy := o.Policy.Environment(policy.EnvironmentName(name))
		return inPolicy || slices.ContainsFunc(r.Rows, func(row metrics.Row) bool { return row.Environment == name })
	}
	for _, name := range append([]string{o.Environment}, o.Production...) {
		if env, ok := o.Policy.Environment(policy.EnvironmentName(name)); ok && env.Elsewhere != nil {
			fmt.Fprintf(a.stderr, "note: %s is on another host: what is deployed there does not count here\n", name)
		}
		if name != "" && !known(name) {
			fmt.Fprintf(a.stderr, "note: neither the policy nor the record has an environment %q\n", name)
		}
	}
	if len(r.Rows) == 0 {
		fmt.Fprint(a.stderr, "note: nothing that was deployed there is on record\n")
	}
}

var metricsHead = [...]string{"changes", "deployed", "a day", "lead time", "p90", "failed", "rate", "restore", "p90", "open"}

func (a *app) metricsTable(r *metrics.Report) {
	g := a.table(append([]string{"service", "environment"}, metricsHead[:]...)...)
	for i := range r.Rows {
		row := &r.Rows[i]
		g.row(append([]string{row.Service, row.Environment}, metricsCells(&row.Figures)...)...)
	}
	if len(r.Rows) > 0 {
		g.row(append([]string{"*", "production"}, metricsCells(&r.Production)...)...)
	}
	g.flush()
	for i := range r.Rows {
		a.metricsSeries(r.Rows[i].Service+" "+r.Rows[i].Environment, r.Rows[i].Series)
	}
	if len(r.Rows) > 0 {
		a.metricsSeries("* production", r.ProductionSeries)
	}
	fmt.Fprintf(a.stdout, "\nfrom %s to %s, record %d; how it is counted: pathgate help metrics\n", explain.Time(r.From), explain.Time(r.To), r.Records)
}

func (a *app) metricsSeries(of string, series []metrics.Bucket) {
	if len(series) == 0 {
		return
	}
	fmt.Fprintln(a.stdout)
	g := a.table(append([]string{of}, metricsHead[:]...)...)
	for i := range series {
		g.row(append([]string{series[i].From.Format(time.DateOnly)}, metricsCells(&series[i].Figures)...)...)
	}
	g.flush()
}

// metricsCells are the figures as people read them; empty is nothing to tell by.
func metricsCells(f *metrics.Figures) []string {
	span := func(s metrics.Spans, q float64) string {
		if d, ok := s.Quantile(q); ok {
			return explain.Span(d)
		}
		return ""
	}
	number := strconv.Itoa
	perDay, rate := "", ""
	if f.Changes > 0 {
		perDay = strconv.FormatFloat(f.PerDay, 'f', 2, 64)
	}
	if share, ok := f.FailureRate(); ok {
		rate = strconv.FormatFloat(100*share, 'f', 1, 64) + "%"
	}
	return []string{number(f.Changes), number(f.Deployments), perDay, span(f.LeadTime, 0.5), span(f.LeadTime, 0.9),
		number(f.Failed), rate, span(f.Restore, 0.5), span(f.Restore, 0.9), number(f.Open)}
}

// boardWeeks is how many weeks the plots of a board go back, this one included.
const boardWeeks = 26

// boardPlots are the four keys of production by week, for the board, and what
// they depend on beside the ledger and the policy: the week.
func (a *app) boardPlots(pol *policy.Policy) (plots func(context.Context, uint64) ([]board.Plot, error), of string) {
	now := a.now().UTC()
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	monday := today.AddDate(0, 0, -(int(today.Weekday())+6)%7)
	o := metrics.Options{Policy: pol, By: metrics.Week, From: monday.AddDate(0, 0, -7*(boardWeeks-1)), To: monday.AddDate(0, 0, 7)}
	return func(ctx context.Context, records uint64) (plots []board.Plot, err error) {
		o.Records = records
		r, err := metrics.Compute(ctx, o)
		if err != nil {
			return nil, err
		}
		for _, s := range r.Series() {
			p := board.Plot{Service: s.Service, Environment: s.Environment, Title: s.Title, Definition: s.Definition, Unit: s.Unit}
			for _, point := range s.Points {
				p.Points = append(p.Points, board.Point{Time: point.From, Value: point.Value})
			}
			plots = append(plots, p)
		}
		return plots, nil
	}, monday.Format(time.DateOnly)
}
