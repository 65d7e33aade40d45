package metrics

import "time"

type jsonReport struct {
	From       string      `json:"from"`
	To         string      `json:"to"`
	Records    uint64      `json:"records"`
	Production jsonFigures `json:"production"`
	Series     []jsonStep  `json:"production_series,omitempty"`
	Rows       []jsonRow   `json:"environments"`
}

type jsonRow struct {
	Service     string `json:"service"`
	Environment string `json:"environment"`
	Production  bool   `json:"production"`
	First       bool   `json:"first"`
	jsonFigures
	Series []jsonStep `json:"series,omitempty"`
}

type jsonStep struct {
	From string `json:"from"`
	To   string `json:"to"`
	jsonFigures
}

type jsonFigures struct {
	Changes     int       `json:"changes"`
	Deployments int       `json:"deployments"`
	PerDay      float64   `json:"deployments_per_day"`
	Pending     int       `json:"pending"`
	LeadTime    jsonSpans `json:"lead_time_seconds"`
	Failed      int       `json:"failed"`
	FailureRate *float64  `json:"change_failure_rate"`
	Incidents   int       `json:"incidents"`
	Open        int       `json:"open_incidents"`
	Restore     jsonSpans `json:"time_to_restore_seconds"`
}

type jsonSpans struct {
	Count  int      `json:"count"`
	Median *float64 `json:"median"`
	P90    *float64 `json:"p90"`
	Max    *float64 `json:"max"`
}

// JSON is the report as a value for encoding/json. What there is nothing to tell
// of is null; spans are in seconds, the failure rate is 0 to 1.
func (r *Report) JSON() any {
	out := jsonReport{From: stamp(r.From), To: stamp(r.To), Records: r.Records, Production: figuresJSON(&r.Production),
		Series: seriesJSON(r.ProductionSeries), Rows: []jsonRow{}}
	for i := range r.Rows {
		row := &r.Rows[i]
		out.Rows = append(out.Rows, jsonRow{row.Service, row.Environment, row.Production, row.First,
			figuresJSON(&row.Figures), seriesJSON(row.Series)})
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func seriesJSON(series []Bucket) (out []jsonStep) {
	for i := range series {
		out = append(out, jsonStep{stamp(series[i].From), stamp(series[i].To), figuresJSON(&series[i].Figures)})
	}
	return out
}

func figuresJSON(f *Figures) jsonFigures {
	j := jsonFigures{Changes: f.Changes, Deployments: f.Deployments, PerDay: f.PerDay, Pending: f.Pending, LeadTime: spansJSON(f.LeadTime),
		Failed: f.Failed, Incidents: f.Incidents, Open: f.Open, Restore: spansJSON(f.Restore)}
	if rate, ok := f.FailureRate(); ok {
		j.FailureRate = &rate
	}
	return j
}

func spansJSON(s Spans) jsonSpans {
	at := func(q float64) *float64 {
		d, ok := s.Quantile(q)
		if !ok {
			return nil
		}
		v := d.Seconds()
		return &v
	}
	return jsonSpans{s.Count(), at(0.5), at(0.9), at(1)}
}
