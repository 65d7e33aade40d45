package gitfacts

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

func zero(r *Repository) policy.ObjectID {
	return policy.ObjectID(strings.Repeat("0", r.format.digits()))
}

// rawCommit writes a commit object as it is, and gives its ID.
func rawCommit(t testing.TB, work, raw string) policy.ObjectID {
	t.Helper()
	id, err := tryGit(work, raw, "hash-object", "-w", "-t", "commit", "--literally", "--stdin")
	if err != nil {
		t.Fatal(id)
	}
	return policy.ObjectID(id)
}

func TestBrought(t *testing.T) {
	eachFormat(t, func(t *testing.T, bare, work string, pack func()) {
		one, two := commit(t, work, "one"), commit(t, work, "two")
		git(t, work, "checkout", "-q", "-b", "side", string(one))
		side := commit(t, work, "side")
		git(t, work, "checkout", "-q", "main")
		git(t, work, "merge", "-q", "--no-ff", "-m", "merge", "side")
		merge := policy.ObjectID(git(t, work, "rev-parse", "HEAD"))
		four := commit(t, work, "four")
		git(t, work, "push", "-q", bare, "--all")
		pack()
		r := open(t, bare)
		tests := []struct {
			tip, live policy.ObjectID
			want      []policy.ObjectID
		}{
			{four, two, []policy.ObjectID{side, merge, four}},
			{four, merge, []policy.ObjectID{four}},
			{four, side, []policy.ObjectID{two, merge, four}},
			{four, four, nil},
			{two, four, nil}, // back
			{side, two, []policy.ObjectID{side}},
			{two, zero(r), []policy.ObjectID{one, two}},
			{four, zero(r), []policy.ObjectID{one, two, side, merge, four}},
		}
		for _, tt := range tests {
			got, err := collect(t, r, tt.tip, tt.live, 5)
			sortIDs(got)
			sortIDs(tt.want)
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s..%s: got %v, %v, want %v", tt.live, tt.tip, got, err, tt.want)
			}
		}
		for limit, live := range map[int]policy.ObjectID{4: zero(r), 2: two, 0: merge, -1: merge} {
			if got, err := collect(t, r, four, live, limit); err == nil {
				t.Errorf("limit %d: %v", limit, got)
			}
		}
	})
}

func sortIDs(ids []policy.ObjectID) { sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] }) }

// Native walk and git agree at the ends of what the native one does.
func TestBroughtLong(t *testing.T) {
	bare, work := newRepository(t)
	live := commit(t, work, "T-0")
	for i := range maxChain + 2 {
		commit(t, work, fmt.Sprintf("T-%d", i))
	}
	git(t, bare, "config", "receive.unpackLimit", "1000")
	git(t, work, "push", "-q", bare, "main")
	r := open(t, bare)
	for back := range 4 {
		tip := policy.ObjectID(git(t, work, "rev-parse", fmt.Sprintf("main~%d", back)))
		ids, err := collect(t, r, tip, live, 1000)
		if want := maxChain + 2 - back; err != nil || len(ids) != want {
			t.Errorf("%d of %d commits, %v", len(ids), want, err)
		}
		if _, err := collect(t, r, tip, live, len(ids)); err != nil {
			t.Error(err)
		}
		if _, err := collect(t, r, tip, live, len(ids)-1); err == nil || !strings.Contains(err.Error(), "more than") {
			t.Errorf("limit %d: %v", len(ids)-1, err)
		}
		if got, err := r.IsAncestor(t.Context(), live, tip); !got || err != nil {
			t.Errorf("IsAncestor is %v, %v", got, err)
		}
	}
}

// Dates that lie leave no commit out.
func TestBroughtWithFalseDates(t *testing.T) {
	bare, work := newRepository(t)
	tree := git(t, work, "write-tree")
	var ids []policy.ObjectID
	make := func(date int, parents ...policy.ObjectID) policy.ObjectID {
		raw := "tree " + tree + "\n"
		for _, p := range parents {
			raw += "parent " + string(p) + "\n"
		}
		id := rawCommit(t, work, raw+fmt.Sprintf("author a <a@b> %d +0000\ncommitter a <a@b> %d +0000\n\n%d\n", date, date, len(ids)))
		ids = append(ids, id)
		return id
	}
	live := make(2_000_000_000)
	tip := live
	for i := range 20 {
		tip = make(1_000_000_000-i*1000, tip)
		tip = make(100+i, tip, make(1_500_000_000+i, live))
	}
	git(t, work, "push", "-q", bare, string(tip)+":refs/heads/main")
	r := open(t, bare)
	got, err := collect(t, r, tip, live, 1000)
	sortIDs(got)
	want := ids[1:]
	sortIDs(want)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%d of %d commits, %v", len(got), len(want), err)
	}
}

// A large commit is no answer, one that is not what its name says neither.
func TestBroughtRefuses(t *testing.T) {
	bare, work := newRepository(t)
	one := commit(t, work, "one")
	raw := git(t, work, "cat-file", "commit", "HEAD")
	headers, _, _ := strings.Cut(raw, "\n\n")
	headers = strings.Replace(headers, "\n", "\nparent "+string(one)+"\n", 1) + "\n\n"
	fits := rawCommit(t, work, headers+strings.Repeat("x", maxCommit-len(headers)))
	large := rawCommit(t, work, headers+strings.Repeat("x", maxCommit-len(headers)+1))
	git(t, work, "push", "-q", bare, string(fits)+":refs/heads/fits", string(large)+":refs/heads/large")
	r := open(t, bare)
	if ids, err := collect(t, r, fits, one, 9); err != nil || len(ids) != 1 {
		t.Errorf("a commit of 1 MiB: %v, %v", ids, err)
	}
	checkNotBrought(t, r, large, one)
	two := commit(t, work, "two")
	git(t, work, "push", "-q", bare, "main")
	path := func(id policy.ObjectID) string { return fmt.Sprintf("%s/objects/%s/%s", bare, id[:2], id[2:]) }
	data, err := os.ReadFile(path(one))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path(two)); err != nil {
		t.Fatal(err)
	}
	write(t, path(two), string(data))
	checkNotBrought(t, r, two, zero(r))
}

func TestWithoutTicket(t *testing.T) {
	eachFormat(t, func(t *testing.T, bare, work string, pack func()) {
		live := commit(t, work, "live")
		good := commit(t, work, "fix\n\nRefs: INC-42")
		none := commit(t, work, "no ticket\n\ninc-42 INC- -42")
		git(t, work, "checkout", "-q", "-b", "side", string(good))
		commit(t, work, "SIDE-1")
		git(t, work, "merge", "-q", "--no-ff", "-m", "merge without", "main")
		merge := policy.ObjectID(git(t, work, "rev-parse", "HEAD"))
		parent := fmt.Sprintf("tree %s\nparent %s\n", git(t, work, "write-tree"), merge)
		who := "author A-1 <a@b> 1 +0000\ncommitter A-1 <a@b> 1 +0000\n"
		hidden := rawCommit(t, work, parent+who+"\nseen\x00 A-1\n")
		header := rawCommit(t, work, strings.Replace(parent, string(merge), string(hidden), 1)+who+"ticket A-1\ngpgsig A-1\n A-1\n\nseen\n")
		empty := rawCommit(t, work, strings.Replace(parent, string(merge), string(header), 1)+who)
		latin := rawCommit(t, work, strings.Replace(parent, string(merge), string(empty), 1)+who+"encoding ISO-8859-1\n\nf\xfcr A-1\n")
		git(t, work, "push", "-q", bare, string(latin)+":refs/heads/main")
		pack()
		r := open(t, bare)
		want := []policy.ObjectID{none, merge, hidden, header, empty}
		got, total, err := r.WithoutTicket(t.Context(), latin, live, regexp.MustCompile(`[A-Z]+-[0-9]+`))
		sortIDs(got)
		sortIDs(want)
		if err != nil || total != len(want) || !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, %d, %v, want %v", got, total, err, want)
		}
		if _, _, err := r.WithoutTicket(t.Context(), latin, live, nil); err == nil {
			t.Error("no pattern: no error")
		}
	})
}

func TestWithoutTicketMany(t *testing.T) {
	bare, work := newRepository(t)
	for range MaxListed + 3 {
		commit(t, work, "none")
	}
	git(t, work, "push", "-q", bare, "main")
	r := open(t, bare)
	tip := policy.ObjectID(git(t, work, "rev-parse", "HEAD"))
	got, total, err := r.WithoutTicket(t.Context(), tip, zero(r), regexp.MustCompile("[0-9]"))
	if err != nil || len(got) != MaxListed || total != MaxListed+3 {
		t.Errorf("%d of %d, %v", len(got), total, err)
	}
}
