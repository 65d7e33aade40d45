package release

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// tops gives the second parents along the first, newest first, down to base.
func (s *site) tops(id policy.ObjectID) (list []string) {
	s.t.Helper()
	for id != s.base {
		first, second, ok := strings.Cut(s.parents(id), " ")
		if !ok {
			s.t.Fatalf("%s does not lead to base by merges", id)
		}
		list, id = append(list, second), policy.ObjectID(first)
	}
	return list
}

func (s *site) remove(name string) (*Plan, policy.ObjectID) {
	s.t.Helper()
	return s.do(s.request(policy.ActionRemove, name, ""))
}

func TestReplace(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		a, b := s.commit(string(s.base), "a=1\n"), s.commit(string(s.base), "b=1\n")
		s.release("JIRA-1", a)
		s.release("JIRA-2", b)
		amended := s.commit(string(s.base), "a=2\n")
		p, id := s.release("JIRA-1", amended)
		if p.Action != ActionReplace || !reflect.DeepEqual(s.tops(id), []string{string(amended), string(b)}) {
			t.Errorf("%+v, merges %v", p, s.tops(id))
		}
		kept, last := s.git("log", "-1", "--format=%B", string(id)+"^"), s.git("log", "-1", "--format=%B", string(id))
		if !strings.Contains(kept, "Pathgate-Record: 12\n") || strings.Contains(kept, "Rebuild") {
			t.Errorf("the one put back:\n%s", kept)
		}
		if !strings.Contains(last, "Pathgate-Record: 13\n") || strings.Contains(last, "Rebuild") || !strings.Contains(last, "JIRA-1 was rewritten") {
			t.Errorf("the last one:\n%s", last)
		}
		// It goes on: an ordinary merge.
		if p, _ := s.release("JIRA-1", s.commit(string(amended), "a=3\n")); p.Action != ActionRelease {
			t.Errorf("gone on: %s", p.Action)
		}
	})
}

// The new commit came to base by itself: only the old one goes.
func TestReplaceByBase(t *testing.T) {
	s := newSite(t, "sha1")
	s.base = s.commit("", "f=1\n")
	a, b := s.commit(string(s.base), "a=1\n"), s.commit(string(s.base), "b=1\n")
	s.release("JIRA-1", a)
	amended := s.commit(string(s.base), "a=2\n")
	s.base = s.commit(string(s.base)+" "+string(amended), "a=2\n")
	if p, id := s.release("JIRA-1", amended); p.Action != ActionReplace || id != s.base {
		t.Errorf("%+v %s", p, id)
	}
	s.release("JIRA-2", b)
	if p := s.build(s.request(policy.ActionRemove, "JIRA-2", "")); p.Gone[0] != "JIRA-1" {
		t.Errorf("gone %v", p.Gone)
	}
}

// A released commit that base has by now needs no rebuild.
func TestRewrittenAfterMain(t *testing.T) {
	s := newSite(t, "sha1")
	s.base = s.commit("", "f=1\n")
	old := s.base
	a := s.commit(string(s.base), "a=1\n")
	s.release("JIRA-1", a)
	s.base = s.commit(string(s.base)+" "+string(a), "a=1\n")
	if p, _ := s.release("JIRA-1", s.commit(string(old), "c=2\n")); p.Action != ActionRelease || p.CaughtUp != s.base {
		t.Errorf("%+v", p)
	}
}

func TestRemove(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		var heads []policy.ObjectID
		for i := range 3 {
			heads = append(heads, s.commit(string(s.base), fmt.Sprintf("x%d=1\n", i)))
			s.release(fmt.Sprintf("JIRA-%d", i), heads[i])
		}
		s.base = s.commit(string(s.base), "m=1\n")
		p, id := s.remove("JIRA-1")
		if p.Action != ActionRemove || p.StillIn != nil || p.Gone != nil || p.CaughtUp != "" {
			t.Errorf("%+v", p)
		}
		if got := s.tops(id); !reflect.DeepEqual(got, []string{string(heads[2]), string(heads[0])}) {
			t.Errorf("merges %v", got)
		}
		if files := s.git("ls-tree", "-r", "--name-only", string(id)); files != "f\nm\nx0\nx2" {
			t.Errorf("files %s", files)
		}
		m := s.git("log", "-1", "--format=%B", string(id))
		if !strings.Contains(m, "Pathgate-Record: 13\nPathgate-Rebuild: 14\n") || !strings.Contains(m, "JIRA-1 was taken out by ana.") {
			t.Errorf("message\n%s", m)
		}
		if m := s.git("log", "-1", "--format=%B", string(id)+"^"); !strings.Contains(m, "Pathgate-Record: 11\n") || strings.Contains(m, "Rebuild") {
			t.Errorf("message\n%s", m)
		}
		s.remove("JIRA-2")
		if _, id := s.remove("JIRA-0"); id != s.base {
			t.Errorf("the last one: %s", id)
		}
	})
}

func TestNotReleased(t *testing.T) {
	s := newSite(t, "sha1")
	s.base = s.commit("", "f=1\n")
	a, b := s.commit(string(s.base), "a=1\n"), s.commit(string(s.base), "b=1\n")
	remove := func(name string, head policy.ObjectID) error {
		t.Helper()
		_, _, err := Build(t.Context(), s.repo, s.request(policy.ActionRemove, name, head))
		if !errors.Is(err, ErrNotReleased) {
			t.Fatalf("%s: %v", name, err)
		}
		return err
	}
	remove("JIRA-1", "")
	s.release("JIRA-1", a)
	for name, head := range map[string]policy.ObjectID{"JIRA-2": b, "JIRA-3": ""} {
		if err := remove(name, head); errors.Is(err, ErrInBase) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.base = s.commit(string(s.base)+" "+string(a), "a=1\n")
	for name, head := range map[string]policy.ObjectID{"JIRA-1": "", "JIRA-7": a} {
		if err := remove(name, head); !errors.Is(err, ErrInBase) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStillIn(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		under := s.commit(string(s.base), "u=1\n")
		a := s.commit(string(under), "a=1\n")
		upon := s.commit(string(a), "b=1\n")
		beside := s.commit(string(under), "c=1\n")
		s.release("UNDER-1", under)
		s.release("JIRA-1", a)
		s.release("UPON-1", upon)
		s.release("BESIDE-1", beside)
		s.release("OTHER-1", s.commit(string(s.base), "o=1\n"))
		p, id := s.remove("JIRA-1")
		if names(p.StillIn) != "UPON-1 BESIDE-1" || s.file(id, "a") != "1" {
			t.Errorf("still in %v", names(p.StillIn))
		}
		p = s.build(s.request(policy.ActionRemove, "UPON-1", ""))
		if names(p.StillIn) != "BESIDE-1" {
			t.Errorf("of the topmost: still in %v", names(p.StillIn))
		}
		// Twice under another name.
		s.released = append(s.released, Branch{Name: "SAME-1", Head: upon, Record: 90})
		if p := s.build(s.request(policy.ActionRemove, "SAME-1", "")); !strings.Contains(names(p.StillIn), "UPON-1") {
			t.Errorf("the same commit: still in %v", names(p.StillIn))
		}
	})
}

// One that came along with another is not merged twice in a rebuild.
func TestStacked(t *testing.T) {
	s := newSite(t, "sha1")
	s.base = s.commit("", "f=1\n")
	a := s.commit(string(s.base), "a=1\n")
	b := s.commit(string(a), "b=1\n")
	s.release("JIRA-3", s.commit(string(s.base), "c=1\n"))
	s.release("JIRA-2", b)
	s.released = append(s.released, Branch{Name: "JIRA-1", Head: a, Record: 77})
	_, id := s.remove("JIRA-3")
	if got := s.tops(id); !reflect.DeepEqual(got, []string{string(b)}) {
		t.Errorf("merges %v", got)
	}
}

func TestReset(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		old := s.base
		a := s.commit(string(s.base), "a=1\n")
		s.release("JIRA-1", a)
		s.base = s.commit(string(s.base), "m=1\n")
		for _, head := range []policy.ObjectID{s.base, old} {
			p, id := s.do(s.request(policy.ActionReset, "", head))
			if p.Action != ActionReset || id != head || p.Contained != nil {
				t.Errorf("%+v %s", p, id)
			}
		}
		for _, head := range []policy.ObjectID{a, s.root("z=1\n")} {
			if _, _, err := Build(t.Context(), s.repo, s.request(policy.ActionReset, "", head)); !errors.Is(err, ErrNotInBase) {
				t.Errorf("%s: %v", head, err)
			}
		}
	})
}

func TestManyBranches(t *testing.T) {
	s := newSite(t, "sha1")
	s.base = s.commit("", "f="+numbers())
	for i := range 30 {
		s.release(fmt.Sprintf("JIRA-%d", i), s.commit(string(s.base), fmt.Sprintf("x%d=1\n", i)))
	}
	want := s.released[1:]
	_, id := s.remove("JIRA-0")
	got := s.tops(id)
	for i, b := range want {
		if got[len(got)-1-i] != string(b.Head) {
			t.Fatalf("merge %d is of %s, want %s", i, got[len(got)-1-i], b.Head)
		}
	}
	if files := s.git("ls-tree", "--name-only", string(id)); strings.Count(files, "x") != 29 {
		t.Errorf("files %s", files)
	}
}

// More than a hundred branches that base has by now: the first are named.
func TestGoneIsBounded(t *testing.T) {
	s := newSite(t, "sha1")
	s.base = s.commit("", "f=1\n")
	s.release("JIRA-1", s.commit(string(s.base), "a=1\n"))
	for i := range 150 {
		s.released = append(s.released, Branch{Name: fmt.Sprintf("GONE-%d", i), Head: s.base})
	}
	p, _ := s.release("JIRA-2", s.commit(string(s.base), "b=1\n"))
	if len(p.Gone) != 100 || p.Gone[99] != "GONE-99" {
		t.Errorf("%d gone", len(p.Gone))
	}
}
