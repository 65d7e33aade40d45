package board

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// How many days back, beside today, "recent" refusals go, and of how many days
// they are counted: more, as a clock may have gone wrong.
const (
	recently = 30
	mostDays = 2 * recently
)

const day = 24 * time.Hour

// dayOf is the day of a time, in UTC, counted from 1970.
func dayOf(t time.Time) int { return int(t.Unix() / int64(day/time.Second)) }

// refusals counts refusals by code.
type refusals struct {
	counted
	codes map[string]*refusal
	other refusal // codes beyond maxCodes
}

// A refusal is what is told of one code.
type refusal struct {
	name   string // the code
	total  int
	newest time.Time
	days   map[int]int    // by day, counted from 1970
	where  map[string]int // by environment
}

func newRefusals() *refusals {
	return &refusals{codes: make(map[string]*refusal), other: *newRefusal("others")}
}

func newRefusal(code string) *refusal {
	return &refusal{name: code, days: make(map[int]int), where: make(map[string]int)}
}

func (r *refusals) add(e *entry) {
	r.counted.add(e)
	for i, code := range e.Codes {
		if slices.Contains(e.Codes[:i], code) {
			continue
		}
		of := r.codes[code]
		switch {
		case of == nil && len(r.codes) >= maxCodes:
			of = &r.other
		case of == nil:
			of = newRefusal(code)
			r.codes[code] = of
		}
		of.add(e)
	}
}

func (r *refusal) add(e *entry) {
	r.total++
	r.newest = e.Time
	if r.days[dayOf(e.Time)]++; len(r.days) > mostDays {
		delete(r.days, slices.Min(slices.Collect(maps.Keys(r.days))))
	}
	if _, known := r.where[e.Environment]; known || len(r.where) < maxCodes {
		r.where[e.Environment]++
	}
}

// recent is how many there were in the last days.
func (r *refusal) recent(now time.Time) (n int) {
	for of, count := range r.days {
		if of >= dayOf(now)-recently {
			n += count
		}
	}
	return n
}

// byCode lists the codes, the most frequent first.
func (r *refusals) byCode() []*refusal {
	var out []*refusal
	for _, of := range r.codes {
		out = append(out, of)
	}
	if r.other.total > 0 {
		out = append(out, &r.other)
	}
	slices.SortFunc(out, func(a, b *refusal) int {
		return cmp.Or(b.total-a.total, cmp.Compare(a.name, b.name))
	})
	return out
}

// places names the environments where a code was given, the most frequent first.
func (r *refusal) places() string {
	names := slices.SortedFunc(maps.Keys(r.where), func(a, b string) int {
		return cmp.Or(r.where[b]-r.where[a], cmp.Compare(a, b))
	})
	var out []string
	for _, name := range names[:min(len(names), 8)] {
		label := name
		if label == "" {
			label = "none"
		}
		out = append(out, fmt.Sprintf("%s %d", label, r.where[name]))
	}
	return strings.Join(out, ", ")
}
