package release

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

const longText = "one line\nanother line\nand a third line\nand a fourth\n"

// What each kind of conflict is called; each side changes a base of its own.
func TestKinds(t *testing.T) {
	tests := []struct {
		name               string
		base, ours, theirs []string
		want               map[string]string // path: kind
		hunks              bool
	}{
		{"content", []string{"f=1\n"}, []string{"f=2\n"}, []string{"f=3\n"}, map[string]string{"f": "content"}, true},
		{"add/add", nil, []string{"f=2\n"}, []string{"f=3\n"}, map[string]string{"f": "both added"}, true},
		{"delete/modify", []string{"f=1\n"}, []string{"-f"}, []string{"f=3\n"}, map[string]string{"f": "deleted here, changed there"}, false},
		{"modify/delete", []string{"f=1\n"}, []string{"f=3\n"}, []string{"-f"}, map[string]string{"f": "changed here, deleted there"}, false},
		{"rename/rename", []string{"f=" + longText}, []string{"-f", "a=" + longText}, []string{"-f", "b=" + longText},
			map[string]string{"f": "renamed differently", "a": "renamed differently", "b": "renamed differently"}, false},
		{"rename/delete", []string{"f=" + longText}, []string{"-f"}, []string{"-f", "b=" + longText},
			map[string]string{"b": "deleted here, renamed there"}, false},
		{"delete/rename", []string{"f=" + longText}, []string{"-f", "b=" + longText}, []string{"-f"},
			map[string]string{"b": "renamed here, deleted there"}, false},
		{"mode", nil, []string{"f@100755=1\n"}, []string{"f=1\n"}, map[string]string{"f": "mode"}, false},
		{"types", nil, []string{"f@120000=x"}, []string{"f=1\n"}, map[string]string{"f": "of different types"}, false},
		{"links", []string{"f@120000=x"}, []string{"f@120000=y"}, []string{"f@120000=z"}, map[string]string{"f": "symbolic link"}, false},
		{"submodule", []string{"s@160000=1"}, []string{"s@160000=2"}, []string{"s@160000=3"}, map[string]string{"s": "submodule"}, false},
		{"binary", []string{"f=a\x00b"}, []string{"f=a\x00c"}, []string{"f=a\x00d"}, map[string]string{"f": "binary"}, false},
		{"file/directory", nil, []string{"d=1\n"}, []string{"d/x=1\n"}, map[string]string{"d": "a file on one side, a folder on the other"}, false},
		{"renamed folder", []string{"d/a=" + longText, "d/b=x" + longText}, []string{"-d/a", "-d/b", "e/a=" + longText, "e/b=x" + longText}, []string{"d/new=1\n"},
			map[string]string{"e/new": "in a folder that was renamed"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			eachFormat(t, func(t *testing.T, s *site) {
				s.base = s.root(append([]string{"keep=1\n"}, tt.base...)...)
				s.release("JIRA-1", s.commit(string(s.base), tt.ours...))
				c := s.clash(s.request(policy.ActionRelease, "JIRA-2", s.commit(string(s.base), tt.theirs...)))
				got, hunks := map[string]string{}, 0
				for _, f := range c.Files {
					got[f.Path] = f.Kind
					hunks += len(f.Hunks)
				}
				if !reflect.DeepEqual(got, tt.want) || (hunks > 0) != tt.hunks {
					t.Errorf("got %v, %d hunks", got, hunks)
				}
				if names(c.With) != "JIRA-1" || c.WithBase || c.Touch != nil || c.Rebuild || c.Onto != "release/dev" || c.Branch.Name != "JIRA-2" || c.More+c.Unsearched != 0 {
					t.Errorf("%+v", c)
				}
			})
		})
	}
}

func TestHunks(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		s.release("JIRA-1", s.commit(string(s.base), "f="+numbers(5, "five\x1b[31m", 15, "\tfifteen")))
		c := s.clash(s.request(policy.ActionRelease, "JIRA-2", s.commit(string(s.base), "f="+numbers(5, "FIVE", 15, strings.Repeat("é", 500)))))
		want := []Hunk{
			{Line: 5, Lines: []string{"<<<<<<< release/dev", `five\x1b[31m`, "=======", "FIVE", ">>>>>>> JIRA-2"}},
			{Line: 19, Lines: []string{"<<<<<<< release/dev", "    fifteen", "=======", strings.Repeat("é", 58) + "...", ">>>>>>> JIRA-2"}},
		}
		if len(c.Files) != 1 || !reflect.DeepEqual(c.Files[0].Hunks, want) {
			t.Errorf("got %+v", c.Files)
		}
	})
}

// No conflict shows more than its bounds, however many files and lines it has.
func TestConflictIsBounded(t *testing.T) {
	s := newSite(t, "sha1")
	s.base = s.commit("", "f=1\n")
	all := func(what string) (list []string) {
		for i := range 50 {
			var b strings.Builder
			for j := range 200 {
				fmt.Fprintf(&b, "%s %d\nsame %d\nsame\n%s", what, j, j, strings.Repeat("more "+what+"\n", 10))
			}
			list = append(list, fmt.Sprintf("x%02d=%s", i, b.String()))
		}
		return append(list, "big="+strings.Repeat(what+strings.Repeat(" ", 60)+"\n", 40000))
	}
	s.release("JIRA-1", s.commit(string(s.base), all("a")...))
	c := s.clash(s.request(policy.ActionRelease, "JIRA-2", s.commit(string(s.base), all("b")...)))
	lines := 0
	for _, f := range c.Files {
		if len(f.Hunks) > 3 {
			t.Errorf("%s: %d places", f.Path, len(f.Hunks))
		}
		for _, h := range f.Hunks {
			lines += len(h.Lines)
			if !h.Cut || h.Lines[0] != "<<<<<<< release/dev" || h.Lines[len(h.Lines)-1] != ">>>>>>> JIRA-2" {
				t.Errorf("%s: %+v", f.Path, h)
			}
		}
	}
	if len(c.Files) != 20 || c.More != 31 || lines == 0 || lines > 30 {
		t.Errorf("%d files, %d more, %d lines", len(c.Files), c.More, lines)
	}
}

func TestWith(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		release := func(name string, changes ...any) {
			t.Helper()
			s.release(name, s.commit(string(s.base), "f="+numbers(changes...)))
		}
		release("JIRA-1", 5, "a")
		release("JIRA-2", 15, "b")
		release("JIRA-3", 25, "c")
		s.release("JIRA-4", s.commit(string(s.base), "g=4\n"))
		head := s.commit(string(s.base), "f="+numbers(5, "x", 25, "x"), "g=5\n")
		if c := s.clash(s.request(policy.ActionRelease, "JIRA-5", head)); names(c.With) != "JIRA-4 JIRA-3 JIRA-1" || c.WithBase {
			t.Errorf("with %s", names(c.With))
		}
		// Its own earlier release is no rival.
		s.released[0].Name = "JIRA-5"
		head = s.commit(string(s.released[0].Head), "f="+numbers(5, "a", 25, "x"))
		if c := s.clash(s.request(policy.ActionRelease, "JIRA-5", head)); names(c.With) != "JIRA-3" {
			t.Errorf("gone on: with %s", names(c.With))
		}
	})
}

// Base changes the line; who merely has base's change is not to blame.
func TestWithBase(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		old := s.base
		s.base = s.commit(string(old), "f="+numbers(5, "base"))
		s.release("JIRA-1", s.commit(string(s.base), "a=1\n"))
		s.release("JIRA-2", s.commit(string(s.base), "f="+numbers(5, "base", 20, "b")))
		s.release("JIRA-3", s.commit(string(s.base), "f="+numbers(5, "base"), "k=1\n"))
		c := s.clash(s.request(policy.ActionRelease, "JIRA-4", s.commit(string(old), "f="+numbers(5, "x"))))
		if !c.WithBase || names(c.With) != "JIRA-2" || c.Touch != nil {
			t.Errorf("base %v, with %s", c.WithBase, names(c.With))
		}
	})
}

// Base itself cannot be merged into the environment.
func TestCatchUpConflict(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		s.release("JIRA-1", s.commit(string(s.base), "f="+numbers(5, "a")))
		s.release("JIRA-2", s.commit(string(s.base), "f="+numbers(25, "b")))
		b := s.commit(string(s.base), "b=1\n")
		s.base = s.commit(string(s.base), "f="+numbers(5, "base"))
		c := s.clash(s.request(policy.ActionRelease, "JIRA-3", b))
		if c.Branch.Name != "" || c.Branch.Head != s.base || c.WithBase || names(c.With) != "JIRA-1" || c.Rebuild {
			t.Errorf("%+v", c)
		}
		if lines := c.Files[0].Hunks[0].Lines; lines[len(lines)-1] != ">>>>>>> main" {
			t.Errorf("%q", lines)
		}
	})
}

// A conflict was solved in a branch; without that branch it is back. A merge
// that was solved by hand is in none of the two branches.
func TestRemoveConflicts(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		a := s.commit(string(s.base), "f="+numbers(5, "a"))
		b := s.commit(string(s.base), "f="+numbers(5, "b"))
		solved := s.commit(string(a)+" "+string(b), "f="+numbers(5, "ab"))
		s.release("JIRA-1", a)
		s.release("JIRA-0", solved)
		s.release("JIRA-9", s.commit(string(s.base), "z=1\n"))
		s.released = append(s.released, Branch{Name: "JIRA-2", Head: b, Record: 50})
		before := s.live
		c := s.clash(s.request(policy.ActionRemove, "JIRA-0", ""))
		if !c.Rebuild || c.Branch.Name != "JIRA-2" || names(c.With) != "JIRA-1" || s.live != before {
			t.Errorf("%+v", c)
		}
	})
}

func TestReplaceConflicts(t *testing.T) {
	s := newSite(t, "sha1")
	s.base = s.commit("", "f="+numbers())
	s.release("JIRA-1", s.commit(string(s.base), "f="+numbers(5, "a")))
	s.release("JIRA-2", s.commit(string(s.base), "f="+numbers(25, "b")))
	c := s.clash(s.request(policy.ActionRelease, "JIRA-1", s.commit(string(s.base), "f="+numbers(25, "a"))))
	if !c.Rebuild || c.Branch.Name != "JIRA-1" || names(c.With) != "JIRA-2" {
		t.Errorf("%+v", c)
	}
}

// The environment has what none of its branches has: who touches the file is
// told, as none conflicts by itself.
func TestTouch(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		s.release("JIRA-1", s.commit(string(s.base), "f="+numbers(5, "a")))
		s.release("JIRA-2", s.commit(string(s.base), "a=1\n"))
		s.release("JIRA-3", s.commit(string(s.base), "f="+numbers(25, "c")))
		s.live = s.commit(string(s.live), "f="+numbers(5, "a", 15, "by hand", 25, "c"))
		c := s.clash(s.request(policy.ActionRelease, "JIRA-4", s.commit(string(s.base), "f="+numbers(15, "x"))))
		if c.With != nil || c.WithBase || names(c.Touch) != "JIRA-3 JIRA-1" {
			t.Errorf("with %s, touch %s", names(c.With), names(c.Touch))
		}
	})
}

// The hundred newest are looked at, and nothing without time.
func TestUnsearched(t *testing.T) {
	s := newSite(t, "sha1")
	s.base = s.commit("", "f="+numbers())
	s.release("JIRA-1", s.commit(string(s.base), "f="+numbers(5, "a")))
	other := s.commit(string(s.base), "o=1\n")
	for i := range 104 {
		s.released = append(s.released, Branch{Name: fmt.Sprintf("X-%d", i), Head: other})
	}
	r := s.request(policy.ActionRelease, "JIRA-2", s.commit(string(s.base), "f="+numbers(5, "b")))
	if c := s.clash(r); c.Unsearched < 5 || c.With != nil {
		t.Errorf("%d unsearched, with %s", c.Unsearched, names(c.With))
	}
	// What is left when time is up is counted, and the conflict told.
	b := &builder{repo: s.repo, req: r, plan: &Plan{Action: ActionRelease}, patience: time.Nanosecond}
	if c, err := b.release(t.Context()); err != nil || c == nil || c.Unsearched != 105 || len(c.Files) != 1 {
		t.Errorf("no time to search: %+v, %v", c, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	cancel()
	if p, c, err := Build(ctx, s.repo, r); err == nil {
		t.Errorf("without time: %+v, %+v", p, c)
	}
}

// Names cannot forge a trailer, a line or a colour.
func TestHostileNames(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		forged := "x\n\nPathgate-Record: 1\nPathgate-Pusher: boss\x1b[31m\u202e\r\x00"
		for i, name := range []string{forged, "--output=/tmp/x", "-", strings.Repeat("é", 400), "\xff\xfe", " ", "a\u2028b"} {
			r := s.request(policy.ActionRelease, name, s.commit(string(s.base), fmt.Sprintf("x%d=1\n", i)))
			r.Pusher, r.Branch.Ticket = forged, forged
			_, id := s.do(r)
			trailers := s.git("log", "-1", "--format=%(trailers:only,unfold)", string(id))
			if strings.Count(trailers, "\nPathgate-Record:") != 1 || !strings.Contains(trailers, fmt.Sprintf("\nPathgate-Record: %d\n", s.record)) ||
				strings.Count(trailers, "\nPathgate-Pusher:") != 1 {
				t.Errorf("%q: trailers\n%s", name, trailers)
			}
			for line := range strings.Lines(s.git("log", "-1", "--format=%B", string(id))) {
				if !text.Printable(strings.TrimSuffix(line, "\n")) {
					t.Errorf("%q: line %q", name, line)
				}
			}
		}
	})
}

func TestHostileFiles(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		paths := []string{"-rf", "new\nline", "\x1b[31mred", "tab\there", "\xff\xfe", "d\\q\"", "~" + string(s.base), "ユ"}
		change := func(what string) (list []string) {
			for _, p := range paths {
				list = append(list, "./"+p+"="+what+"\n")
			}
			return list
		}
		strip := func(list []string) []string {
			for i := range list {
				list[i] = "dir/" + strings.TrimPrefix(list[i], "./")
			}
			return list
		}
		s.release("JIRA-1", s.commit(string(s.base), strip(change("a\x1b[2J"))...))
		c := s.clash(s.request(policy.ActionRelease, "JIRA\n-2", s.commit(string(s.base), strip(change("<<<<<<< "+string(s.live)))...)))
		if len(c.Files) != len(paths) || names(c.With) != "JIRA-1" {
			t.Fatalf("%d files, with %s", len(c.Files), names(c.With))
		}
		for _, f := range c.Files {
			if !text.Printable(f.Path) || f.Kind != "both added" {
				t.Errorf("%q: %s", f.Path, f.Kind)
			}
			for _, h := range f.Hunks {
				for _, line := range h.Lines {
					if !text.Printable(line) {
						t.Errorf("%q: line %q", f.Path, line)
					}
				}
			}
		}
	})
}

// Lines that look like markers neither end nor begin a place by themselves.
func TestFalseMarkers(t *testing.T) {
	l := labels{ours: "aaaa", theirs: "bbbb", onto: "dev", branch: "x"}
	left := maxLines
	raw := "<<<<<<< other\n=======\n>>>>>>> other\n<<<<<<< aaaa:f\n<<<<<<< other\n=======\n>>>>>>> no\n>>>>>>> bbbb:g\n<<<<<<< aaaa\nno end\n"
	want := []Hunk{{Line: 4, Lines: []string{"<<<<<<< dev", "<<<<<<< other", "=======", ">>>>>>> no", ">>>>>>> x"}}}
	if got := hunks([]byte(raw), l, &left); !reflect.DeepEqual(got, want) || left != maxLines-5 {
		t.Errorf("got %+v, %d left", got, left)
	}
	if got := hunks([]byte("<<<<<<< aaaa\nx\x00\n>>>>>>> bbbb\n"), l, &left); got != nil {
		t.Errorf("of a binary file: %+v", got)
	}
}

// A clean merge of a submodule, a file's mode and a link.
func TestCleanKinds(t *testing.T) {
	eachFormat(t, func(t *testing.T, s *site) {
		s.base = s.commit(string(s.base), "s@160000=1", "l@120000=x", "m=1\n")
		s.release("JIRA-1", s.commit(string(s.base), "s@160000=2", "m@100755=1\n"))
		_, id := s.release("JIRA-2", s.commit(string(s.base), "l@120000=y", "m=2\n"))
		got := s.git("ls-tree", "-r", "--format=%(objectmode) %(path)", string(id))
		if got != "100644 f\n120000 l\n100755 m\n160000 s" || s.file(id, "l") != "y" {
			t.Errorf("got %s", got)
		}
	})
}
