package release

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

func TestRelease(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		a := s.commit(string(s.base), "a=1\n")
		b := s.commit(string(s.base), "b=1\n")
		p, one := s.release("JIRA-1", a)
		if p.Action != ActionRelease || p.CaughtUp != "" || p.Gone != nil || s.parents(one) != string(s.base+" "+a) {
			t.Errorf("first: %+v, parents %s", p, s.parents(one))
		}
		_, two := s.release("JIRA-2", b)
		if s.parents(two) != string(one+" "+b) {
			t.Errorf("second: parents %s", s.parents(two))
		}
		want := fmt.Sprintf(`pathgate <pathgate@localhost> 1800000000 pathgate <pathgate@localhost> 1800000000
Release JIRA-2 into dev

This merges commit %s of JIRA-2 into release/dev.

Pathgate-Environment: dev
Pathgate-Branch: JIRA-2
Pathgate-Ticket: JIRA-2
Pathgate-Commit: %s
Pathgate-Pusher: ana
Pathgate-Record: 12
`, b.Short(), b)
		if got := s.git("log", "-1", "--format=%an <%ae> %at %cn <%ce> %ct%n%B", string(two)); got != want {
			t.Errorf("message\n%s\nwant\n%s", got, want)
		}
	})
}

func TestDeterministic(t *testing.T) {
	s := newSite(t, "sha1")
	s.base = s.commit("", "f=1\n")
	r := s.request(policy.ActionRelease, "JIRA-1", s.commit(string(s.base), "a=1\n"))
	var all [2][3]policy.ObjectID
	for i := range all {
		p := s.build(r)
		for j, f := range []func() (policy.ObjectID, error){
			func() (policy.ObjectID, error) { return p.Provisional(t.Context()) },
			func() (policy.ObjectID, error) { return p.Finish(t.Context(), 7) },
			func() (policy.ObjectID, error) { return p.Finish(t.Context(), 8) },
		} {
			id, err := f()
			if err != nil {
				t.Fatal(err)
			}
			all[i][j] = id
		}
		if id, err := p.Finish(t.Context(), 0); err == nil {
			t.Errorf("without a record: %s", id)
		}
	}
	if all[0] != all[1] || all[0][0] == all[0][1] || all[0][1] == all[0][2] {
		t.Errorf("%v", all)
	}
	if m := s.git("log", "-1", "--format=%B", string(all[0][0])); strings.Contains(m, "Pathgate-Record") {
		t.Errorf("the provisional commit has a record:\n%s", m)
	}
}

func TestContained(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		a1 := s.commit(string(s.base), "a=1\n")
		a2 := s.commit(string(a1), "a=2\n")
		b := s.commit(string(a2), "b=1\n")
		s.release("JIRA-1", a2)
		s.release("JIRA-2", b)
		for _, tt := range []struct {
			name string
			head policy.ObjectID
			base bool
			by   string
		}{
			{"JIRA-1", a2, false, "JIRA-1 JIRA-2"},
			{"JIRA-1", a1, false, "JIRA-1 JIRA-2"},
			{"JIRA-3", b, false, "JIRA-2"},
			{"JIRA-4", s.base, true, ""},
		} {
			p := s.build(s.request(policy.ActionRelease, tt.name, tt.head))
			if p.Contained == nil || p.Contained.Base != tt.base || names(p.Contained.By) != tt.by {
				t.Errorf("%s: %+v", tt.name, p.Contained)
			}
			if id, err := p.Finish(t.Context(), 9); id != s.live || err != nil {
				t.Errorf("%s: %s, %v", tt.name, id, err)
			}
		}
	})
}

func TestFastForward(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		s.forward = true
		a1 := s.commit(string(s.base), "a=1\n")
		a2 := s.commit(string(a1), "a=2\n")
		b := s.commit(string(s.base), "b=1\n")
		if _, id := s.release("JIRA-1", a1); id != a1 {
			t.Errorf("from base: %s", id)
		}
		if p, id := s.release("JIRA-1", a2); id != a2 || p.Action != ActionRelease {
			t.Errorf("from the environment: %s", id)
		}
		_, merged := s.release("JIRA-2", b)
		if s.parents(merged) != string(a2+" "+b) {
			t.Errorf("not forward: %s", s.parents(merged))
		}
		// It contains the environment but not base, which has gone on.
		s.base = s.commit(string(s.base), "m=1\n")
		on := s.commit(string(merged), "c=1\n")
		if p, id := s.release("JIRA-3", on); p.CaughtUp != s.base || id == on {
			t.Errorf("base has gone on: %+v", p)
		}
		last := s.commit(string(s.live), "d=1\n")
		if _, id := s.release("JIRA-4", last); id != last {
			t.Errorf("caught up: %s", id)
		}
	})
}

func TestCatchUp(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		a, b := s.commit(string(s.base), "a=1\n"), s.commit(string(s.base), "b=1\n")
		_, old := s.release("JIRA-1", a)
		s.base = s.commit(string(s.base)+" "+string(a), "m=1\n", "a=1\n")
		p, id := s.release("JIRA-2", b)
		base, _, _ := strings.Cut(s.parents(id), " ")
		if p.CaughtUp != s.base || !reflect.DeepEqual(p.Gone, []string{"JIRA-1"}) {
			t.Errorf("%+v", p)
		}
		if s.parents(id) != base+" "+string(b) || s.parents(policy.ObjectID(base)) != string(old+" "+s.base) {
			t.Errorf("parents %s; %s", s.parents(id), s.parents(policy.ObjectID(base)))
		}
		m := s.git("log", "-1", "--format=%B", base)
		if !strings.HasPrefix(m, "Merge main into release/dev\n\n") || !strings.Contains(m, "Pathgate-Commit: "+string(s.base)) || strings.Contains(m, "Record") {
			t.Errorf("message of base's merge:\n%s", m)
		}
		// Base brings the branch itself: one merge, which has the record.
		c := s.commit(string(s.base), "c=1\n")
		s.base = s.commit(string(s.base)+" "+string(c), "c=1\n", "n=1\n")
		before := s.live
		p, id = s.release("JIRA-3", c)
		m = s.git("log", "-1", "--format=%B", string(id))
		if p.CaughtUp != s.base || s.parents(id) != string(before+" "+s.base) || !strings.Contains(m, "Pathgate-Record: 13\n") {
			t.Errorf("base brings it: %+v\n%s", p, m)
		}
	})
}

// An environment that does not exist becomes base if base has the branch.
func TestMadeFromBase(t *testing.T) {
	s := newSite(t, "sha1")
	s.base = s.commit("", "f=1\n")
	if p, id := s.release("JIRA-1", s.base); id != s.base || p.Contained != nil {
		t.Errorf("%s, %+v", id, p)
	}
}

func TestCrissCross(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		a := s.commit(string(s.base), "f="+numbers(3, "a"))
		m := s.commit(string(s.base), "f="+numbers(20, "m"))
		both := "f=" + numbers(3, "a", 20, "m")
		a2 := s.commit(string(s.commit(string(a)+" "+string(m), both)), "f="+numbers(3, "a2", 20, "m"))
		s.base = s.commit(string(s.commit(string(m)+" "+string(a), both)), "f="+numbers(3, "a", 20, "m2"))
		if _, id := s.release("JIRA-1", a2); s.file(id, "f")+"\n" != numbers(3, "a2", 20, "m2") {
			t.Errorf("merged to %q", s.file(id, "f"))
		}
	})
}

func TestUnrelated(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		other := s.root("x=1\n")
		for range 2 {
			if _, _, err := Build(t.Context(), s.repo, s.request(policy.ActionRelease, "JIRA-9", other)); !errors.Is(err, ErrUnrelated) {
				t.Errorf("got %v", err)
			}
			if s.live.IsZero() {
				s.release("JIRA-1", s.commit(string(s.base), "a=1\n"))
			}
		}
	})
}

func TestEmptyTree(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		s.base = s.root()
		_, id := s.release("JIRA-1", s.commit(string(s.base), "a=1\n"))
		_, id = s.release("JIRA-2", s.commit(string(id), "-a"))
		if files := s.git("ls-tree", "-r", string(id)); files != "" {
			t.Errorf("files %s", files)
		}
		none := s.commit(string(s.base))
		if _, last := s.release("JIRA-3", none); s.parents(last) != string(id+" "+none) {
			t.Errorf("a commit without changes: parents %s", s.parents(last))
		}
	})
}

func TestWrongRequests(t *testing.T) {
	s := newSite(t, "sha1")
	s.base = s.commit("", "f=1\n")
	a := s.commit(string(s.base), "a=1\n")
	good := s.request(policy.ActionRelease, "JIRA-1", a)
	missing, zero := policy.ObjectID(strings.Repeat("1", 40)), policy.ObjectID(strings.Repeat("0", 40))
	for name, change := range map[string]func(r *Request){
		"no action":      func(r *Request) { r.Action = "" },
		"other action":   func(r *Request) { r.Action = "merge" },
		"no head":        func(r *Request) { r.Branch.Head = "" },
		"no name":        func(r *Request) { r.Branch.Name = "" },
		"zero head":      func(r *Request) { r.Branch.Head = s.live },
		"option":         func(r *Request) { r.Branch.Head = policy.ObjectID("--output=" + strings.Repeat("x", 31)) },
		"upper case":     func(r *Request) { r.Branch.Head = policy.ObjectID(strings.ToUpper(string(a))) },
		"short":          func(r *Request) { r.Branch.Head = a[:39] },
		"missing head":   func(r *Request) { r.Branch.Head = missing },
		"missing base":   func(r *Request) { r.Base = missing },
		"no base":        func(r *Request) { r.Base, r.Live = zero, a },
		"no base, out":   func(r *Request) { r.Base, r.Action = zero, policy.ActionRemove },
		"no live":        func(r *Request) { r.Live = "" },
		"missing live":   func(r *Request) { r.Live = missing },
		"released":       func(r *Request) { r.Released = []Branch{{Name: "x", Head: "HEAD"}} },
		"released other": func(r *Request) { r.Released = []Branch{{Name: "x", Head: missing}} },
		"a tree":         func(r *Request) { r.Branch.Head = policy.ObjectID(s.git("rev-parse", string(a)+"^{tree}")) },
		"reset to tree": func(r *Request) {
			r.Action, r.Branch.Head = policy.ActionReset, policy.ObjectID(s.git("rev-parse", string(a)+"^{tree}"))
		},
	} {
		r := good
		change(&r)
		if p, c, err := Build(t.Context(), s.repo, r); err == nil || p != nil || c != nil {
			t.Errorf("%s: %+v, %+v", name, p, c)
		}
	}
	first := good
	first.Base, first.Live = zero, zero
	if id, err := s.build(first).Finish(t.Context(), 1); err != nil || id != a {
		t.Errorf("where there is no base: %s, %v", id, err)
	}
	bad := good
	bad.Committer.Name = "x>\nparent y"
	if id, err := s.build(bad).Finish(t.Context(), 1); err == nil {
		t.Errorf("a malformed committer: %s", id)
	}
}
