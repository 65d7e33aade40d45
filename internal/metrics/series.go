package metrics

import (
	"fmt"
	"math"
	"time"
)

// A Series is one of the four keys over time, ready to be drawn.
type Series struct {
	Service, Environment string // empty: production of all services
	Title                string
	Definition           string
	Unit                 string // empty for a number
	Points               []Point
}

// A Point is one day or week.
type Point struct {
	From  time.Time // when it begins
	Value float64   // NaN where there is nothing to tell
}

// Series are the four keys of all production together, and then those of each
// production environment. There are none without Options.By, and none of an
// environment in which the window has neither changes nor incidents.
func (r *Report) Series() (all []Series) {
	idle := func(f *Figures) bool { return f.Changes == 0 && f.Incidents == 0 }
	if r.By == "" || idle(&r.Production) {
		return nil
	}
	all = r.keys("", "", r.ProductionSeries)
	for i := range r.Rows {
		if row := &r.Rows[i]; row.Production && !idle(&row.Figures) {
			all = append(all, r.keys(row.Service, row.Environment, row.Series)...)
		}
	}
	return all
}

func (r *Report) keys(service, environment string, series []Bucket) []Series {
	each := func(title, definition, unit string, value func(*Figures) float64) Series {
		s := Series{Service: service, Environment: environment, Title: title, Definition: definition, Unit: unit}
		for i := range series {
			s.Points = append(s.Points, Point{series[i].From, value(&series[i].Figures)})
		}
		return s
	}
	return []Series{
		each(fmt.Sprintf("Deployments a %s", r.By), "Changes that took effect. A redeploy or a rollback is no change.", "",
			func(f *Figures) float64 { return float64(f.Deployments) }),
		each("Lead time", "The median time from a commit's first deployment in a first environment to when it took effect here.", "h",
			func(f *Figures) float64 { return median(f.LeadTime) }),
		each("Change failure rate", "Of the changes that took effect or failed: those that failed, were rolled back or were taken out.", "%",
			func(f *Figures) float64 {
				if rate, ok := f.FailureRate(); ok {
					return 100 * rate
				}
				return math.NaN()
			}),
		each("Time to restore", "The median time from a failure, or from when that which was rolled back took effect, to the next deployment that took effect.", "h",
			func(f *Figures) float64 { return median(f.Restore) }),
	}
}

// median is in hours.
func median(s Spans) float64 {
	d, ok := s.Quantile(0.5)
	if !ok {
		return math.NaN()
	}
	return d.Hours()
}
