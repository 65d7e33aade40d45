package notes

import (
	"errors"
	"testing"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

func TestGoesOn(t *testing.T) {
	dir, repo := bare(t)
	l := &line{t: t, dir: dir, tree: mktree(t, dir), log: &log{t: t}}
	first, second, third := l.grow(3), l.grow(5), l.grow(5)
	unproven := l.add(message(Trailers{Tree: l.log.tree(7)}))
	wrong := l.add(message(Trailers{Tree: l.log.tree(9), Proven: true}))
	l.tip = third
	fork := l.grow(8)
	l.tip = second
	byHand := l.add("by hand")
	for _, tt := range []struct {
		name      string
		tip, from policy.ObjectID
		want      bool
	}{
		{"itself", first, first, true},
		{"proven", third, first, true},
		{"one more", fork, second, true},
		{"without a proof", unproven, third, false},
		{"itself without a proof", unproven, unproven, true},
		{"with a proof that does not hold", wrong, unproven, false},
		{"without trailers", byHand, second, false},
		{"the other way", first, third, false},
		{"of another", fork, id(3, 40), false},
	} {
		if got, err := GoesOn(t.Context(), repo, tt.tip, tt.from); got != tt.want || err != nil {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
	if _, err := GoesOn(t.Context(), repo, id(3, 40), first); err == nil {
		t.Error("a tip that is missing goes on from something")
	}
	steps, err := History(t.Context(), repo, wrong, 3)
	if err != nil || len(steps) != 3 || steps[0].ID != wrong || steps[2].ID != third || steps[2].Tree.N != 5 {
		t.Errorf("history %v, %v", steps, err)
	}
	alone := policy.ObjectID(git(t, dir, "tree "+l.tree+"\nparent "+string(id(4, 40))+
		"\nauthor x <x> 0 +0000\ncommitter x <x> 0 +0000\n\nx\n", "hash-object", "-t", "commit", "-w", "--stdin"))
	if steps, err := History(t.Context(), repo, alone, 3); err != nil || len(steps) != 1 {
		t.Errorf("of a commit whose parent is missing: %v, %v", steps, err)
	}
}

func TestRefs(t *testing.T) {
	dir, repo := bare(t)
	l := &log{t: t}
	refs := Refs{Public: ref, Kept: "refs/pathgate/stamps/dev"}
	write := func(n int64) (policy.ObjectID, error) {
		return Write(t.Context(), repo, refs, nil, func(old Old) (*Change, error) {
			return l.change(old, n, map[policy.ObjectID]string{id(int(n), 40): "note"}), nil
		})
	}
	first, err := write(3)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := refs.Tips(t.Context(), repo); err != nil || at != (Tips{first, first}) || at.Apart() {
		t.Errorf("the refs are at %v, %v", at, err)
	}
	for _, spoil := range [][]string{{"update-ref", "-d", string(refs.Public)}, {"update-ref", string(refs.Public), blob(t, dir, "x")}} {
		git(t, dir, "", spoil...)
		if _, err := write(4); !errors.Is(err, ErrApart) {
			t.Errorf("%v: %v", spoil, err)
		}
	}
	at, err := refs.Tips(t.Context(), repo)
	if err != nil || !at.Apart() {
		t.Fatalf("the refs are at %v, %v", at, err)
	}
	if err := refs.Move(t.Context(), repo, first, Tips{first, first}, "x"); !errors.Is(err, gitfacts.ErrLostRace) {
		t.Errorf("moved from where they are not: %v", err)
	}
	if err := refs.Move(t.Context(), repo, first, at, "x"); err != nil {
		t.Error(err)
	}
	if err := refs.Move(t.Context(), repo, first, at, "x"); err != nil {
		t.Errorf("where they are already: %v", err)
	}
	if _, err := write(4); err != nil {
		t.Error(err)
	}
	git(t, dir, "", "update-ref", "-d", string(refs.Kept))
	tip, err := write(5) // as an older pathgate left it
	if at, tips := refs.Tips(t.Context(), repo); err != nil || tips != nil || at != (Tips{tip, tip}) {
		t.Errorf("the refs are at %v, %v, %v", at, err, tips)
	}
	git(t, dir, "", "symbolic-ref", string(refs.Kept), string(refs.Public))
	if _, err := write(6); err == nil {
		t.Error("a symbolic ref was written through")
	}
}
