package board

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// recently is how far back "recent" refusals go.
const recently = 30 * 24 * time.Hour

// refusals counts refusals by code.
type refusals struct {
	counted
	codes map[string]*refusal
	other refusal // codes beyond maxCodes
}

// A refusal is what is told of one code.
type refusal struct {
	code          string
	total, recent int
	newest        *ledger.Entry
	where         map[string]int // by environment
}

func newRefusals() *refusals { return &refusals{codes: make(map[string]*refusal)} }

func (r *refusals) add(e *ledger.Entry, now time.Time) {
	r.counted.add(e)
	for i, code := range e.Codes {
		if slices.Contains(e.Codes[:i], code) {
			continue
		}
		of := r.codes[code]
		switch {
		case of == nil && len(r.codes) >= maxCodes:
			of = &r.other
			of.code = "others"
		case of == nil:
			of = &refusal{code: code}
			r.codes[code] = of
		}
		of.total++
		of.newest = e
		if now.Sub(e.Time) <= recently {
			of.recent++
		}
		if of.where == nil {
			of.where = make(map[string]int)
		}
		if _, known := of.where[e.Environment]; known || len(of.where) < maxCodes {
			of.where[e.Environment]++
		}
	}
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
		return cmp.Or(b.total-a.total, cmp.Compare(a.code, b.code))
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
