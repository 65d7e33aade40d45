package gitfacts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// A hook in the mode "history" tells what it sees of the push of one ref.
type seenHistory struct {
	Contained        []policy.RefName
	FastForward      bool
	Brought, Missing []policy.ObjectID
	Unsigned         []policy.UnsignedCommit
	Error            string
}

func actHistory() error {
	var old, id policy.ObjectID
	var ref string
	if n, err := fmt.Scanln(&old, &id, &ref); n != 3 {
		return err
	}
	r, err := Open(os.Getenv("GIT_DIR"))
	if err != nil {
		return err
	}
	if err := r.UseQuarantine(os.Getenv); err != nil {
		return err
	}
	var s seenHistory
	if err := s.look(r, old, id); err != nil {
		s = seenHistory{Error: err.Error()}
	}
	line, err := json.Marshal(s)
	fmt.Fprintf(os.Stderr, "seen=%s\n", line)
	return err
}

func (s *seenHistory) look(r *Repository, old, id policy.ObjectID) error {
	all, err := policy.ParseRefPattern("refs/heads/*")
	ctx := context.Background()
	if err != nil {
		return err
	}
	var errs [4]error
	s.Contained, errs[0] = r.Contains(ctx, id, []policy.RefPattern{all})
	if !old.IsZero() {
		s.FastForward, errs[1] = r.IsAncestor(ctx, old, id)
	}
	for c, err := range r.Brought(ctx, id, old, 100) {
		if err != nil {
			return err
		}
		s.Brought = append(s.Brought, c.ID)
	}
	s.Missing, _, errs[2] = r.WithoutTicket(ctx, id, old, regexp.MustCompile("[A-Z]+-[0-9]+"))
	s.Unsigned, errs[3] = r.Unsigned(ctx, id, old, os.Getenv("PATHGATE_TEST_SIGNERS"))
	return errors.Join(errs[:]...)
}

// pushHistory pushes to main and gives what the hook saw before it moved.
func pushHistory(t *testing.T, bare, work, signers string, args ...string) seenHistory {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	write(t, bare+"/hooks/pre-receive", fmt.Sprintf("#!/bin/sh\nPATHGATE_TEST_SIGNERS='%s' %s=history exec '%s'\n", signers, hookVariable, self))
	if err := os.Chmod(bare+"/hooks/pre-receive", 0o755); err != nil {
		t.Fatal(err)
	}
	out := git(t, work, append([]string{"push", bare}, args...)...)
	var all strings.Builder // a long line comes in pieces
	for line := range strings.Lines(out) {
		all.WriteString(strings.TrimRight(strings.TrimPrefix(line, "remote: "), " \n"))
	}
	_, rest, _ := strings.Cut(all.String(), "seen=")
	var s seenHistory
	if err := json.NewDecoder(strings.NewReader(rest)).Decode(&s); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return s
}

// eachFormat runs a test on loose objects, a pack, and a pack with a
// commit-graph, in both object formats.
func eachFormat(t *testing.T, test func(t *testing.T, bare, work string, pack func())) {
	for _, format := range []string{"sha1", "sha256"} {
		for _, stored := range []string{"loose", "packed", "commit-graph"} {
			t.Run(format+" "+stored, func(t *testing.T) {
				bare, work := newRepository(t, "--object-format="+format)
				test(t, bare, work, func() {
					if stored != "loose" {
						git(t, bare, "repack", "-q", "-a", "-d")
					}
					if stored == "commit-graph" {
						git(t, bare, "commit-graph", "write", "--reachable")
					}
				})
			})
		}
	}
}

func TestIsAncestor(t *testing.T) {
	eachFormat(t, func(t *testing.T, bare, work string, pack func()) {
		one, two := commit(t, work, "one"), commit(t, work, "two")
		three := commit(t, work, "three")
		git(t, work, "checkout", "-q", "-b", "side", string(one))
		side := commit(t, work, "side")
		git(t, work, "merge", "-q", "--no-ff", "-m", "merge", "main")
		merge := policy.ObjectID(git(t, work, "rev-parse", "HEAD"))
		git(t, work, "checkout", "-q", "--orphan", "other")
		other := commit(t, work, "other")
		git(t, work, "push", "-q", bare, "--all")
		pack()
		r := open(t, bare)
		reach := map[policy.ObjectID][]policy.ObjectID{one: {one}, two: {one, two}, three: {one, two, three},
			side: {one, side}, merge: {one, two, three, side, merge}, other: {other}}
		for b, below := range reach {
			for a := range reach {
				want := false
				for _, id := range below {
					want = want || id == a
				}
				if got, err := r.IsAncestor(t.Context(), a, b); got != want || err != nil {
					t.Errorf("%s of %s: %v, %v", a, b, got, err)
				}
			}
		}
	})
}

// What cannot be answered is an error from each method.
func checkNoAnswer(t *testing.T, r *Repository, tip, live policy.ObjectID) {
	t.Helper()
	if got, err := r.IsAncestor(t.Context(), live, tip); err == nil {
		t.Errorf("IsAncestor(%s, %s) is %v", live, tip, got)
	}
	if got, err := r.Contains(t.Context(), tip, patterns(t, "refs/heads/*")); err == nil {
		t.Errorf("%s contained in %v", tip, got)
	}
	checkNotBrought(t, r, tip, live)
}

func checkNotBrought(t *testing.T, r *Repository, tip, live policy.ObjectID) {
	t.Helper()
	if ids, err := collect(t, r, tip, live, 100); err == nil {
		t.Errorf("%s..%s brought %v", live, tip, ids)
	}
	if got, n, err := r.WithoutTicket(t.Context(), tip, live, regexp.MustCompile("x")); err == nil {
		t.Errorf("%s..%s without ticket: %v, %d", live, tip, got, n)
	}
	if got, err := r.Unsigned(t.Context(), tip, live, newKey(t, "ed25519").allow("ana@x")); err == nil {
		t.Errorf("%s..%s unsigned: %v", live, tip, got)
	}
}

func collect(t *testing.T, r *Repository, tip, live policy.ObjectID, limit int) (ids []policy.ObjectID, err error) {
	t.Helper()
	for c, err := range r.Brought(t.Context(), tip, live, limit) {
		if err != nil {
			return nil, err
		}
		if r.hash("commit", c.Raw) != c.ID {
			t.Errorf("%s: raw %q", c.ID, c.Raw)
		}
		ids = append(ids, c.ID)
	}
	return ids, nil
}

func TestNoAnswer(t *testing.T) {
	bare, work := newRepository(t)
	write(t, work+"/file", "data")
	git(t, work, "add", "file")
	id := commit(t, work, "one")
	git(t, work, "push", "-q", bare, "main")
	r := open(t, bare)
	bad := []string{"", "main", "--all", strings.Repeat("1", 40), strings.Repeat("1", 64), strings.ToUpper(string(id))}
	if strings.ToUpper(string(id)) == string(id) {
		bad = bad[:len(bad)-1]
	}
	for _, name := range []string{"HEAD^{tree}", "HEAD:file"} {
		bad = append(bad, git(t, work, "rev-parse", name))
	}
	for _, name := range bad {
		checkNoAnswer(t, r, policy.ObjectID(name), id)
		checkNotBrought(t, r, id, policy.ObjectID(name))
		if got, err := r.IsAncestor(t.Context(), policy.ObjectID(name), id); err == nil {
			t.Errorf("IsAncestor(%s) is %v", name, got)
		}
	}
	checkNoAnswer(t, r, policy.ObjectID(strings.Repeat("0", 40)), id)
}

// A commit that is gone in the middle makes no answer: git's own status 1 for
// it would be a "no".
func TestGapInHistory(t *testing.T) {
	bare, work := newRepository(t)
	one, two, three := commit(t, work, "one"), commit(t, work, "two"), commit(t, work, "three")
	git(t, work, "push", "-q", bare, "main")
	if err := os.Remove(fmt.Sprintf("%s/objects/%s/%s", bare, two[:2], two[2:])); err != nil {
		t.Fatal(err)
	}
	r := open(t, bare)
	if got, err := r.IsAncestor(t.Context(), one, three); err == nil {
		t.Errorf("IsAncestor is %v", got)
	}
	if got, err := r.IsAncestor(t.Context(), two, three); err == nil {
		t.Errorf("IsAncestor of a commit that is gone is %v", got)
	}
	checkNotBrought(t, r, three, one)
	checkNotBrought(t, r, three, two)
	checkNotBrought(t, r, three, policy.ObjectID(strings.Repeat("0", 40)))
}

// A shallow repository, and one that becomes so, gives no answers.
func TestShallow(t *testing.T) {
	bare, work := newRepository(t)
	one, two := commit(t, work, "one"), commit(t, work, "two")
	git(t, work, "push", "-q", bare, "main")
	shallow := filepath.Join(filepath.Dir(bare), "shallow.git")
	git(t, work, "clone", "-q", "--bare", "--depth=1", "file://"+bare, shallow)
	checkNoAnswer(t, open(t, shallow), two, two)
	if err := os.Remove(shallow + "/shallow"); err != nil {
		t.Fatal(err)
	}
	checkNotBrought(t, open(t, shallow), two, policy.ObjectID(strings.Repeat("0", 40)))
	checkNotBrought(t, open(t, shallow), two, one)

	// A forged file would cut history off behind two.
	write(t, bare+"/shallow", string(two)+"\n")
	checkNoAnswer(t, open(t, bare), two, one)
	write(t, bare+"/shallow", "")
	git(t, bare, "repack", "-q", "-a", "-d")
	t.Setenv("GIT_SHALLOW_FILE", bare+"/lie")
	write(t, bare+"/lie", string(two)+"\n")
	if got, err := open(t, bare).IsAncestor(t.Context(), one, two); !got || err != nil {
		t.Errorf("with the pusher's shallow file: %v, %v", got, err)
	}
}

// A shallow clone may push what it made on top of history that is there; where
// history is missing, there is no answer.
func TestShallowPush(t *testing.T) {
	bare, work := newRepository(t)
	commit(t, work, "T-1 one")
	two := commit(t, work, "T-2 two")
	git(t, work, "push", "-q", bare, "main")
	clone := filepath.Join(filepath.Dir(bare), "clone")
	git(t, work, "clone", "-q", "--depth=1", "file://"+bare, clone)
	three := commit(t, clone, "T-3 three")
	signers := newKey(t, "ed25519").allow("ana@x")
	got := pushHistory(t, bare, clone, signers, "main")
	if !got.FastForward || !reflect.DeepEqual(got.Brought, []policy.ObjectID{three}) || got.Error != "" {
		t.Errorf("the hook saw %+v", got)
	}
	empty := filepath.Join(filepath.Dir(bare), "empty.git")
	git(t, work, "init", "-q", "--bare", empty)
	git(t, empty, "config", "receive.shallowUpdate", "true")
	got = pushHistory(t, empty, clone, signers, "main")
	if got.Error == "" {
		t.Errorf("history ends at %s, but the hook saw %+v", two, got)
	}
}

// Neither replace refs nor grafts change history.
func TestReplacedHistory(t *testing.T) {
	bare, work := newRepository(t)
	one, two := commit(t, work, "T-1 one"), commit(t, work, "two")
	git(t, work, "checkout", "-q", "--orphan", "other")
	other := commit(t, work, "T-1 other")
	git(t, work, "push", "-q", bare, "--all")
	git(t, bare, "repack", "-q", "-a", "-d")
	git(t, bare, "replace", string(two), string(other))
	write(t, bare+"/info/grafts", fmt.Sprintf("%s %s\n%s %s\n", other, one, one, other))
	if s := git(t, bare, "-c", "advice.graftFileDeprecated=false", "log", "-1", "--format=%s", string(two)); s != "T-1 other" {
		t.Fatalf("the replacement does not work on git itself: %q", s)
	}
	r := open(t, bare)
	if got, err := r.IsAncestor(t.Context(), one, two); !got || err != nil {
		t.Errorf("one before two: %v, %v", got, err)
	}
	for _, a := range []policy.ObjectID{one, two} {
		if got, err := r.IsAncestor(t.Context(), a, other); got || err != nil {
			t.Errorf("%s before other: %v, %v", a, got, err)
		}
	}
	if got, err := r.Contains(t.Context(), other, patterns(t, "refs/heads/*")); err != nil || !reflect.DeepEqual(got, []policy.RefName{"refs/heads/other"}) {
		t.Errorf("other is in %v, %v", got, err)
	}
	if got, n, err := r.WithoutTicket(t.Context(), two, one, regexp.MustCompile("T-1")); err != nil || n != 1 || !reflect.DeepEqual(got, []policy.ObjectID{two}) {
		t.Errorf("without ticket: %v, %v", got, err)
	}
}
