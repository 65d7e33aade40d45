package board

import (
	"fmt"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// The size of a time line, in units of its own.
const (
	lineWidth  = 960
	lineLeft   = 150 // where time begins
	lineRight  = 20
	laneHeight = 44
	lineTop    = 30
)

// A timeline is a drawing of deployments: a lane each, time to the right.
type timeline struct {
	Title, Text   string
	Width, Height int
	Left, Right   int
	Lanes         []lane
	Ticks         []tick
}

type lane struct {
	Name   string
	Y      int
	Line   int // where the lane's rule is drawn
	Text   int // where its name is written
	Marks  []mark
	IsEven bool
}

type tick struct {
	X, TextY int
	Top, End int
	Text     string
}

// A mark is one deployment. Its shape says what it was, a cross that it failed.
type mark struct {
	X, Y  float64
	Shape string // circle, back, diamond, ring, square
	Tone  string
	Fail  bool
	Text  string
}

// draw makes the time line of deployments, oldest first; lane names the lane of
// each, lanes their order.
func draw(title string, all []*deployment, now time.Time, lanes []string, laneOf func(*deployment) string) *timeline {
	if len(all) == 0 {
		return nil
	}
	from := all[0].entry.Time
	for _, d := range all {
		if d.entry.Time.Before(from) {
			from = d.entry.Time
		}
	}
	if least := now.Add(-24 * time.Hour); from.After(least) {
		from = least
	}
	tl := &timeline{Title: title, Width: lineWidth, Left: lineLeft, Right: lineWidth - lineRight,
		Height: lineTop + laneHeight*len(lanes) + 30,
		Text: fmt.Sprintf("%s from %s to %s. The list below tells the same in words.",
			count(len(all), "deployment"), at(from).Text, at(now).Text)}
	place := make(map[string]int)
	for i, name := range lanes {
		y := lineTop + laneHeight*i
		place[name] = i
		tl.Lanes = append(tl.Lanes, lane{Name: shortName(name), Y: y, Line: y + laneHeight/2, Text: y + laneHeight/2 + 5, IsEven: i%2 == 0})
	}
	for _, d := range all {
		if i, ok := place[laneOf(d)]; ok {
			l := &tl.Lanes[i]
			l.Marks = append(l.Marks, markOf(d, x(d.entry.Time, from, now), float64(l.Line)))
		}
	}
	tl.Ticks = ticks(from, now, tl.Height)
	return tl
}

func x(t, from, to time.Time) float64 {
	share := float64(t.Sub(from)) / float64(max(to.Sub(from), 1))
	return lineLeft + min(max(share, 0), 1)*(lineWidth-lineLeft-lineRight)
}

// shortName keeps a lane's name within its margin.
func shortName(s string) string {
	runes := []rune(s)
	if len(runes) <= 18 {
		return s
	}
	return string(runes[:17]) + "…"
}

func markOf(d *deployment, x, y float64) mark {
	e := d.entry
	tone, what := words(e)
	m := mark{X: x, Y: y, Shape: "circle", Tone: tone, Text: fmt.Sprintf("%s: %s, %s, by %s", at(e.Time).Text, what, orNothing(e.Commit), e.Principal)}
	switch {
	case e.Type == ledger.TypeAdopt:
		m.Shape = "square"
	case e.Kind == ledger.KindOverride:
		m.Shape = "diamond"
	case e.Kind == string(policy.Rollback), e.Kind == ledger.KindRemove, e.Kind == ledger.KindReset:
		m.Shape = "back"
	case e.Kind == string(policy.Redeploy):
		m.Shape = "ring"
	}
	if chipOf(d).Tone == bad {
		m.Fail, m.Text = true, m.Text+", "+d.state
	}
	return m
}

// Points are the corners of a mark that has some.
func (m mark) Points() string {
	if m.Shape == "diamond" {
		return fmt.Sprintf("%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f", m.X, m.Y-9, m.X+9, m.Y, m.X, m.Y+9, m.X-9, m.Y)
	}
	return fmt.Sprintf("%.1f,%.1f %.1f,%.1f %.1f,%.1f", m.X-9, m.Y, m.X+6, m.Y-8, m.X+6, m.Y+8)
}

// SquareX and SquareY are the upper left corner of a square mark.
func (m mark) SquareX() string { return fmt.Sprintf("%.1f", m.X-6) }

// SquareY is beside SquareX.
func (m mark) SquareY() string { return fmt.Sprintf("%.1f", m.Y-6) }

// CX and CY are the middle of a mark.
func (m mark) CX() string { return fmt.Sprintf("%.1f", m.X) }

// CY is beside CX.
func (m mark) CY() string { return fmt.Sprintf("%.1f", m.Y) }

// Cross is the path of the cross of a failure.
func (m mark) Cross() string {
	return fmt.Sprintf("M%.1f %.1fl12 12m0 -12l-12 12", m.X-6, m.Y-6)
}

// steps are the distances that ticks may have.
var steps = [...]time.Duration{time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 2 * 24 * time.Hour,
	7 * 24 * time.Hour, 14 * 24 * time.Hour, 28 * 24 * time.Hour, 91 * 24 * time.Hour, 182 * 24 * time.Hour, 365 * 24 * time.Hour}

// ticks names at most eight moments between two.
func ticks(from, to time.Time, height int) (out []tick) {
	whole := to.Sub(from)
	step := steps[len(steps)-1]
	if i := slices.IndexFunc(steps[:], func(s time.Duration) bool { return whole/s <= 7 }); i >= 0 {
		step = steps[i]
	}
	for whole/step > 7 {
		step *= 2
	}
	form := "2 Jan"
	switch {
	case step < 24*time.Hour:
		form = "2 Jan 15:04"
	case step >= 91*24*time.Hour:
		form = "Jan 2006"
	}
	for t := from.Truncate(step).Add(step); !t.After(to); t = t.Add(step) {
		out = append(out, tick{X: int(x(t, from, to)), Top: lineTop, End: height - 24, TextY: height - 8, Text: t.UTC().Format(form)})
	}
	return out
}
