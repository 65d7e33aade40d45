package gitfacts

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// maxGraph is how many commits of the environments before and of the push are
// held in memory, those aside that the push does not bring because they are live
// or in the base. Where there are more, git is asked about each deployment that
// matters: whoever can release must not be able to stop others with a long
// history.
const maxGraph = 200_000

// A graph is what a push brings and what environments before it contain, as
// far as neither is live or in the base. Each way from one of these commits to
// one that the push brings lies in it, unless ask is set: then it is only what
// the push brings.
type graph struct {
	// ask lists what a commit reaches, as far as it is not live or in the base.
	ask func(policy.ObjectID) ([]policy.ObjectID, error)
	err error // the first of ask's, which makes all answers void

	ids     []policy.ObjectID // of the nodes
	index   map[policy.ObjectID]int
	parents [][]int // those that are in the graph
	count   []int   // of all parents
	brought []int   // the nodes that the push brings, in git's order
	place   []int   // of each node in brought, or -1
	gone    map[policy.ObjectID]bool
	reached map[policy.ObjectID]bitset
}

// loadGraph asks git once if all commits are there. Those of history that are
// not are in gone.
func (r *Repository) loadGraph(ctx context.Context, b Brought, history []Deployed) (*graph, error) {
	g := &graph{index: make(map[policy.ObjectID]int), gone: make(map[policy.ObjectID]bool), reached: make(map[policy.ObjectID]bitset)}
	recorded, limit := g.recorded(r, history), maxGraph
	if r.graphLimit > 0 {
		limit = r.graphLimit
	}
	res, err := r.listGraph(ctx, b, recorded, limit)
	if err != nil && !errors.Is(err, ErrOutput) {
		if recorded, err = r.present(ctx, recorded, g.gone); err != nil {
			return nil, err
		}
		res, err = r.listGraph(ctx, b, recorded, limit)
	}
	if large := errors.Is(err, ErrOutput) || bytes.Count(res.out, []byte("\n")) > limit; large {
		g.ask = func(id policy.ObjectID) ([]policy.ObjectID, error) {
			return r.listReach(ctx, b, id)
		}
		res, err = r.listGraph(ctx, b, nil, MaxBrought)
	}
	if err != nil {
		return nil, err
	}
	if err := g.parse(r, string(res.out)); err != nil {
		return nil, err
	}
	return g, g.findBrought(b.Tip)
}

// listReach lists what a commit reaches, as far as it is not live or in the base.
func (r *Repository) listReach(ctx context.Context, b Brought, id policy.ObjectID) ([]policy.ObjectID, error) {
	in := string(id) + "^{commit}\n"
	for _, without := range b.Without {
		in += "^" + string(without) + "^{commit}\n"
	}
	res, err := r.historyOf(ctx, strings.NewReader(in), "rev-list", "--stdin")
	if err != nil {
		return nil, err
	}
	return r.listedIDs(string(res.out), false, math.MaxInt)
}

// recorded gives the commits of history once each. What is no object ID of the
// repository is not there.
func (g *graph) recorded(r *Repository, history []Deployed) (list []policy.ObjectID) {
	seen := make(map[policy.ObjectID]bool)
	for _, d := range history {
		for _, id := range []policy.ObjectID{d.Commit, d.Old} {
			if id == "" || id.IsZero() || seen[id] {
				continue
			}
			seen[id] = true
			if _, ok := r.objectID(string(id)); !ok {
				g.gone[id] = true
				continue
			}
			list = append(list, id)
		}
	}
	return list
}

// listGraph lists commits with their parents.
func (r *Repository) listGraph(ctx context.Context, b Brought, recorded []policy.ObjectID, limit int) (result, error) {
	var in strings.Builder
	in.WriteString(string(b.Tip) + "^{commit}\n")
	for _, id := range b.Without {
		in.WriteString("^" + string(id) + "^{commit}\n")
	}
	for _, id := range recorded {
		in.WriteString(string(id) + "^{commit}\n")
	}
	return r.historyOf(ctx, strings.NewReader(in.String()), "rev-list", "--stdin", "--parents",
		"--max-count="+strconv.Itoa(limit+1))
}

// present gives those of ids that are commits, and adds the others to gone.
func (r *Repository) present(ctx context.Context, ids []policy.ObjectID, gone map[policy.ObjectID]bool) (list []policy.ObjectID, err error) {
	var in strings.Builder
	for _, id := range ids {
		in.WriteString(string(id) + "\n")
	}
	res, err := r.historyOf(ctx, strings.NewReader(in.String()), "cat-file", "--batch-check=%(objectname) %(objecttype)")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(res.out), "\n")
	for i, id := range ids {
		if i >= len(lines) || !strings.HasPrefix(lines[i], string(id)+" ") {
			return nil, errors.New("git cat-file: unknown form of answer")
		}
		if gone[id] = lines[i] != string(id)+" commit"; !gone[id] {
			list = append(list, id)
		}
	}
	return list, nil
}

// parse reads lines of a commit and its parents.
func (g *graph) parse(r *Repository, out string) error {
	var rows [][]string
	for line := range strings.Lines(out) {
		row := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		for _, word := range row {
			if _, ok := r.objectID(word); !ok {
				return errors.New("git rev-list printed another form")
			}
		}
		id := policy.ObjectID(row[0])
		if _, ok := g.index[id]; ok {
			return errors.New("git rev-list printed a commit twice")
		}
		g.index[id] = len(g.ids)
		g.ids, rows, g.count = append(g.ids, id), append(rows, row[1:]), append(g.count, len(row)-1)
	}
	g.parents = make([][]int, len(rows))
	for i, row := range rows {
		for _, parent := range row {
			if p, ok := g.index[policy.ObjectID(parent)]; ok {
				g.parents[i] = append(g.parents[i], p)
			}
		}
	}
	return nil
}

// findBrought marks what tip reaches.
func (g *graph) findBrought(tip policy.ObjectID) error {
	g.place = make([]int, len(g.ids))
	marked := g.walk(tip)
	for node := range g.ids {
		g.place[node] = -1
		if marked[node] {
			g.place[node] = len(g.brought)
			g.brought = append(g.brought, node)
		}
	}
	if len(g.brought) > MaxBrought {
		return tooMany(MaxBrought)
	}
	return nil
}

// walk marks the nodes that id reaches, itself included.
func (g *graph) walk(id policy.ObjectID) (marked []bool) {
	marked = make([]bool, len(g.ids))
	start, ok := g.index[id]
	if !ok {
		return marked
	}
	marked[start] = true
	for stack := []int{start}; len(stack) > 0; {
		node := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, p := range g.parents[node] {
			if !marked[p] {
				marked[p] = true
				stack = append(stack, p)
			}
		}
	}
	return marked
}

// reach gives what id reaches of the commits that the push brings, by their
// places in brought. A commit that is gone, or stands for nothing, reaches
// none.
func (g *graph) reach(id policy.ObjectID) bitset {
	if set, ok := g.reached[id]; ok {
		return set
	}
	set := newBitset(len(g.brought))
	switch {
	case g.ask != nil && !g.unknown(id) && g.err == nil:
		set = g.askReach(id)
	case g.ask == nil:
		for node, marked := range g.walk(id) {
			if marked && g.place[node] >= 0 {
				set.add(g.place[node])
			}
		}
	}
	g.reached[id] = set
	return set
}

// askReach is reach by git.
func (g *graph) askReach(id policy.ObjectID) bitset {
	ids, err := g.ask(id)
	g.err = err
	set := g.none()
	for _, id := range ids {
		if node, ok := g.index[id]; ok && g.place[node] >= 0 {
			set.add(g.place[node])
		}
	}
	return set
}
