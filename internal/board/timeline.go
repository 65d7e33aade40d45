package board

import (
	"fmt"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// The heights of a time line, in pixels. Its width is the page's: what lies along
// it is told in hundredths of that, so that nothing shrinks on a phone.
const (
	laneHeight = 46
	laneText   = 14 // where a lane's name is written
	laneLine   = 32 // where its rule is drawn
	ticksBelow = 28 // for the names of ticks
)

// A timeline is a drawing of deployments: a lane each, time to the right.
type timeline struct {
	Title, Text string
	From, To    moment
	Height, End int // End is where ticks end
	Lanes       []lane
	Ticks       []tick
}

type lane struct {
	Name       string
	Line, Text int
	Marks      []mark
}

// A tick names a moment; a narrow window has room for each second name.
type tick struct {
	X, Text string
	Less    bool
}

// A mark is one deployment. Its shape says what it was, a cross that it failed.
type mark struct {
	X     string
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
	if least := now.Add(-time.Hour); from.After(least) {
		from = least
	}
	tl := &timeline{Title: title, From: at(from), To: at(now), End: laneHeight * len(lanes), Height: laneHeight*len(lanes) + ticksBelow,
		Text: fmt.Sprintf("%s from %s to %s. The list below tells the same in words.",
			count(len(all), "deployment"), at(from).Text, at(now).Text)}
	place := make(map[string]int)
	for i, name := range lanes {
		y := laneHeight * i
		place[name] = i
		tl.Lanes = append(tl.Lanes, lane{Name: shortName(name), Line: y + laneLine, Text: y + laneText})
	}
	for _, d := range all {
		if i, ok := place[laneOf(d)]; ok {
			l := &tl.Lanes[i]
			l.Marks = append(l.Marks, markOf(d, x(d.entry.Time, from, now)))
		}
	}
	tl.Ticks = ticks(from, now)
	return tl
}

// x is where a moment lies, in hundredths of the width.
func x(t, from, to time.Time) string {
	share := float64(t.Sub(from)) / float64(max(to.Sub(from), 1))
	return fmt.Sprintf("%.2f%%", 100*min(max(share, 0), 1))
}

// shortName keeps a lane's name on the narrowest page.
func shortName(s string) string {
	runes := []rune(s)
	if len(runes) <= 36 {
		return s
	}
	return string(runes[:35]) + "…"
}

func markOf(d *deployment, x string) mark {
	e := d.entry
	tone, what := words(e)
	m := mark{X: x, Shape: "circle", Tone: tone, Text: fmt.Sprintf("%s: %s, %s, by %s", at(e.Time).Text, what, orNothing(e.Commit), e.Principal)}
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

// steps are the distances that ticks may have.
var steps = [...]time.Duration{10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 2 * 24 * time.Hour,
	7 * 24 * time.Hour, 14 * 24 * time.Hour, 28 * 24 * time.Hour, 91 * 24 * time.Hour, 182 * 24 * time.Hour, 365 * 24 * time.Hour}

// ticks names at most eight moments between two.
func ticks(from, to time.Time) (out []tick) {
	whole := to.Sub(from)
	step := steps[len(steps)-1]
	if i := slices.IndexFunc(steps[:], func(s time.Duration) bool { return whole/s <= 7 }); i >= 0 {
		step = steps[i]
	}
	for whole/step > 7 {
		step *= 2
	}
	for t := from.Truncate(step).Add(step); !t.After(to); t = t.Add(step) {
		form := "2 Jan"
		switch {
		case step >= 91*24*time.Hour:
			form = "Jan 2006"
		case t.UTC().Hour() != 0 || t.UTC().Minute() != 0:
			form = "15:04"
		}
		out = append(out, tick{X: x(t, from, to), Text: t.UTC().Format(form), Less: len(out)%2 == 1})
	}
	return out
}
