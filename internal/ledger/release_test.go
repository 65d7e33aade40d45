package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

const devRef = "refs/heads/release/dev"

func releaseOf(branch string) *Entry {
	return &Entry{Action: ActionRelease, Kind: "deploy", Branch: branch, Head: oid("head of " + branch), Tickets: []string{branch}}
}

func removalOf(branch string) *Entry {
	return &Entry{Action: ActionRemove, Kind: KindRemove, Branch: branch}
}

func resetFor(reason string) *Entry {
	return &Entry{Action: ActionReset, Kind: KindReset, Reason: reason}
}

// contents wants these branches in a commit on devRef.
func (r *rig) contents(commit string, want ...string) {
	r.Helper()
	l := r.open()
	defer l.Close()
	all, err := l.Contents("shop", "dev", "shop/dev.git", devRef, policy.ObjectID(commit))
	if err != nil {
		r.Fatal(err)
	}
	got := ""
	for _, e := range all {
		got += e.Branch + " "
	}
	if got != strings.TrimLeft(strings.Join(want, " ")+" ", " ") {
		r.Fatalf("contents %q, want %q", got, want)
	}
}

// stand wants these commits standing in dev and those withdrawn by a record.
func (r *rig) stand(by uint64, stand, gone []string) {
	r.Helper()
	l := r.open()
	defer l.Close()
	for _, c := range stand {
		if st, err := l.Standing(lookup("dev", c, devRef)); err != nil || !st.Stands() {
			r.Fatalf("%+v %v, and it must stand", st, err)
		}
	}
	for _, c := range gone {
		st, err := l.Standing(lookup("dev", c, devRef))
		if err != nil || st.Stands() || st.Withdrawn != by {
			r.Fatalf("%+v %v, want it withdrawn by %d", st, err, by)
		}
		if got, err := l.Withdrawn(lookup("dev", c)); err != nil || got != by {
			r.Fatalf("withdrawn by %d %v, want %d", got, err, by)
		}
	}
}

func TestContents(t *testing.T) {
	r := newRig(t)
	base, a, ab, abc, bc := oid("base"), oid("a"), oid("ab"), oid("abc"), oid("bc")
	r.deploy("dev", devRef, base, "deploy")
	r.act(releaseOf("A"), "dev", devRef, a)
	r.act(releaseOf("B"), "dev", devRef, ab)
	r.act(releaseOf("C"), "dev", devRef, abc)
	r.contents(base)
	r.contents(ab, "A", "B")
	r.contents(abc, "A", "B", "C")
	r.contents(oid("unknown"))
	// A branch that went on comes to the end.
	r.act(releaseOf("A"), "dev", devRef, oid("bca"))
	r.contents(oid("bca"), "B", "C", "A")
	// A rollback has what its commit had.
	r.deploy("dev", devRef, abc, "rollback")
	r.contents(abc, "A", "B", "C")
	removed := r.act(removalOf("A"), "dev", devRef, bc)
	r.contents(bc, "B", "C")
	r.stand(removed, []string{bc}, []string{base, a, ab, abc, oid("bca")})
	// The base has B by now.
	d := releaseOf("D")
	d.Gone = []string{"B", "X"}
	r.act(d, "dev", devRef, oid("cd"))
	r.contents(oid("cd"), "C", "D")
	e := releaseOf("C")
	e.Action = ActionReplace
	replaced := r.act(e, "dev", devRef, oid("dc"))
	r.contents(oid("dc"), "D", "C")
	r.stand(replaced, []string{oid("dc")}, []string{bc, oid("cd")})
	r.stand(removed, nil, []string{base, a, ab, abc})
	// What has no action keeps what is known, and knows nothing else.
	r.deploy("dev", devRef, oid("dc"), "redeploy")
	r.contents(oid("dc"), "D", "C")
	r.deploy("dev", devRef, oid("by hand"), "deploy")
	r.contents(oid("by hand"))
	r.act(releaseOf("E"), "dev", devRef, oid("e"))
	r.contents(oid("e"), "E")
	reset := r.act(resetFor("demo is over"), "dev", devRef, base)
	r.contents(base)
	r.stand(reset, []string{base}, []string{oid("dc"), oid("by hand"), oid("e")})
	// The same commit again, and now it has nothing.
	r.act(releaseOf("E"), "dev", devRef, oid("e"))
	r.act(resetFor("again"), "dev", devRef, oid("e"))
	r.contents(oid("e"))
	if rep := r.verified(); !strings.HasPrefix(rep.Index, "agrees") {
		t.Error(rep.Index)
	}
	want := r.dump()
	if err := Snapshot(context.Background(), r.dir, r.o, 1); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{IndexName, SnapshotName} {
		r.remove(name)
		r.remove(IndexName)
		if got := r.dump(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("without %s the rebuilt index says something else", name)
		}
	}
}

// An override of a release whose commit was on the ref before does not go back,
// and one that takes a branch out withdraws as that does.
func TestOverrideWithAction(t *testing.T) {
	r := newRig(t)
	override := func(e *Entry) *Entry {
		e.Kind, e.Overrode, e.Reason, e.Rules = KindOverride, []string{"freeze"}, "INC-42", passed("freeze")
		return e
	}
	r.act(releaseOf("A"), "dev", devRef, oid("a"))
	r.act(releaseOf("B"), "dev", devRef, oid("b"))
	r.act(override(releaseOf("A")), "dev", devRef, oid("a"))
	r.stand(0, []string{oid("a"), oid("b")}, nil)
	r.contents(oid("a"), "B", "A")
	seq := r.act(override(removalOf("B")), "dev", devRef, oid("a"))
	r.stand(seq, []string{oid("a")}, []string{oid("b")})
	r.contents(oid("a"), "A")
	r.verified()
}

// counting is a kv that counts what is read and written.
type counting struct {
	*memory
	n int
}

func (c *counting) Get(k []byte) ([]byte, error) { c.n++; return c.memory.Get(k) }
func (c *counting) Put(k, v []byte) error        { c.n++; return c.memory.Put(k, v) }

// Taking out again and again looks at what came since the last time only.
func TestRebuiltCost(t *testing.T) {
	s := &counting{memory: newMemory(nil)}
	seq, worst := uint64(0), 0
	deployed := func(e *Entry) {
		d := entryFor(TypeDeployed, "dev", devRef, oid(fmt.Sprint(seq)), "")
		e.actOn(d)
		seq++
		d.Seq, s.n = seq, 0
		if err := project(s, d, place{seq: seq}); err != nil {
			t.Fatal(err)
		}
		worst = max(worst, s.n)
	}
	round := func() int {
		worst = 0
		deployed(releaseOf("A"))
		deployed(releaseOf("B"))
		deployed(removalOf("A"))
		return worst
	}
	round()
	second := round()
	for range 500 {
		round()
	}
	if last := round(); last > second {
		t.Errorf("the second round took %d accesses, the last %d", second, last)
	}
}

func TestVerifyFindsForgedReleases(t *testing.T) {
	with := func(e *Entry, f func(*Entry)) *Entry { f(e); return e }
	intent := func(says *Entry, commit string) *Entry {
		return with(entryFor(TypeIntent, "dev", devRef, oid(commit), ""), says.actOn)
	}
	deployed := func(says *Entry, commit string) *Entry {
		return with(entryFor(TypeDeployed, "dev", devRef, oid(commit), ""), func(e *Entry) { says.actOn(e); e.Intent = 6 })
	}
	a, c := releaseOf("A"), releaseOf("C")
	does := func(f func(*Entry)) []*Entry { return []*Entry{intent(c, "c"), with(deployed(c, "c"), f)} }
	wants := func(says *Entry, f func(*Entry)) []*Entry { return []*Entry{with(intent(says, "c"), f)} }
	abandoned := func(f func(*Entry)) []*Entry {
		return []*Entry{intent(c, "c"), with(&Entry{Type: TypeAbandoned, Intent: 6}, f)}
	}
	promote := func(rules ...string) []*Entry {
		return []*Entry{with(entryFor(TypeIntent, "stg", mainRef, oid("merge"), "promote"), func(e *Entry) { e.Evidence, e.Rules = []uint64{5, 3}, rules })}
	}
	for name, test := range map[string]struct {
		line    uint64
		what    string
		entries []*Entry
	}{
		// Record 3 releases A to dev as commit a, record 5 B as commit b.
		"sound":                      {0, "", does(func(*Entry) {})},
		"as adoption":                {6, "calls itself an adoption", wants(c, func(e *Entry) { e.Kind = "adopt" })},
		"another action":             {7, "something else", does(func(e *Entry) { e.Action = ActionReplace })},
		"no action any more":         {7, "something else", does(func(e *Entry) { e.Action, e.Branch, e.Head, e.Tickets = "", "", "", nil })},
		"another branch":             {7, "something else", does(func(e *Entry) { e.Branch = "D" })},
		"another head":               {7, "something else", does(func(e *Entry) { e.Head = oid("other") })},
		"other tickets":              {7, "something else", does(func(e *Entry) { e.Tickets = append(e.Tickets, "D") })},
		"others gone":                {7, "something else", does(func(e *Entry) { e.Gone = []string{"A"} })},
		"abandoned":                  {0, "", abandoned(func(*Entry) {})},
		"abandoned in full":          {0, "", abandoned(func(e *Entry) { c.actOn(e); e.Kind = "" })},
		"abandoned is another":       {7, "something else", abandoned(func(e *Entry) { a.actOn(e) })},
		"unknown action":             {6, "not known", wants(c, func(e *Entry) { e.Action = "merge" })},
		"release without a branch":   {6, "no branch", wants(c, func(e *Entry) { e.Branch = "" })},
		"release without a head":     {6, "no head", wants(c, func(e *Entry) { e.Head = "" })},
		"replace without a head":     {6, "no head", wants(c, func(e *Entry) { e.Action, e.Head = ActionReplace, "" })},
		"a release that goes back":   {6, "kind is not of that", wants(a, func(e *Entry) { e.Kind = "rollback" })},
		"a release that removes":     {6, "kind is not of that", wants(c, func(e *Entry) { e.Kind = KindRemove })},
		"remove without a branch":    {6, "no branch", wants(removalOf("A"), func(e *Entry) { e.Branch = "" })},
		"a remove that deploys":      {6, "kind is not of that", wants(removalOf("A"), func(e *Entry) { e.Kind = "deploy" })},
		"a reset that removes":       {6, "kind is not of that", wants(resetFor("x"), func(e *Entry) { e.Kind = KindRemove })},
		"reset without a reason":     {6, "no reason", wants(resetFor(""), func(*Entry) {})},
		"kind remove alone":          {6, "no action", wants(removalOf("A"), func(e *Entry) { e.Action, e.Branch = "", "" })},
		"kind reset alone":           {6, "no action", wants(resetFor("x"), func(e *Entry) { e.Action = "" })},
		"a branch without an action": {6, "no action", wants(c, func(e *Entry) { e.Action, e.Head = "", "" })},
		"gone without an action":     {6, "no action", wants(c, func(e *Entry) { e.Action, e.Branch, e.Head, e.Gone = "", "", "", []string{"A"} })},
		"tickets without an action":  {0, "", wants(c, func(e *Entry) { e.Action, e.Branch, e.Head = "", "", "" })},
		"adopt with an action":       {6, "an adoption", wants(c, func(e *Entry) { e.Type = TypeAdopt })},
		"refused, whatever it said":  {0, "", wants(c, func(e *Entry) { e.Type, e.Action, e.Head, e.Codes = TypeRefused, "x", "", []string{"locked"} })},
		"removed":                    {0, "", []*Entry{intent(removalOf("A"), "c"), deployed(removalOf("A"), "c")}},
		"removed, never released":    {7, "not released here", []*Entry{intent(removalOf("C"), "c"), deployed(removalOf("C"), "c")}},
		"removed by override": {7, "not released here", []*Entry{
			intent(&Entry{Action: ActionRemove, Kind: KindOverride, Overrode: []string{"lock"}, Rules: passed("lock"), Reason: "x", Branch: "C"}, "c"),
			deployed(&Entry{Action: ActionRemove, Kind: KindOverride, Overrode: []string{"lock"}, Reason: "x", Branch: "C"}, "c")}},
		"removed by two at once": {0, "", []*Entry{intent(removalOf("A"), "c"), intent(removalOf("A"), "d"), deployed(removalOf("A"), "c"),
			with(deployed(removalOf("A"), "d"), func(e *Entry) { e.Intent = 7 })}},
		"removed twice": {9, "not released here", []*Entry{intent(removalOf("A"), "c"), deployed(removalOf("A"), "c"),
			intent(removalOf("A"), "d"), with(deployed(removalOf("A"), "d"), func(e *Entry) { e.Intent = 8 })}},
		"contained":                   {0, "", promote("environments.stg.after=yes", "environments.stg.match=contained")},
		"a tree that matches":         {0, "", promote("environments.stg.match=tree")},
		"another commit":              {6, "another service or commit", promote("environments.stg.match=commit")},
		"another commit, no rule":     {6, "another service or commit", promote()},
		"contained, another service":  {6, "another service or commit", wants(c, func(e *Entry) { e.Service, e.Evidence, e.Rules = "till", []uint64{5}, []string{"x.match=contained"} })},
		"contained, of the future":    {6, "not before", wants(c, func(e *Entry) { e.Evidence, e.Rules = []uint64{9}, []string{"x.match=contained"} })},
		"contained, but no record":    {6, "no deployment", wants(c, func(e *Entry) { e.Evidence, e.Rules = []uint64{4}, []string{"x.match=contained"} })},
		"contained in what was reset": {8, "withdrawn by record 7", append([]*Entry{intent(resetFor("x"), "base"), deployed(resetFor("x"), "base")}, promote("x.match=contained")...)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.act(a, "dev", devRef, oid("a"))
			r.act(releaseOf("B"), "dev", devRef, oid("b"))
			r.forge(test.entries...)
			if test.line != 0 {
				r.found(test.line, test.what)
				return
			}
			r.verified()
			if isURL(r.dir) {
				r.refusedBeyond()
				return
			}
			r.open().Close() // and what the index makes of it is the same
			if rep := r.verified(); rep.Index != fmt.Sprint("agrees up to record ", rep.Records) {
				t.Error(rep.Index)
			}
		})
	}
}

// What an index that was changed names is held against the journal.
func TestReleasesReadBack(t *testing.T) {
	a, b, ab := oid("a"), oid("b"), oid("ab")
	of := deployment{"shop", "dev", "shop/dev.git", devRef, ab}
	contents := func(l *Ledger) error {
		_, err := l.Contents("shop", "dev", "shop/dev.git", devRef, policy.ObjectID(ab))
		return err
	}
	deployments := func(l *Ledger) error {
		_, _, err := l.Deployments(lookup("dev", "", "refs/heads/release/*"), 10)
		return err
	}
	live := func(s kv) (place, error) {
		f, err := lifeAt(s, key(keyLive, of.service, of.environment, of.repository, of.ref))
		return f.at, err
	}
	for name, test := range map[string]struct {
		change func(s kv) error
		ask    func(l *Ledger) error
	}{
		"a release of another branch": {func(s kv) error {
			at, err := live(s)
			if err != nil {
				return err
			}
			return s.Put(keySeq(keyRelease, at.seq), append(appendPlace(nil, at), "C"...))
		}, contents},
		"a release on another ref": {func(s kv) error {
			return s.Put(key(keyContents, of.service, of.environment, of.repository, of.ref, of.commit), seqValue(3))
		}, contents},
		"no release": {func(s kv) error {
			at, err := live(s)
			if err != nil {
				return err
			}
			return errors.Join(s.Put(keySeq(keyRelease, 8), append(appendPlace(nil, place{8, at.offset + at.length, 2, hash{}}), "A"...)),
				s.Put(contentsKey(of), seqValue(8)))
		}, contents},
		"a record of another commit": {func(s kv) error {
			at, err := live(s)
			if err != nil {
				return err
			}
			t := step{0, at, a}
			return s.Put(keySeq(keyHistory, at.seq, of.service, of.environment, of.repository, of.ref), t.encode())
		}, deployments},
		"a record of another ref": {func(s kv) error {
			t, err := stepAt(s, [4]string{of.service, of.environment, of.repository, mainRef}, 3)
			if err != nil {
				return err
			}
			at := life{at: t.at, run: 3, commit: t.commit}
			return errors.Join(s.Put(key(keyLive, of.service, of.environment, of.repository, of.ref), at.encode()),
				s.Put(keySeq(keyHistory, 3, of.service, of.environment, of.repository, of.ref), t.encode()))
		}, deployments},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.act(releaseOf("A"), "dev", mainRef, a)
			r.act(releaseOf("A"), "dev", devRef, b)
			r.act(releaseOf("B"), "dev", devRef, ab)
			l := r.open()
			defer l.Close()
			if err := errors.Join(contents(l), deployments(l)); err != nil {
				t.Fatal(err)
			}
			if err := l.index.update(watermark{schema, l.id, l.boot, l.head}, test.change); err != nil {
				t.Fatal(err)
			}
			if err := test.ask(l); !errors.Is(err, ErrDamaged) {
				t.Errorf("%v, want ErrDamaged", err)
			}
		})
	}
}

// An index that contradicts itself is made anew before it answers.
func TestReleasesMended(t *testing.T) {
	for name, change := range map[string]func(s kv) error{
		"a lost release": func(s kv) error { return s.Delete(keySeq(keyRelease, 3)) },
		"half a number": func(s kv) error {
			return s.Put(key(keyContents, "shop", "dev", "shop/dev.git", devRef, oid("b")), []byte{1})
		},
		"a lost step":          func(s kv) error { return s.Delete(keySeq(keyHistory, 3, "shop", "dev", "shop/dev.git", devRef)) },
		"a release of another": func(s kv) error { return s.Put(keySeq(keyRelease, 3), appendPlace(nil, place{seq: 5})) },
		"a step that does not go back": func(s kv) error {
			return s.Put(keySeq(keyHistory, 3, "shop", "dev", "shop/dev.git", devRef), appendPlace(seqValue(5), place{seq: 3}))
		},
	} {
		r := newRig(t)
		r.act(releaseOf("A"), "dev", devRef, oid("a"))
		r.act(releaseOf("B"), "dev", devRef, oid("b"))
		l := r.open()
		if err := l.index.update(watermark{schema, l.id, l.boot, l.head}, change); err != nil {
			t.Fatal(err)
		}
		in, err := l.Contents("shop", "dev", "shop/dev.git", devRef, policy.ObjectID(oid("b")))
		same(t, name, err, seqs(in), []uint64{3, 5})
		all, more, err := l.Deployments(lookup("dev", "", devRef), 5)
		same(t, name, err, []any{seqs(all), more}, []any{[]uint64{5, 3}, false})
		l.Close()
	}
}

// A row of names that no line can hold is refused before anything is written.
func TestReleaseTooLong(t *testing.T) {
	r := newRig(t)
	l := r.open()
	defer l.Close()
	e := entryFor(TypeIntent, "dev", devRef, oid("a"), "")
	releaseOf("A").actOn(e)
	for len(e.Gone) < 2000 {
		e.Gone = append(e.Gone, fmt.Sprint("JIRA-", len(e.Gone)))
	}
	if err := l.Append(e); !errors.Is(err, ErrTooLong) {
		t.Fatal(err)
	}
	e.Gone = e.Gone[:1000]
	if err := l.Append(e); err != nil {
		t.Fatal(err)
	}
	// Hostile names are made safe to print, and stay one line.
	f := entryFor(TypeIntent, "dev", devRef, oid("b"), "")
	releaseOf("x\n\u202e\xff").actOn(f)
	f.Gone = []string{"\x1b[31m"}
	if err := l.Append(f); err != nil {
		t.Fatal(err)
	}
	l.Close()
	got := r.entries()[f.Seq-1]
	if got.Branch != `x\n\u202e\xff` || got.Gone[0] != `\x1b[31m` || got.Tickets[0] != got.Branch {
		t.Errorf("%+v", got)
	}
	r.verified()
}
