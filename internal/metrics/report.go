package metrics

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// A Report holds the four keys of a window. The package comment defines them.
type Report struct {
	From, To time.Time // UTC
	By       By
	Records  uint64 // entries read: the number of the last record
	// Production is all production environments among the rows together.
	Production Figures
	// ProductionSeries is its series, empty without Options.By.
	ProductionSeries []Bucket
	// Rows are sorted by service, then by the order of the path.
	Rows []Row
}

// A Row is one environment of one service that has anything deployed on record,
// in the window or not.
type Row struct {
	Service, Environment string
	Production           bool
	First                bool // a first environment: there is no lead time
	Figures
	Series []Bucket // empty without Options.By
}

// A Bucket is a day or week of a series, cut to the window.
type Bucket struct {
	From, To time.Time
	Figures
}

// Figures are the four keys of some time.
type Figures struct {
	Changes     int     // all of them: deployed, failed and pending ones
	Deployments int     // changes that took effect
	PerDay      float64 // Deployments a day, of at least one day
	Failed      int     // changes that failed, whether they took effect or not
	Judged      int     // changes that took effect or failed
	Pending     int     // the others
	LeadTime    Spans   // of changes
	Incidents   int     // that began
	Restore     Spans   // of those that ended
	// Open counts incidents that began before the end of this time and have
	// not ended by now.
	Open int
}

// FailureRate is the share of changes that failed, 0 to 1; ok is false if
// there is none to tell by.
func (f *Figures) FailureRate() (rate float64, ok bool) {
	if f.Judged == 0 {
		return 0, false
	}
	return float64(f.Failed) / float64(f.Judged), true
}

// Spans are lengths of time. The zero value has none.
type Spans struct{ sorted []time.Duration }

// Count is how many there are.
func (s Spans) Count() int { return len(s.sorted) }

// Quantile is the smallest length that at least the share q of all, 0 to 1,
// does not exceed: 0.5 is the median, 1 the longest. ok is false if there is
// none.
func (s Spans) Quantile(q float64) (d time.Duration, ok bool) {
	if len(s.sorted) == 0 || math.IsNaN(q) {
		return 0, false
	}
	// A hair less, so that 0.9 of 10 is the ninth in spite of rounding.
	rank := int(math.Ceil(q*float64(len(s.sorted)) - 1e-9))
	return s.sorted[min(max(rank, 1), len(s.sorted))-1], true
}

// addChange counts a change.
func (f *Figures) addChange(c *change) {
	effect := !c.effect.IsZero()
	if c.superseded && !effect && !c.reported {
		return
	}
	f.Changes++
	if effect {
		f.Deployments++
	}
	if c.failed() {
		f.Failed++
	}
	if effect || c.failed() {
		f.Judged++
	} else {
		f.Pending++
	}
	if c.hasLead {
		f.LeadTime.sorted = append(f.LeadTime.sorted, c.lead)
	}
}

// addIncident counts an incident that began in this time.
func (f *Figures) addIncident(i *incident) {
	f.Incidents++
	if d := i.end.Sub(i.begin); !i.end.IsZero() && d >= 0 {
		f.Restore.sorted = append(f.Restore.sorted, d)
	}
}

// add counts others with these.
func (f *Figures) add(o *Figures) {
	f.Changes += o.Changes
	f.Deployments += o.Deployments
	f.Failed += o.Failed
	f.Judged += o.Judged
	f.Pending += o.Pending
	f.Incidents += o.Incidents
	f.Open += o.Open
	f.LeadTime.sorted = append(f.LeadTime.sorted, o.LeadTime.sorted...)
	f.Restore.sorted = append(f.Restore.sorted, o.Restore.sorted...)
}

// finish completes what is computed from the counts of a time of this length.
func (f *Figures) finish(length time.Duration) {
	const day = 24 * time.Hour
	f.PerDay = float64(f.Deployments) * float64(day) / float64(max(length, day))
	slices.Sort(f.LeadTime.sorted)
	slices.Sort(f.Restore.sorted)
}

// buckets lays out an empty series.
func (o *Options) buckets() (all []Bucket) {
	if o.By == "" {
		return nil
	}
	for from := o.By.start(o.From); from.Before(o.To); from = from.Add(o.By.width()) {
		b := Bucket{From: from, To: from.Add(o.By.width())}
		if b.From.Before(o.From) {
			b.From = o.From
		}
		if b.To.After(o.To) {
			b.To = o.To
		}
		all = append(all, b)
	}
	return all
}

// bucket is the place of t, which is in the window, in a series.
func (o *Options) bucket(t time.Time) int { return int(t.Sub(o.By.start(o.From)) / o.By.width()) }

// report sums everything up.
func (c *collector) report() *Report {
	r := &Report{From: c.o.From, To: c.o.To, By: c.o.By, Records: c.records, ProductionSeries: c.o.buckets()}
	for _, t := range c.tallies {
		if c.o.Environment != "" && t.environment != c.o.Environment {
			continue
		}
		row := c.row(t)
		if row.Production {
			r.Production.add(&row.Figures)
			for i := range row.Series {
				r.ProductionSeries[i].add(&row.Series[i].Figures)
			}
		}
		r.Rows = append(r.Rows, row)
	}
	finishAll(&r.Production, r.ProductionSeries, c.o.To.Sub(c.o.From))
	last := func(environment string) int {
		if s := c.stages[environment]; s.order != 0 {
			return s.order
		}
		return math.MaxInt
	}
	slices.SortFunc(r.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(last(a.Environment), last(b.Environment)),
			cmp.Compare(a.Environment, b.Environment))
	})
	return r
}

func finishAll(f *Figures, series []Bucket, length time.Duration) {
	f.finish(length)
	for i := range series {
		series[i].finish(series[i].To.Sub(series[i].From))
	}
}

// row sums one environment of one service up.
func (c *collector) row(t *tally) Row {
	row := Row{Service: t.service, Environment: t.environment, Production: c.stages[t.environment].production,
		First: t.first, Series: c.o.buckets()}
	for _, ch := range t.changes {
		row.addChange(ch)
		if row.Series != nil {
			row.Series[c.o.bucket(ch.at)].addChange(ch)
		}
	}
	for _, i := range t.incidents {
		row.addIncident(i)
		if row.Series != nil {
			row.Series[c.o.bucket(i.begin)].addIncident(i)
		}
	}
	for _, r := range t.refs {
		c.addOpen(&row, r.incident)
	}
	finishAll(&row.Figures, row.Series, c.o.To.Sub(c.o.From))
	return row
}

// addOpen counts an incident that has not ended.
func (c *collector) addOpen(row *Row, i *incident) {
	if i == nil || !i.begin.Before(c.o.To) {
		return
	}
	row.Open++
	if !i.begin.Before(c.o.From) {
		row.addIncident(i)
	}
	for n := range row.Series {
		b := &row.Series[n]
		if i.begin.Before(b.To) {
			b.Open++
		}
		if !i.begin.Before(b.From) && i.begin.Before(b.To) {
			b.addIncident(i)
		}
	}
}
