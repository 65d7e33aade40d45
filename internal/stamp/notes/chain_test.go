package notes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// A line is a notes history to be drawn: commits with the trees of a log.
type line struct {
	t    *testing.T
	dir  string
	tree string
	log  *log
	size int64 // of the tip's tree
	tip  policy.ObjectID
}

// message is that of a notes commit.
func message(t Trailers) string {
	if t.Stamped == "" {
		t.Stamped = id(1, 40)
	}
	return "stamp\n\n" + t.format()
}

// grow adds a commit for a tree of n records, with the proof from the last.
func (l *line) grow(n int64) policy.ObjectID {
	t := Trailers{Tree: l.log.tree(n)}
	if l.tip != "" {
		t.Proven, t.Proof = true, l.log.proof(l.size, n)
	}
	l.size = n
	return l.add(message(t))
}

func (l *line) add(message string) policy.ObjectID {
	var parents []string
	if l.tip != "" {
		parents = []string{string(l.tip)}
	}
	l.tip = commitTree(l.t, l.dir, l.tree, message, parents...)
	return l.tip
}

// TestTrees follows histories as far as each tree is proven to be the beginning of
// the one after it.
func TestTrees(t *testing.T) {
	dir, repo := bare(t)
	good, evil := &log{t: t}, &log{t: t, salt: "!", at: 8}
	fresh := func(l *log, sizes ...int64) *line {
		line := &line{t: t, dir: dir, tree: mktree(t, dir), log: l}
		for _, n := range sizes {
			line.grow(n)
		}
		return line
	}
	// odd grows to 3 and 9 or so, has a commit of another kind, and goes on to 12.
	odd := func(sizes []int64, message string, size int64) policy.ObjectID {
		l := fresh(good, sizes...)
		l.add(message)
		l.size = size
		return l.grow(12)
	}
	merge := func(first, second *line) policy.ObjectID {
		return commitTree(t, dir, first.tree, message(Trailers{Tree: good.tree(12), Proven: true, Proof: good.proof(9, 12)}),
			string(first.tip), string(second.tip))
	}
	lost := func() policy.ObjectID {
		tip := string(fresh(good, 3, 9, 12).tip)
		body := git(t, dir, "", "cat-file", "commit", tip)
		parent := git(t, dir, "", "rev-parse", tip+"^")
		return policy.ObjectID(raw(t, dir, "commit", strings.Replace(body, parent, strings.Repeat("1", 40), 1)+"\n"))
	}
	for name, test := range map[string]struct {
		tip  policy.ObjectID
		from int64
		want []int64
	}{
		"whole":                       {fresh(good, 3, 5, 5, 9, 20).tip, 0, []int64{20, 9, 5, 5, 3}},
		"down to one":                 {fresh(good, 1, 2, 4, 8, 16, 17).tip, 4, []int64{17, 16, 8, 4}},
		"down to between two":         {fresh(good, 3, 9, 12).tip, 5, []int64{12, 9, 3}},
		"a lie in the middle":         {odd([]int64{3, 5}, message(Trailers{Tree: evil.tree(9), Proven: true, Proof: good.proof(5, 9)}), 9), 0, []int64{12}},
		"no proof":                    {odd([]int64{3, 5}, message(Trailers{Tree: good.tree(9)}), 9), 0, []int64{12, 9}},
		"a smaller tree":              {odd([]int64{3, 9}, message(Trailers{Tree: good.tree(5), Proven: true}), 5), 0, []int64{12, 5}},
		"a commit by hand":            {odd([]int64{3, 9}, "Notes added by 'git notes add'", 9), 0, []int64{12}},
		"a merge":                     {merge(fresh(good, 3, 9), fresh(evil, 3, 11)), 0, []int64{12, 9, 3}},
		"a merge from the other side": {merge(fresh(evil, 3, 11), fresh(good, 3, 9)), 0, []int64{12}},
		"parent is not there":         {lost(), 0, []int64{12}},
	} {
		trees, err := Trees(context.Background(), repo, test.tip, test.from)
		var got []int64
		for _, tree := range trees {
			got = append(got, tree.N)
			if tree != good.tree(tree.N) {
				t.Errorf("%s: the tree of %d is another one", name, tree.N)
			}
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, test.want)
		}
	}
	if _, err := Trees(context.Background(), repo, "", 0); err == nil {
		t.Error("no tip, and no error")
	}
}

func TestTrailers(t *testing.T) {
	dir, repo := bare(t)
	l := &log{t: t}
	good := message(Trailers{Tree: l.tree(5), Proven: true, Proof: l.proof(3, 5)})
	root := l.tree(5).Hash.String()
	tree := mktree(t, dir)
	for name, test := range map[string]struct {
		message string
		ok      bool
	}{
		"good":             {good, true},
		"without a word":   {strings.TrimPrefix(good, "stamp\n\n"), true},
		"no hashes":        {message(Trailers{Tree: l.tree(5), Proven: true}), true},
		"not last":         {good + "\nmore\n", false},
		"something else":   {good + "Signed-off-by: x\n", false},
		"twice":            {good + "Pathgate-Tree: 5 " + root + "\n", false},
		"no commit":        {strings.Replace(good, "Pathgate-Stamped: "+string(id(1, 40))+"\n", "", 1), false},
		"another commit":   {strings.Replace(good, string(id(1, 40)), string(id(1, 64)), 1), false},
		"zero":             {strings.Replace(good, "Pathgate-Tree: 5", "Pathgate-Tree: 0", 1), false},
		"negative":         {strings.Replace(good, "Pathgate-Tree: 5", "Pathgate-Tree: -5", 1), false},
		"leading zero":     {strings.Replace(good, "Pathgate-Tree: 5", "Pathgate-Tree: 05", 1), false},
		"too large":        {strings.Replace(good, "Pathgate-Tree: 5", "Pathgate-Tree: 9223372036854775808", 1), false},
		"short root":       {strings.Replace(good, root, root[1:], 1), false},
		"text for a proof": {strings.Replace(good, "Pathgate-Proof:", "Pathgate-Proof: x", 1), false},
		"long proof":       {strings.Replace(good, "Pathgate-Proof:", "Pathgate-Proof:"+strings.Repeat(" "+root, 127), 1), false},
		"empty":            {"x", false},
	} {
		_, ok, err := Tip(context.Background(), repo, commitTree(t, dir, tree, test.message))
		if err != nil || ok != test.ok {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
}

// The history is followed for 10,000 commits and no further.
func TestLongHistory(t *testing.T) {
	dir, repo := bare(t)
	l := &log{t: t}
	var stream strings.Builder
	commit := func(n int64, trailers Trailers) {
		m := message(trailers)
		fmt.Fprintf(&stream, "commit %s\ncommitter a <a> %d +0000\ndata %d\n%s\n", ref, n, len(m), m)
	}
	commit(1, Trailers{Tree: l.tree(1)})
	for n := range int64(MaxHistory + 10) {
		commit(n+2, Trailers{Tree: l.tree(n + 2), Proven: true, Proof: l.proof(n+1, n+2)})
	}
	git(t, dir, stream.String(), "fast-import", "--quiet")
	tip := policy.ObjectID(git(t, dir, "", "rev-parse", string(ref)))
	trees, err := Trees(context.Background(), repo, tip, 0)
	if err != nil || len(trees) != MaxHistory || trees[0].N != MaxHistory+11 || trees[MaxHistory-1] != l.tree(12) {
		t.Errorf("%d trees, %v", len(trees), err)
	}
}
