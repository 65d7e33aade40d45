package board

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A plotView is a Plot drawn. What lies along its sides is told in hundredths of
// them, so that nothing shrinks on a phone.
type plotView struct {
	ID, Title, Where, Definition, Unit, Text string
	Line                                     string // of a path; a gap where there is no value
	Dots                                     []dot
	Low, High, First, Last                   string
	Rows                                     []plotRow
}

type dot struct{ X, Y, Text string }

type plotRow struct {
	At    moment
	Value string
}

// plots draws those of one service, or those of none.
func (s *site) plotsOf(service string) (out []plotView) {
	for i := range s.plots {
		if p := &s.plots[i]; p.Service == service {
			out = append(out, p.draw(fmt.Sprintf("plot-%d", i)))
		}
	}
	return out
}

func (p *Plot) draw(id string) plotView {
	p, high := p.inUnit()
	v := plotView{ID: id, Title: p.Title, Where: p.Environment, Definition: p.Definition, Unit: p.Unit}
	for _, pt := range p.Points {
		text := "none"
		if finite(pt.Value) {
			text = p.value(pt.Value)
		}
		v.Rows = append(v.Rows, plotRow{at(pt.Time), text})
	}
	if v.Low = p.value(0); p.value(high) != v.Low {
		v.High = p.value(high)
	}
	v.Text = fmt.Sprintf("%s, the highest is %s. The table tells all.", count(len(p.Points), "value"), p.value(high))
	if len(p.Points) == 0 {
		v.Text = "No value yet."
		return v
	}
	v.First = p.Points[0].Time.UTC().Format(time.DateOnly)
	if last := len(p.Points) - 1; last > 0 {
		v.Last = p.Points[last].Time.UTC().Format(time.DateOnly)
	}
	v.Line, v.Dots = p.trace(v.Rows, high)
	return v
}

// inUnit is the plot in a unit that suits its values, where that is a length of
// time, and the highest of them.
func (p *Plot) inUnit() (out *Plot, high float64) {
	for _, pt := range p.Points {
		if finite(pt.Value) {
			high = max(high, pt.Value)
		}
	}
	out = &Plot{Service: p.Service, Environment: p.Environment, Title: p.Title, Definition: p.Definition, Unit: p.Unit}
	factor := 1.0
	switch {
	case p.Unit != hours:
	case high < 1.0/60:
		out.Unit, factor = "s", 3600
	case high < 1:
		out.Unit, factor = "min", 60
	case high >= 48:
		out.Unit, factor = "d", 1.0/24
	}
	for _, pt := range p.Points {
		out.Points = append(out.Points, Point{pt.Time, pt.Value * factor})
	}
	return out, high * factor
}

// hours is the unit of a plot of lengths of time.
const hours = "h"

// value is a value with its unit.
func (p *Plot) value(f float64) string { return strings.TrimSpace(number(f) + " " + p.Unit) }

// trace is the path through the values, and their dots.
func (p *Plot) trace(rows []plotRow, high float64) (string, []dot) {
	var line strings.Builder
	var dots []dot
	pen := "M"
	for i, pt := range p.Points {
		if !finite(pt.Value) {
			pen = "M"
			continue
		}
		x, y := 0.0, 100.0
		if len(p.Points) > 1 {
			x = 100 * float64(i) / float64(len(p.Points)-1)
		}
		if high > 0 {
			y -= 100 * max(pt.Value, 0) / high
		}
		fmt.Fprintf(&line, "%s%.2f %.2f", pen, x, y)
		pen = "L"
		dots = append(dots, dot{fmt.Sprintf("%.2f%%", x), fmt.Sprintf("%.2f%%", y), rows[i].At.Text + ": " + rows[i].Value})
	}
	return line.String(), dots
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func number(f float64) string { return strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64) }
