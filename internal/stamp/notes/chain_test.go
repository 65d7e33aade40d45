package notes

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/tlog"
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

func TestChain(t *testing.T) {
	dir, repo := bare(t)
	good, evil := &log{t: t}, &log{t: t, salt: "!", at: 8}
	fresh := func(l *log, sizes ...int64) *line {
		line := &line{t: t, dir: dir, tree: mktree(t, dir), log: l}
		for _, n := range sizes {
			line.grow(n)
		}
		return line
	}
	// fake goes on from the tree of good's 7 records with what evil has.
	for name, test := range map[string]struct {
		history func() policy.ObjectID
		a, b    tlog.Tree
		want    Relation
	}{
		"goes on":             {func() policy.ObjectID { return fresh(good, 3, 5, 5, 9, 20).tip }, good.tree(20), good.tree(3), OneLine},
		"goes back":           {func() policy.ObjectID { return fresh(good, 3, 5, 9, 20).tip }, good.tree(3), good.tree(20), OneLine},
		"in the middle":       {func() policy.ObjectID { return fresh(good, 1, 2, 4, 8, 16, 17).tip }, good.tree(16), good.tree(2), OneLine},
		"the same":            {func() policy.ObjectID { return fresh(good, 3).tip }, good.tree(9), good.tree(9), OneLine},
		"two of a size":       {func() policy.ObjectID { return fresh(good, 3).tip }, good.tree(9), evil.tree(9), Forked},
		"another history":     {func() policy.ObjectID { return fresh(good, 3, 9, 12).tip }, good.tree(12), evil.tree(9), Forked},
		"cut":                 {func() policy.ObjectID { return fresh(good, 9, 12).tip }, good.tree(12), good.tree(3), Unknown},
		"not at hand":         {func() policy.ObjectID { return fresh(good, 3, 9, 12).tip }, good.tree(12), good.tree(5), Unknown},
		"not on it":           {func() policy.ObjectID { return fresh(good, 3, 9, 12).tip }, good.tree(20), good.tree(3), Unknown},
		"newer by a pusher":   {func() policy.ObjectID { return fresh(evil, 3, 7, 9, 12).tip }, good.tree(9), good.tree(3), Unknown},
		"continued by others": {func() policy.ObjectID { return fresh(evil, 3, 7, 9).tip }, good.tree(7), good.tree(9), Unknown},
		"a lie in the middle": {func() policy.ObjectID {
			l := fresh(good, 3, 5)
			l.add(message(Trailers{Tree: evil.tree(9), Proven: true, Proof: good.proof(5, 9)}))
			l.size = 9
			return l.grow(12)
		}, good.tree(12), good.tree(3), Unknown},
		"no proof": {func() policy.ObjectID {
			l := fresh(good, 3, 5)
			l.add(message(Trailers{Tree: good.tree(9)}))
			l.size = 9
			return l.grow(12)
		}, good.tree(12), good.tree(3), Unknown},
		"a smaller tree": {func() policy.ObjectID {
			l := fresh(good, 3, 9)
			l.add(message(Trailers{Tree: good.tree(5), Proven: true}))
			l.size = 5
			return l.grow(12)
		}, good.tree(12), good.tree(3), Unknown},
		"a commit by hand": {func() policy.ObjectID {
			l := fresh(good, 3, 9)
			l.add("Notes added by 'git notes add'")
			return l.grow(12)
		}, good.tree(12), good.tree(3), Unknown},
		"a merge": {func() policy.ObjectID {
			l, other := fresh(good, 3, 9), fresh(evil, 3, 11)
			return commitTree(t, dir, l.tree, message(Trailers{Tree: good.tree(12), Proven: true, Proof: good.proof(9, 12)}),
				string(l.tip), string(other.tip))
		}, good.tree(12), good.tree(3), OneLine},
		"a merge from the other side": {func() policy.ObjectID {
			l, other := fresh(good, 3, 9), fresh(evil, 3, 11)
			return commitTree(t, dir, l.tree, message(Trailers{Tree: good.tree(12), Proven: true, Proof: good.proof(9, 12)}),
				string(other.tip), string(l.tip))
		}, good.tree(12), good.tree(3), Unknown},
		"parent is not there": {func() policy.ObjectID {
			tip := string(fresh(good, 3, 9, 12).tip)
			body := git(t, dir, "", "cat-file", "commit", tip)
			parent := git(t, dir, "", "rev-parse", tip+"^")
			return policy.ObjectID(raw(t, dir, "commit", strings.Replace(body, parent, strings.Repeat("1", 40), 1)+"\n"))
		}, good.tree(12), good.tree(3), Unknown},
	} {
		got, err := Chain(context.Background(), repo, test.history(), test.a, test.b)
		if err != nil || got != test.want {
			t.Errorf("%s: %d, %v; want %d", name, got, err, test.want)
		}
	}
	if _, err := Chain(context.Background(), repo, "", good.tree(3), good.tree(5)); err == nil {
		t.Error("no tip, and no error")
	}
	if _, err := Chain(context.Background(), repo, fresh(good, 3).tip, tlog.Tree{}, good.tree(5)); err == nil {
		t.Error("an empty tree, and no error")
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
	if got, err := Chain(context.Background(), repo, tip, l.tree(MaxHistory), l.tree(MaxHistory+11)); err != nil || got != OneLine {
		t.Errorf("%d, %v", got, err)
	}
	if got, err := Chain(context.Background(), repo, tip, l.tree(11), l.tree(MaxHistory+11)); err != nil || got != Unknown {
		t.Errorf("beyond: %d, %v", got, err)
	}
}
