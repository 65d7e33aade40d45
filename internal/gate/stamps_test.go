package gate

import (
	"bytes"
	"slices"
	"testing"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// treesOf are the trees of a made-up ledger after each of its lines.
func treesOf(lines ...string) []tlog.Tree {
	var hashes []tlog.Hash
	reader := sumdb.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	var trees []tlog.Tree
	for i, line := range lines {
		more, err := sumdb.StoredHashes(int64(i), []byte(line), reader)
		if err != nil {
			panic(err)
		}
		hashes = append(hashes, more...)
		root, err := sumdb.TreeHash(int64(i+1), reader)
		if err != nil {
			panic(err)
		}
		trees = append(trees, tlog.Tree{N: int64(i + 1), Hash: root})
	}
	return trees
}

// TestFollows holds a stamp's tree against the newest known, along histories
// that say this or that.
func TestFollows(t *testing.T) {
	good := treesOf("a", "b", "c", "d", "e")
	bad := treesOf("a", "b", "x", "y", "z")
	for _, c := range []struct {
		name       string
		known, has tlog.Tree
		line       []tlog.Tree // what the history of notes goes by
		follows    bool
		forked     bool
	}{
		{"nothing is known", tlog.Tree{}, good[3], nil, true, false},
		{"the same tree", good[3], good[3], nil, true, false},
		{"newer", good[1], good[4], []tlog.Tree{good[4], good[2], good[1]}, true, false},
		{"older", good[4], good[1], []tlog.Tree{good[4], good[1]}, true, false},
		{"two of one size", good[2], bad[2], nil, false, true},
		{"newer, of another beginning", good[2], bad[4], []tlog.Tree{bad[4], bad[2]}, false, true},
		{"older, and not the beginning", bad[4], good[2], []tlog.Tree{bad[4], bad[2]}, false, true},
		{"a history that does not reach", good[1], good[4], []tlog.Tree{good[4], good[2]}, false, false},
		// Whoever carries notes can make up what is newer than a signed tree.
		{"a made-up end", good[4], good[1], []tlog.Tree{bad[4], good[1]}, false, false},
		{"no history", good[1], good[4], nil, false, false},
	} {
		line := &lineage{trees: make(map[int64]tlog.Hash), from: 1}
		for _, tree := range c.line {
			line.trees[tree.N] = tree.Hash
		}
		in := newIntake(&scene{}, nil, "", nil)
		in.lines["tip"] = line
		p := &proven{tip: "tip", asked: question{env: "stg"}}
		p.Tree = c.has
		follows, contradiction, why := in.follows(&head{tree: c.known}, p)
		if follows != c.follows || (contradiction != "") != c.forked {
			t.Errorf("%s: follows %v, contradiction %q", c.name, follows, contradiction)
		}
		if !c.follows && !c.forked && why == "" {
			t.Errorf("%s: no reason", c.name)
		}
	}
}

// TestFollowsAsks checks that a history is asked for before it is judged, and as
// far down as the older tree.
func TestFollowsAsks(t *testing.T) {
	good := treesOf("a", "b", "c", "d", "e")
	in := newIntake(&scene{}, nil, "", nil)
	in.tips["stg"] = []policy.ObjectID{"tip", "own"}
	for _, known := range []tlog.Tree{good[2], good[1]} {
		p := &proven{tip: "tip", asked: question{env: "stg"}}
		p.Tree = good[4]
		if follows, contradiction, why := in.follows(&head{tree: known}, p); follows || contradiction != "" || why != "" {
			t.Fatalf("judged without a history: %v %q %q", follows, contradiction, why)
		}
	}
	if len(in.asks) != 1 || in.asks["tip"] != 2 {
		t.Fatalf("asked for %v", in.asks)
	}
	in.lines["tip"] = &lineage{from: 2}
	clear(in.asks)
	p := &proven{tip: "tip", asked: question{env: "stg"}}
	p.Tree = good[4]
	in.follows(&head{tree: good[1]}, p)
	if len(in.asks) != 1 || in.asks["own"] != 2 {
		t.Fatalf("the repository's own notes are not asked: %v", in.asks)
	}
}

// TestClassifyNotes sorts updates of notes refs by name.
func TestClassifyNotes(t *testing.T) {
	pol := &policy.Policy{Environments: []*policy.Environment{
		{Name: "stg", Elsewhere: &policy.Elsewhere{}}, {Name: "prd", After: []policy.EnvironmentName{"stg"}}}}
	s := &scene{policy: pol, listed: true}
	const some, zero = policy.ObjectID("1111111111111111111111111111111111111111"), policy.ObjectID("0000000000000000000000000000000000000000")
	for _, c := range []struct {
		ref  policy.RefName
		new  policy.ObjectID
		want policy.Code // empty: taken, or none of pathgate's business
	}{
		{"refs/notes/deployments/stg", some, ""},
		{"refs/notes/deployments/stg", zero, policy.Deletion},
		{"refs/notes/deployments/prd", some, policy.ReservedRef},
		{"refs/notes/deployments/prd", zero, policy.ReservedRef},
		{"refs/notes/deployments/other", some, policy.ReservedRef},
		{"refs/notes/deployments/stg/x", some, policy.ReservedRef},
		{"refs/notes/deployments/st\u202eg", some, policy.MalformedInput},
		{"refs/notes/deployments", some, policy.Alias},
		{"refs/notes/deployments", zero, ""},
		{"refs/notes/DEPLOYMENTS/stg", some, policy.Alias},
		{"refs/notes/Deployments/stg", zero, policy.Alias},
		{"REFS/notes/deployments/stg", zero, policy.Alias},
		{"refs/notes/deployments/STG", zero, policy.ReservedRef},
		{"refs/notes/Deployments", zero, ""},
		{"refs/notes", some, policy.Alias},
		{"refs/notes/commits", some, ""},
		{"refs/notes/deploymentsx", some, ""},
		{"refs/notes/sub/deployments/stg", some, ""},
	} {
		out, err := s.classifyAs([]receive.Update{{Ref: c.ref, Old: zero, New: c.new}})
		if err != nil {
			t.Fatal(err)
		}
		var got policy.Code
		if len(out.refusals) > 0 {
			got = out.refusals[0].Code
		}
		if got != c.want || len(out.refusals) > 1 || len(out.moves) != 0 {
			t.Errorf("%q to %.1s: %q, want %q", c.ref, c.new, got, c.want)
		}
	}
	twice := receive.Update{Ref: "refs/notes/deployments/stg", Old: zero, New: some}
	out, err := s.classifyAs([]receive.Update{twice, twice})
	if err != nil || len(out.refusals) != 1 || out.refusals[0].Code != policy.DuplicateUpdate {
		t.Errorf("named twice: %v %v", out.refusals, err)
	}
	if got := s.pushedNotes([]receive.Update{twice, {Ref: "refs/notes/deployments/prd", New: some}}); len(got) != 1 || got["stg"] != some {
		t.Errorf("pushed notes: %v", got)
	}
}

// classifyAs is classify without a repository: no ref is symbolic.
func (s *scene) classifyAs(updates []receive.Update) (*sorted, error) {
	out := &sorted{all: updates, times: make(map[policy.RefName]int), at: make(map[policy.RefName]gitfacts.Resolution)}
	for i, u := range updates {
		out.index = i
		out.at[u.Ref] = gitfacts.Resolution{Ref: u.Ref}
		s.classifyOne(out, u)
	}
	return out, nil
}

// TestRefuseIsBounded checks that a push with many bad stamps fills neither the
// ledger nor the screen.
func TestRefuseIsBounded(t *testing.T) {
	in := newIntake(&scene{}, nil, "", nil)
	q := question{"stg", "c"}
	for i := range 100 {
		in.refuse(q, string(bytes.Repeat([]byte{'a' + byte(i%26)}, 1000)))
	}
	in.object(q, in.why[q][0])
	if len(in.why[q]) != mostOffered || slices.ContainsFunc(in.why[q], func(o policy.Offer) bool { return len(o.Reason) > 210 }) {
		t.Errorf("%d reasons, %q", len(in.why[q]), in.why[q])
	}
}
