package gitfacts

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

type ids = []policy.ObjectID

// put commits a file and gives the commit.
func put(t testing.TB, work, name, data string) policy.ObjectID {
	t.Helper()
	write(t, filepath.Join(work, name), data)
	git(t, work, "add", "-A")
	return commit(t, work, "put "+name)
}

func head(t testing.TB, work string) policy.ObjectID {
	t.Helper()
	return policy.ObjectID(git(t, work, "rev-parse", "HEAD"))
}

// from makes a branch.
func from(t testing.TB, work, name string, start policy.ObjectID) {
	t.Helper()
	git(t, work, "checkout", "-q", "-B", name, string(start))
}

// mergeIn merges without a conflict.
func mergeIn(t testing.TB, work string, other policy.ObjectID) policy.ObjectID {
	t.Helper()
	git(t, work, "merge", "-q", "--no-ff", "-m", "merge into "+git(t, work, "branch", "--show-current"), string(other))
	return head(t, work)
}

// onto writes a commit with a tree and parents.
func onto(t testing.TB, work, tree string, parents ...policy.ObjectID) policy.ObjectID {
	t.Helper()
	args := []string{"commit-tree", tree, "-m", "made"}
	for _, p := range parents {
		args = append(args, "-p", string(p))
	}
	return policy.ObjectID(git(t, work, args...))
}

// keep makes the commits known to the bare repository.
func keep(t testing.TB, bare, work string, list ...policy.ObjectID) {
	t.Helper()
	args := []string{"push", "-q", bare}
	for _, id := range list {
		args = append(args, string(id)+":refs/heads/keep/"+string(id))
	}
	git(t, work, args...)
}

func stands(record uint64, c, old policy.ObjectID) Deployed {
	return Deployed{Record: record, Commit: c, Old: old, Counts: true}
}

func checkBorne(t *testing.T, r *Repository, what string, b Brought, history []Deployed, want Borne) {
	t.Helper()
	got, err := r.Borne(t.Context(), b, history)
	for _, list := range [][]policy.ObjectID{got.Commits, got.Missing, got.Withdrawn, got.Overridden, want.Commits, want.Missing, want.Withdrawn, want.Overridden} {
		sortIDs(list)
	}
	want.MissingCount, want.WithdrawnCount, want.OverriddenCount = len(want.Missing), len(want.Withdrawn), len(want.Overridden)
	if want.Commits == nil {
		want.Commits = got.Commits
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v, %v\nwant %+v", what, got, err, want)
	}
}

func TestBorne(t *testing.T) {
	eachFormat(t, func(t *testing.T, bare, work string, pack func()) {
		live := put(t, work, "f", "base")
		a1 := put(t, work, "a", "1")
		a2 := put(t, work, "a", "2")
		from(t, work, "b", live)
		b1 := put(t, work, "b", "1")
		from(t, work, "dev", live)
		da := mergeIn(t, work, a2)
		dab := mergeIn(t, work, b1)
		from(t, work, "devb", live)
		db := mergeIn(t, work, b1) // rebuilt without a
		from(t, work, "again", db)
		dba := mergeIn(t, work, a2)
		from(t, work, "joint", live)
		mergeIn(t, work, a2)
		joint := mergeIn(t, work, b1)
		keep(t, bare, work, a2, b1, dab, db, dba, joint)
		pack()
		r := open(t, bare)
		a, ab := Brought{Tip: a2, Without: ids{live, live, zero(r), ""}}, Brought{Tip: joint, Without: ids{live}}
		first := stands(1, a1, live)
		withdraws := Deployed{Record: 5, Commit: db, Old: dab, Counts: true, Withdraws: true}
		override := Deployed{Record: 6, Commit: dab, Old: db, Counts: true, Overridden: true}
		joined := git(t, work, "rev-parse", "joint~1")
		m1 := policy.ObjectID(joined)
		tests := []struct {
			what    string
			brought Brought
			history []Deployed
			want    Borne
		}{
			{"exactly this", a, []Deployed{stands(3, a2, live)}, Borne{Commits: ids{a1, a2}, Needed: 2, Evidence: []uint64{3}}},
			{"in a merge", a, []Deployed{stands(4, dab, da), stands(3, da, live)}, Borne{Commits: ids{a1, a2}, Needed: 2, Evidence: []uint64{4}}},
			{"nothing", a, nil, Borne{Needed: 2, Missing: ids{a1, a2}}},
			{"part", a, []Deployed{first}, Borne{Needed: 2, Missing: ids{a2}}},
			{"does not count", a, []Deployed{{Record: 4, Commit: dab, Old: da}, first}, Borne{Needed: 2, Missing: ids{a2}}},
			{"nothing brought", Brought{Tip: live, Without: ids{a2}}, []Deployed{first}, Borne{}},
			{"two records, clean merges aside", ab, []Deployed{stands(4, db, da), stands(3, da, live)},
				Borne{Commits: ids{a1, a2, b1, joint, m1}, Needed: 3, Evidence: []uint64{4, 3}}},
			{"the older is enough", ab, []Deployed{stands(5, db, dab), stands(4, dab, da), stands(3, da, live)},
				Borne{Needed: 3, Evidence: []uint64{4}}},
			{"withdrawn beats contained", ab, []Deployed{withdraws, stands(4, dab, da), stands(3, da, live)},
				Borne{Needed: 3, Withdrawn: ids{a1, a2}, WithdrawnBy: 5}},
			{"withdrawn and deployed again", ab, []Deployed{stands(7, dba, db), withdraws, stands(4, dab, da)},
				Borne{Needed: 3, Evidence: []uint64{7}}},
			{"withdrawn while nothing was live", a, []Deployed{{Record: 5, Commit: db, Withdraws: true, Counts: true}, first},
				Borne{Needed: 2, Missing: ids{a2}}},
			{"override", ab, []Deployed{override, stands(4, db, live)}, Borne{Needed: 3, Overridden: ids{a1, a2}, OverriddenBy: 6}},
			{"override, then deployed on", ab, []Deployed{stands(8, dba, dab), override}, Borne{Needed: 3, Overridden: ids{a1, a2}, OverriddenBy: 6}},
			{"override and withdrawn", ab, []Deployed{withdraws, override}, Borne{Needed: 3, Withdrawn: ids{a1, a2}, WithdrawnBy: 5}},
			{"override, withdrawn, and deployed by the rules", ab, []Deployed{stands(7, dba, db), withdraws, override}, Borne{Needed: 3, Evidence: []uint64{7}}},
			{"withdrawn, then by an override", ab, []Deployed{override, withdraws, stands(4, dab, da)},
				Borne{Needed: 3, Overridden: ids{a1, a2}, OverriddenBy: 6}},
		}
		for _, tt := range tests {
			checkBorne(t, r, tt.what, tt.brought, tt.history, tt.want)
		}
	})
}

func TestHolds(t *testing.T) {
	eachFormat(t, func(t *testing.T, bare, work string, pack func()) {
		live := put(t, work, "f", "base")
		a := put(t, work, "a", "1")
		from(t, work, "b", live)
		b := put(t, work, "b", "1")
		from(t, work, "both", live)
		mergeIn(t, work, a)
		both := mergeIn(t, work, b)
		from(t, work, "other", live)
		mergeIn(t, work, b)
		other := mergeIn(t, work, a)
		keep(t, bare, work, a, b, both, other)
		pack()
		r := open(t, bare)
		gone := policy.ObjectID(strings.Repeat("1", r.format.digits()))
		got, err := r.Holds(t.Context(), Brought{Tip: both, Without: ids{live}}, ids{a, b, both, other, live, gone, ""})
		want := map[policy.ObjectID]bool{a: false, b: false, both: true, other: true, live: false, gone: false, "": false}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
		if got, err := r.Holds(t.Context(), Brought{Tip: gone}, ids{a}); err == nil {
			t.Errorf("a tip that is gone: %v", got)
		}
	})
}

// An older record is no evidence for what was taken away after it, even if it
// came back since.
func TestBorneEvidenceBeforeWithdrawal(t *testing.T) {
	bare, work := newRepository(t)
	live := put(t, work, "f", "base")
	a := put(t, work, "a", "1")
	from(t, work, "b", live)
	b := put(t, work, "b", "1")
	from(t, work, "both", live)
	mergeIn(t, work, a)
	both := mergeIn(t, work, b)
	keep(t, bare, work, a, b, both)
	r := open(t, bare)
	withdraw := Deployed{Record: 2, Commit: live, Old: a, Withdraws: true, Counts: true}
	checkBorne(t, r, "a came back", Brought{Tip: both, Without: ids{live}},
		[]Deployed{stands(3, a, live), withdraw, stands(1, both, live)}, Borne{Needed: 4, Evidence: []uint64{3, 1}})
}

// What is gone from the repository contains nothing, and hides what nobody can
// tell any more.
func TestBorneGone(t *testing.T) {
	eachFormat(t, func(t *testing.T, bare, work string, pack func()) {
		live := put(t, work, "f", "base")
		a := put(t, work, "a", "1")
		b := put(t, work, "b", "1")
		keep(t, bare, work, b)
		pack()
		r := open(t, bare)
		digits := r.format.digits()
		tree := policy.ObjectID(git(t, work, "rev-parse", "HEAD^{tree}"))
		for _, gone := range []policy.ObjectID{policy.ObjectID(strings.Repeat("1", digits)), tree, "malformed"} {
			brought := Brought{Tip: b, Without: ids{live}}
			override := func(c, old policy.ObjectID) Deployed {
				return Deployed{Record: 6, Commit: c, Old: old, Counts: true, Overridden: true}
			}
			tests := []struct {
				what    string
				history []Deployed
				want    Borne
			}{
				{"deployed", []Deployed{stands(3, gone, a), stands(2, b, live)}, Borne{Needed: 2, Evidence: []uint64{2}}},
				{"before", []Deployed{stands(3, b, gone)}, Borne{Needed: 2, Evidence: []uint64{3}}},
				{"withdrawn", []Deployed{{Record: 5, Commit: a, Old: gone, Counts: true, Withdraws: true}, stands(2, b, live)},
					Borne{Needed: 2, Missing: ids{b}}},
				{"withdrawn for it", []Deployed{{Record: 5, Commit: gone, Old: b, Counts: true, Withdraws: true}, stands(2, b, live)},
					Borne{Needed: 2, Withdrawn: ids{a, b}, WithdrawnBy: 5}},
				{"overridden", []Deployed{stands(9, b, gone), override(gone, a)}, Borne{Needed: 2, Overridden: ids{a, b}, OverriddenBy: 6}},
				{"before the override", []Deployed{override(a, gone), stands(2, b, live)},
					Borne{Needed: 2, Missing: ids{b}, Overridden: ids{a}, OverriddenBy: 6}},
			}
			for _, tt := range tests {
				checkBorne(t, r, tt.what+" "+string(gone), brought, tt.history, tt.want)
			}
			for _, bad := range []Brought{{Tip: gone}, {Tip: b, Without: ids{gone}}, {}, {Tip: zero(r)}} {
				if got, err := r.Borne(t.Context(), bad, nil); err == nil {
					t.Errorf("%v: %+v", bad, got)
				}
			}
		}
		write(t, bare+"/shallow", string(a)+"\n")
		if got, err := r.Borne(t.Context(), Brought{Tip: b, Without: ids{live}}, []Deployed{stands(1, b, live)}); err == nil {
			t.Errorf("shallow: %+v", got)
		}
	})
}

// A gap in history makes no answer.
func TestBorneGap(t *testing.T) {
	bare, work := newRepository(t)
	live, a := put(t, work, "f", "1"), put(t, work, "f", "2")
	b := put(t, work, "f", "3")
	c := put(t, work, "f", "4")
	keep(t, bare, work, c)
	if err := os.Remove(fmt.Sprintf("%s/objects/%s/%s", bare, a[:2], a[2:])); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, bare).Borne(t.Context(), Brought{Tip: c, Without: ids{live}}, []Deployed{stands(1, b, live)}); err == nil {
		t.Errorf("%+v", got)
	}
}

func TestBesideAnotherRepository(t *testing.T) {
	eachFormat(t, func(t *testing.T, bare, work string, pack func()) {
		live := put(t, work, "f", "base")
		a := put(t, work, "a", "1")
		keep(t, bare, work, a)
		from(t, work, "dev", live)
		dev := mergeIn(t, work, a)
		dir := filepath.Dir(bare)
		stg := filepath.Join(dir, "st:g \"2\".git")
		git(t, dir, "clone", "-q", "--bare", bare, stg)
		keep(t, stg, work, dev)
		pack()
		r, other := open(t, bare), open(t, stg)
		b, history := Brought{Tip: a, Without: ids{live}}, []Deployed{stands(3, dev, live)}
		checkBorne(t, r, "alone", b, history, Borne{Needed: 1, Missing: ids{a}})
		both, err := r.Beside(other, r, other)
		if err != nil || len(both.beside) != 1 || len(r.beside) != 0 {
			t.Fatal(both, err)
		}
		checkBorne(t, both, "beside", b, history, Borne{Needed: 1, Evidence: []uint64{3}})
		checkBorne(t, both, "merge there", Brought{Tip: dev, Without: ids{live}}, []Deployed{stands(2, a, live)}, Borne{Needed: 1, Evidence: []uint64{2}})
		write(t, stg+"/shallow", string(live)+"\n")
		if got, err := both.Borne(t.Context(), b, history); err == nil {
			t.Errorf("beside a shallow one: %+v", got)
		}
		format := map[Format]string{SHA1: "sha256", SHA256: "sha1"}[r.format]
		wrong, _ := newRepository(t, "--object-format="+format)
		for _, other := range []*Repository{open(t, wrong), nil} {
			if _, err := r.Beside(other); err == nil {
				t.Error("another format: no error")
			}
		}
	})
}
