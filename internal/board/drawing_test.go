package board

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestUnits checks that a plot tells lengths of time in a unit that suits them,
// and prints every unit, on the axis and in the table.
func TestUnits(t *testing.T) {
	for _, c := range []struct {
		unit          string
		values        []float64
		in, low, high string
		rows          []string
		line          string
	}{
		{"h", []float64{0.5 / 3600, math.NaN(), 12.0 / 3600}, "s", "0 s", "12 s", []string{"0.5 s", "none", "12 s"}, "M0.00 95.83M100.00 0.00"},
		{"h", []float64{0.2, 0.75}, "min", "0 min", "45 min", []string{"12 min", "45 min"}, "M0.00 73.33L100.00 0.00"},
		{"h", []float64{1, 0}, "h", "0 h", "1 h", []string{"1 h", "0 h"}, "M0.00 0.00L100.00 100.00"},
		{"h", []float64{72}, "d", "0 d", "3 d", []string{"3 d"}, "M0.00 0.00"},
		{"h", []float64{0, 0}, "s", "0 s", "", []string{"0 s", "0 s"}, "M0.00 100.00L100.00 100.00"},
		{"%", []float64{200.0 / 3}, "%", "0 %", "66.67 %", []string{"66.67 %"}, "M0.00 0.00"},
		{"", []float64{0.5}, "", "0", "0.5", []string{"0.5"}, "M0.00 0.00"},
	} {
		p := Plot{Title: "x", Unit: c.unit}
		for i, value := range c.values {
			p.Points = append(p.Points, Point{clock.Add(time.Duration(i) * time.Hour), value})
		}
		v := p.draw("id")
		var rows []string
		for _, r := range v.Rows {
			rows = append(rows, r.Value)
		}
		if v.Unit != c.in || v.Low != c.low || v.High != c.high || !slices.Equal(rows, c.rows) || v.Line != c.line ||
			!strings.HasSuffix(v.Dots[0].Text, ": "+c.rows[0]) || p.Unit != c.unit || p.Points[0].Value != c.values[0] {
			t.Errorf("%v %s: %+v", c.values, c.unit, v)
		}
	}
}

// TestTicks checks that a time line of any length has few ticks with short
// names, none outside, and that it is no shorter than an hour.
func TestTicks(t *testing.T) {
	for _, whole := range []time.Duration{time.Minute, time.Hour, 5 * time.Hour, 26 * time.Hour, 5 * 24 * time.Hour, 80 * 24 * time.Hour, 30000 * 24 * time.Hour} {
		d := &deployment{entry: &entry{}}
		d.entry.Time, d.entry.Environment = clock.Add(-whole), "prd"
		tl := draw("x", []*deployment{d}, clock, []string{"prd"}, func(*deployment) string { return "prd" })
		want := "0.00%"
		if whole < time.Hour {
			want = fmt.Sprintf("%.2f%%", 100-100*whole.Hours())
		}
		if got := tl.Lanes[0].Marks[0].X; got != want {
			t.Errorf("%s: the mark is at %s, not %s", whole, got, want)
		}
		if n := len(tl.Ticks); n < 2 || n > 8 {
			t.Errorf("%s: %d ticks", whole, n)
		}
		for i, tick := range tl.Ticks {
			var x float64
			if _, err := fmt.Sscanf(tick.X, "%f%%", &x); err != nil || x < 0 || x > 100 || len(tick.Text) > len("Jan 2006") || tick.Less != (i%2 == 1) {
				t.Errorf("%s: %+v", whole, tick)
			}
		}
	}
}
