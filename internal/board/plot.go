package board

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The size of a plot, in units of its own.
const (
	plotWidth  = 640
	plotHeight = 200
	plotLeft   = 56
	plotRight  = 12
	plotTop    = 12
	plotBottom = 28
)

// A plotView is a Plot drawn.
type plotView struct {
	ID, Title, Where, Definition, Unit, Text string
	Width, Height, Left, Right, Bottom       int
	Line                                     string // of a path; a gap where there is no value
	Dots                                     []dot
	Low, High, First, Last                   string
	HighY, LowY, DateY                       int
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
	v := plotView{ID: id, Title: p.Title, Where: p.Environment, Definition: p.Definition, Unit: p.Unit, Width: plotWidth, Height: plotHeight,
		Left: plotLeft, Right: plotWidth - plotRight, Bottom: plotHeight - plotBottom,
		HighY: plotTop + 8, LowY: plotHeight - plotBottom, DateY: plotHeight - 9}
	high := 0.0
	for _, pt := range p.Points {
		if finite(pt.Value) {
			high = max(high, pt.Value)
		}
		text := "none"
		if finite(pt.Value) {
			text = number(pt.Value)
		}
		v.Rows = append(v.Rows, plotRow{at(pt.Time), text})
	}
	v.Low, v.High = "0", number(high)
	v.Text = fmt.Sprintf("%s, the highest is %s. The table tells all.", count(len(p.Points), "value"), strings.TrimSpace(v.High+" "+p.Unit))
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
		x, y := float64(plotLeft), float64(plotHeight-plotBottom)
		if len(p.Points) > 1 {
			x += float64(i) / float64(len(p.Points)-1) * (plotWidth - plotLeft - plotRight)
		}
		if high > 0 {
			y -= max(pt.Value, 0) / high * (plotHeight - plotBottom - plotTop)
		}
		fmt.Fprintf(&line, "%s%.1f %.1f", pen, x, y)
		pen = "L"
		dots = append(dots, dot{fmt.Sprintf("%.1f", x), fmt.Sprintf("%.1f", y), strings.TrimSpace(rows[i].At.Text + ": " + rows[i].Value + " " + p.Unit)})
	}
	return line.String(), dots
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func number(f float64) string { return strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64) }
