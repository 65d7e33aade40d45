package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A report is what one run found. Times are in milliseconds.
type report struct {
	Git    string     `json:"git"`
	Quick  bool       `json:"quick"` // a smoke test: its numbers mean nothing
	Pushes int        `json:"pushes"`
	Before string     `json:"loadBefore"` // load averages of the machine
	After  string     `json:"loadAfter"`
	Rows   []row      `json:"rows"`
	Hooks  []hookRow  `json:"hooks"`
	Traces []traceRow `json:"traces,omitempty"`
}

// A row is one variant of one step in one scenario.
type row struct {
	Scenario string  `json:"scenario"`
	Title    string  `json:"title"`
	Step     string  `json:"step"`
	Variant  string  `json:"variant"`
	Samples  int     `json:"samples"`
	P50      float64 `json:"p50"`
	P90      float64 `json:"p90"`
	OverNone float64 `json:"overNone"` // p50 less that of a push without hooks, 0 where there is none
	Ratio    float64 `json:"ratio"`    // p50 against that with no-op sh hooks, 0 where there is none
}

// A hookRow is what one hook takes, seen by a launcher around it.
type hookRow struct {
	Scenario string  `json:"scenario"`
	Step     string  `json:"step"`
	Variant  string  `json:"variant"`
	Hook     string  `json:"hook"`
	Wall     float64 `json:"wall"` // median, from its start to its end
	User     float64 `json:"user"`
	System   float64 `json:"system"`
	Peak     int64   `json:"peak"`            // greatest resident memory, in bytes
	Trips    int     `json:"trips,omitempty"` // most round trips to a database beyond connecting
}

// A traceRow says what initialising packages takes in a hook.
type traceRow struct {
	Scenario string    `json:"scenario"`
	Step     string    `json:"step"`
	Variant  string    `json:"variant"`
	Hook     string    `json:"hook"`
	Packages int       `json:"packages"`
	Clock    float64   `json:"clock"` // all of them together
	Begin    float64   `json:"begin"` // start of the last one, after the runtime's own start
	Top      []initRow `json:"top"`
}

// An initRow is one package's share.
type initRow struct {
	Package string  `json:"package"`
	Clock   float64 `json:"clock"`
	Bytes   int64   `json:"bytes"`
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// addTimes makes the rows of all lanes.
func (r *report) addTimes(lanes []*lane) {
	for _, group := range byScenario(lanes) {
		for _, step := range group[0].scenario.steps() {
			p50 := make(map[string]float64)
			for _, l := range group {
				p50[l.variant] = ms(quantile(l.times[step], 0.5))
			}
			for _, l := range group {
				if len(l.times[step]) == 0 {
					continue // it takes no part
				}
				one := row{Scenario: l.scenario.name, Title: l.scenario.title, Step: step,
					Variant: l.variant, Samples: len(l.times[step]),
					P50: p50[l.variant], P90: ms(quantile(l.times[step], 0.9))}
				if none := p50[noHooks]; none > 0 {
					one.OverNone = one.P50 - none
				}
				if plain := p50[noOp]; plain > 0 {
					one.Ratio = one.P50 / plain
				}
				r.Rows = append(r.Rows, one)
			}
		}
	}
}

func (r *report) addUsages(l *lane, step string, all []usage) {
	hooks := byHook(all)
	for _, hook := range hookNames() {
		if used := hooks[hook]; len(used) > 0 {
			r.Hooks = append(r.Hooks, hookRow{Scenario: l.scenario.name, Step: step, Variant: l.variant, Hook: hook,
				Wall:   ms(median(used, func(u usage) time.Duration { return u.Wall })),
				User:   ms(median(used, func(u usage) time.Duration { return u.User })),
				System: ms(median(used, func(u usage) time.Duration { return u.System })),
				Peak:   peak(used), Trips: mostTrips(used)})
		}
	}
}

// addTraces reads lines like
// "init net/url @2.5 ms, 0.01 ms clock, 1200 bytes, 3 allocs".
func (r *report) addTraces(l *lane, step string, all []usage) {
	hooks := byHook(all)
	for _, hook := range hookNames() {
		for _, u := range hooks[hook] {
			t := traceRow{Scenario: l.scenario.name, Step: step, Variant: l.variant, Hook: hook}
			for _, line := range u.Inits {
				var one initRow
				var at float64
				line = strings.ReplaceAll(line, ",", "")
				_, err := fmt.Sscanf(line, "init %s @%f ms %f ms clock %d bytes", &one.Package, &at, &one.Clock, &one.Bytes)
				if err != nil {
					continue // a line that another Go writes differently
				}
				t.Packages, t.Clock, t.Begin = t.Packages+1, t.Clock+one.Clock, max(t.Begin, at)
				t.Top = append(t.Top, one)
			}
			slices.SortFunc(t.Top, func(a, b initRow) int { return int(1e6 * (b.Clock - a.Clock)) })
			t.Top = t.Top[:min(len(t.Top), 8)]
			r.Traces = append(r.Traces, t)
		}
	}
}

func (r *report) writeJSON(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		*report
		Go   string   `json:"go"`
		OS   string   `json:"os"`
		CPUs int      `json:"cpus"`
		Jobs []jobRow `json:"jobs,omitempty"`
		Aims []aim    `json:"aims"`
	}{r, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, runtime.NumCPU(), r.jobRows(), r.aims()})
}
