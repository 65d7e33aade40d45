package gitfacts

import (
	"reflect"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// What is asked for is answered, the rest is not looked at, and where one
// question has no answer there is none to any.
func TestCommitFacts(t *testing.T) {
	eachFormat(t, func(t *testing.T, bare, work string, pack func()) {
		k := newKey(t, "ed25519")
		live := commit(t, work, "live")
		k.commit(work, "T-1 signed")
		bad := commit(t, work, "neither")
		half := commit(t, work, "T-2 unsigned")
		tip := k.commit(work, "signed only")
		git(t, work, "push", "-q", bare, "main")
		pack()
		r := open(t, bare)
		all := policy.GitNeeds{Branches: patterns(t, "refs/heads/main"), Ticket: "T-[0-9]", Signed: k.allow("ana@x"), FastForward: true}
		got, err := r.CommitFacts(t.Context(), all, tip, live)
		want := policy.CommitFacts{Fetched: true, Contained: []policy.RefName{"refs/heads/main"}, FastForward: true,
			NoTicket: []policy.ObjectID{tip, bad}, NoTicketCount: 2, UnsignedCount: 2,
			Unsigned: []policy.UnsignedCommit{{Commit: half, Reason: string(NoSignature)}, {Commit: bad, Reason: string(NoSignature)}}}
		if err != nil || !equalFacts(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		got, err = r.CommitFacts(t.Context(), all, live, tip)
		if err != nil || !reflect.DeepEqual(got, policy.CommitFacts{Fetched: true, Contained: []policy.RefName{"refs/heads/main"}}) {
			t.Errorf("back: %+v, %v", got, err)
		}
		got, err = r.CommitFacts(t.Context(), policy.GitNeeds{FastForward: true}, tip, zero(r))
		if err != nil || !reflect.DeepEqual(got, policy.CommitFacts{Fetched: true, FastForward: true}) {
			t.Errorf("nothing live: %+v, %v", got, err)
		}
		for name, change := range map[string]func(*policy.GitNeeds){
			"pattern": func(n *policy.GitNeeds) { n.Ticket = "(" },
			"signers": func(n *policy.GitNeeds) { n.Signed = "/absent/x" },
		} {
			needs := all
			change(&needs)
			if got, err := r.CommitFacts(t.Context(), needs, tip, live); err == nil || !reflect.DeepEqual(got, policy.CommitFacts{}) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		for _, needs := range []policy.GitNeeds{{Branches: all.Branches}, {Ticket: "x"}, {Signed: all.Signed}, {FastForward: true}} {
			if got, err := r.CommitFacts(t.Context(), needs, "", live); err == nil || got.Fetched {
				t.Errorf("no commit, %+v: %+v", needs, got)
			}
			if got, err := r.CommitFacts(t.Context(), needs, tip, ""); (err == nil) != (needs.Branches != nil) {
				t.Errorf("not known what is live, %+v: %+v, %v", needs, got, err)
			}
		}
	})
}

// equalFacts leaves git's order out, which rests on dates.
func equalFacts(got, want policy.CommitFacts) bool {
	sortIDs(got.NoTicket)
	sortIDs(want.NoTicket)
	unsigned := func(list []policy.UnsignedCommit) map[policy.UnsignedCommit]int {
		m := make(map[policy.UnsignedCommit]int)
		for _, u := range list {
			m[u]++
		}
		return m
	}
	same := reflect.DeepEqual(unsigned(got.Unsigned), unsigned(want.Unsigned))
	got.Unsigned, want.Unsigned = nil, nil
	return same && reflect.DeepEqual(got, want)
}

// What the base has comes along with it and is not looked at.
func TestCommitFactsWithoutBase(t *testing.T) {
	eachFormat(t, func(t *testing.T, bare, work string, pack func()) {
		live := commit(t, work, "live")
		base := commit(t, work, "in the base")
		from(t, work, "a", live)
		commit(t, work, "T-1 fine")
		bad := commit(t, work, "no ticket")
		tip := mergeIn(t, work, base)
		keep(t, bare, work, tip)
		pack()
		r := open(t, bare)
		needs := policy.GitNeeds{Ticket: "T-[0-9]", FastForward: true}
		for _, tt := range []struct {
			live    policy.ObjectID
			without []policy.ObjectID
			want    []policy.ObjectID
		}{
			{live, nil, []policy.ObjectID{tip, bad, base}},
			{live, []policy.ObjectID{base, "", zero(r), base}, []policy.ObjectID{tip, bad}},
			{zero(r), []policy.ObjectID{base}, []policy.ObjectID{tip, bad}},
			{zero(r), []policy.ObjectID{""}, []policy.ObjectID{tip, bad, base, live}},
		} {
			got, err := r.CommitFacts(t.Context(), needs, tip, tt.live, tt.without...)
			want := policy.CommitFacts{Fetched: true, FastForward: true, NoTicket: tt.want, NoTicketCount: len(tt.want)}
			if err != nil || !equalFacts(got, want) {
				t.Errorf("live %s, without %v: %+v, %v", tt.live, tt.without, got, err)
			}
		}
		if got, err := r.CommitFacts(t.Context(), needs, tip, live, "main"); err == nil {
			t.Errorf("a base that is no ID: %+v", got)
		}
	})
}
