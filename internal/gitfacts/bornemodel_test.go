package gitfacts

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// model is a random history that is looked at one commit at a time.
type model struct {
	parents [][]int
	files   []map[string]bool
	clean   []bool
	ids     []policy.ObjectID
}

func (m *model) reaches(from, to int) bool {
	if from < 0 {
		return false
	}
	if from == to {
		return true
	}
	return slices.ContainsFunc(m.parents[from], func(p int) bool { return m.reaches(p, to) })
}

func (m *model) related(a, b int) bool {
	for i := range m.parents {
		if m.reaches(a, i) && m.reaches(b, i) {
			return true
		}
	}
	return false
}

// grow makes commits that each add a file, and merges, a few with more in them.
func (m *model) grow(t *testing.T, r *rand.Rand, work string, n int, skewed bool) {
	t.Helper()
	var s strings.Builder
	for i := range n {
		var parents []int
		if i > 0 && r.IntN(15) > 0 {
			for range min(1+r.IntN(3)*r.IntN(2), i) {
				if p := max(0, i-1-r.IntN(6)); !slices.Contains(parents, p) {
					parents = append(parents, p)
				}
			}
		}
		files := make(map[string]bool)
		for _, p := range parents {
			for f := range m.files[p] {
				files[f] = true
			}
		}
		honest := len(parents) == 2 && r.IntN(3) > 0
		if !honest {
			files[fmt.Sprint("f", i)] = true
		}
		m.clean = append(m.clean, honest && m.related(parents[0], parents[1]))
		m.parents, m.files = append(m.parents, parents), append(m.files, files)
		date := 1_000_000 + i
		if skewed {
			date = r.IntN(1_000_000)
		}
		fmt.Fprintf(&s, "reset refs/heads/c%d\n\ncommit refs/heads/c%d\nmark :%d\ncommitter a <a@b> %d +0000\ndata 3\n%03d", i, i, i+1, date, i)
		for j, p := range parents {
			fmt.Fprintf(&s, "\n%s :%d", []string{"from", "merge", "merge"}[j], p+1)
		}
		for f := range files {
			fmt.Fprintf(&s, "\nM 100644 inline %s\ndata 1\nx", f)
		}
		s.WriteString("\n\n")
	}
	if out, err := tryGit(work, s.String(), "fast-import", "--quiet"); err != nil {
		t.Fatal(out)
	}
	out := strings.Fields(git(t, work, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)"))
	m.ids = make([]policy.ObjectID, n)
	for i := 0; i < len(out); i += 2 {
		var at int
		fmt.Sscanf(out[i], "c%d", &at)
		m.ids[at] = policy.ObjectID(out[i+1])
	}
}

// deployed is a deployment by numbers; no commit is -1.
type deployed struct {
	commit, old                   int
	counts, withdraws, overridden bool
}

// verdict looks at one commit: "" is borne out.
func (m *model) verdict(x int, history []deployed) (verdict string, by int) {
	for i, d := range history {
		if d.overridden && m.reaches(d.commit, x) && !m.reaches(d.old, x) && !m.withdrawnSince(x, history[:i]) {
			return "overridden", i
		}
	}
	for i, d := range history {
		if d.counts && m.reaches(d.commit, x) {
			return "", i
		}
		if d.withdraws && m.reaches(d.old, x) && !m.reaches(d.commit, x) {
			return "withdrawn", i
		}
	}
	return "missing", 0
}

// withdrawnSince reports whether one of the deployments took x away.
func (m *model) withdrawnSince(x int, history []deployed) bool {
	return slices.ContainsFunc(history, func(d deployed) bool {
		return d.withdraws && m.reaches(d.old, x) && !m.reaches(d.commit, x)
	})
}

// proves reports whether the i-th deployment is evidence for x.
func (m *model) proves(x, i int, history []deployed) bool {
	for _, d := range history[:i] {
		if d.withdraws && m.reaches(d.old, x) && !m.reaches(d.commit, x) {
			return false
		}
	}
	return history[i].counts && m.reaches(history[i].commit, x)
}

func (m *model) borne(tip int, without []int, history []deployed) (b Borne, needed []int) {
	for x := range m.parents {
		if !m.reaches(tip, x) || slices.ContainsFunc(without, func(w int) bool { return m.reaches(w, x) }) {
			continue
		}
		b.Commits = append(b.Commits, m.ids[x])
		verdict, by := m.verdict(x, history)
		if verdict != "" && m.clean[x] {
			continue
		}
		needed = append(needed, x)
		switch record := uint64(1000 - by); verdict {
		case "overridden":
			b.Overridden, b.OverriddenBy = append(b.Overridden, m.ids[x]), max(b.OverriddenBy, record)
		case "withdrawn":
			b.Withdrawn, b.WithdrawnBy = append(b.Withdrawn, m.ids[x]), max(b.WithdrawnBy, record)
		case "missing":
			b.Missing = append(b.Missing, m.ids[x])
		}
	}
	b.Needed = len(needed)
	b.MissingCount, b.WithdrawnCount, b.OverriddenCount = len(b.Missing), len(b.Withdrawn), len(b.Overridden)
	return b, needed
}

func TestBorneAgreesWithModel(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 4))
		_, work := newRepository(t)
		m, skewed := &model{}, seed%2 == 1
		m.grow(t, r, work, 20, skewed)
		repo, asking := open(t, work), open(t, work)
		asking.graphLimit = 1 // git is asked about each deployment
		for range 6 {
			m.compare(t, r, repo, skewed)
			m.compare(t, r, asking, skewed)
		}
	}
}

func (m *model) compare(t *testing.T, r *rand.Rand, repo *Repository, skewed bool) {
	t.Helper()
	n := len(m.ids)
	id := func(i int) policy.ObjectID {
		if i < 0 {
			return zero(repo)
		}
		return m.ids[i]
	}
	tip, without := n-1-r.IntN(5), []int{r.IntN(n), r.IntN(n/2) - 1}
	var history []deployed
	var real []Deployed
	old := -1
	for range r.IntN(8) {
		d := deployed{commit: r.IntN(n), old: old, counts: r.IntN(4) > 0, withdraws: r.IntN(3) == 0, overridden: r.IntN(8) == 0}
		old = d.commit
		history = slices.Insert(history, 0, d)
	}
	for i, d := range history {
		real = append(real, Deployed{Record: uint64(1000 - i), Commit: id(d.commit), Old: id(d.old), Counts: d.counts, Withdraws: d.withdraws, Overridden: d.overridden})
	}
	got, err := repo.Borne(t.Context(), Brought{Tip: id(tip), Without: []policy.ObjectID{id(without[0]), id(without[1])}}, real)
	want, needed := m.borne(tip, without, history)
	if err != nil {
		t.Fatal(err)
	}
	evidence := got.Evidence
	got.Evidence = nil
	for _, list := range [][]policy.ObjectID{got.Commits, got.Missing, got.Withdrawn, got.Overridden, want.Commits, want.Missing, want.Withdrawn, want.Overridden} {
		sortIDs(list)
	}
	if skewed && len(got.Commits) > len(want.Commits) { // more than there is: fails closed
		if got.Needed < want.Needed || got.MissingCount+got.WithdrawnCount+got.OverriddenCount < want.MissingCount+want.WithdrawnCount+want.OverriddenCount {
			t.Errorf("tip %d without %v, %+v:\n got %+v\nwant %+v", tip, without, history, got, want)
		}
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("tip %d without %v, %+v:\n got %+v\nwant %+v", tip, without, history, got, want)
		return
	}
	stands := got.All()
	if len(evidence) > 0 && !stands {
		t.Errorf("evidence %v of %+v", evidence, got)
	}
	// All that is needed is in the evidence, and each record is needed.
	covered := func(without uint64) bool {
		return !slices.ContainsFunc(needed, func(x int) bool {
			return !slices.ContainsFunc(evidence, func(e uint64) bool { return e != without && m.proves(x, int(1000-e), history) })
		})
	}
	if stands && !covered(0) || slices.ContainsFunc(evidence, covered) {
		t.Errorf("tip %d without %v, %+v: evidence %v", tip, without, history, evidence)
	}
}

// BenchmarkBorne measures the usual cases.
func BenchmarkBorne(b *testing.B) {
	bare, work := newRepository(b)
	var s strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&s, "commit refs/heads/live\ncommitter a <a@b> %d +0000\ndata 1\nx\n", 1_000_000_000+i)
	}
	if out, err := tryGit(work, s.String(), "fast-import", "--quiet"); err != nil {
		b.Fatal(out)
	}
	live := policy.ObjectID(git(b, work, "rev-parse", "live"))
	from(b, work, "a", live)
	put(b, work, "a", "1")
	a := put(b, work, "a", "2")
	from(b, work, "stg", live)
	var history []Deployed
	old := live
	for i := range 512 {
		next := onto(b, work, treeOf(b, work, a), old, a)
		history = slices.Insert(history, 0, stands(uint64(i+1), next, old))
		old = next
	}
	from(b, work, "main", live)
	put(b, work, "b", "1")
	from(b, work, "merged", live)
	merged := mergeIn(b, work, a)
	git(b, bare, "config", "receive.unpackLimit", "1")
	keep(b, bare, work, live)
	keep(b, bare, work, old, merged)
	git(b, bare, "repack", "-q", "-a", "-d")
	git(b, bare, "commit-graph", "write", "--reachable")
	packed := open(b, bare)
	loose := open(b, work)
	for _, bench := range []struct {
		name    string
		repo    *Repository
		tip     policy.ObjectID
		history []Deployed
	}{{"chain", loose, a, []Deployed{stands(1, a, live)}}, {"contained", packed, a, history[:1]}, {"contained-512", packed, a, history},
		{"clean-merge-512", packed, merged, history}, {"missing-512", packed, merged, history[511:]}} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				got, err := bench.repo.Borne(b.Context(), Brought{Tip: bench.tip, Without: []policy.ObjectID{live}}, bench.history)
				if err != nil || len(got.Evidence) != 1 {
					b.Fatal(got, err)
				}
			}
		})
	}
}
