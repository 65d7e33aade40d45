package gitfacts

import (
	"reflect"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

func patterns(t testing.TB, texts ...string) (list []policy.RefPattern) {
	t.Helper()
	for _, text := range texts {
		p, err := policy.ParseRefPattern(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func TestContains(t *testing.T) {
	eachFormat(t, func(t *testing.T, bare, work string, pack func()) {
		one, two := commit(t, work, "one"), commit(t, work, "two")
		git(t, work, "tag", "-a", "-m", "x", "v2")
		blob := git(t, work, "hash-object", "-w", "--stdin")
		git(t, work, "tag", "blob", blob)
		git(t, work, "branch", "release/1.0", string(one))
		git(t, work, "branch", "release/x/y", string(two))
		git(t, work, "branch", "releases", string(two))
		git(t, work, "checkout", "-q", "--orphan", "other")
		other := commit(t, work, "other")
		git(t, work, "push", "-q", bare, "--all")
		git(t, work, "push", "-q", bare, "--tags")
		git(t, bare, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
		pack()
		tests := []struct {
			id       policy.ObjectID
			patterns []string
			want     []policy.RefName
		}{
			{one, []string{"refs/heads/main"}, []policy.RefName{"refs/heads/main"}},
			{two, []string{"refs/heads/main", "refs/heads/main"}, []policy.RefName{"refs/heads/main"}},
			{other, []string{"refs/heads/main"}, nil},
			{one, []string{"refs/heads/absent"}, nil},
			{one, nil, nil},
			{one, []string{"refs/heads/release/*"}, []policy.RefName{"refs/heads/release/1.0", "refs/heads/release/x/y"}},
			{two, []string{"refs/heads/release/*", "refs/heads/main"}, []policy.RefName{"refs/heads/main", "refs/heads/release/x/y"}},
			{one, []string{"refs/heads/release"}, nil},
			{two, []string{"refs/heads/releases/*"}, nil},
			{one, []string{"refs/tags/*"}, []policy.RefName{"refs/tags/v2"}},
			{other, []string{"refs/heads/*", "refs/tags/*"}, []policy.RefName{"refs/heads/other"}},
			{two, []string{"refs/heads/alias"}, []policy.RefName{"refs/heads/alias"}},
		}
		r := open(t, bare)
		for _, tt := range tests {
			got, err := r.Contains(t.Context(), tt.id, patterns(t, tt.patterns...))
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s in %v: %v, %v", tt.id, tt.patterns, got, err)
			}
		}
		// The zero pattern matches nothing: git must not be asked for all.
		if got, err := r.Contains(t.Context(), one, []policy.RefPattern{{}}); err != nil || got != nil {
			t.Errorf("no pattern: %v, %v", got, err)
		}
		write(t, bare+"/refs/heads/broken", "garbage\n")
		if got, err := r.Contains(t.Context(), one, patterns(t, "refs/heads/*")); err == nil {
			t.Errorf("with a broken ref: %v", got)
		}
		if got, err := r.Contains(t.Context(), one, patterns(t, "refs/heads/main")); err != nil || len(got) != 1 {
			t.Errorf("with a broken ref elsewhere: %v, %v", got, err)
		}
	})
}

// In a hook, refs are as they were before the push.
func TestContainsBeforePush(t *testing.T) {
	bare, work := newRepository(t)
	one := commit(t, work, "one")
	signers := newKey(t, "ed25519").allow("ana@x")
	if got := pushHistory(t, bare, work, signers, "main"); got.Error != "" || len(got.Contained) != 0 {
		t.Errorf("a first push: %+v", got)
	}
	git(t, bare, "branch", "trunk", string(one))
	commit(t, work, "two")
	got := pushHistory(t, bare, work, signers, "main", "main:stg")
	if got.Error != "" || len(got.Contained) != 0 || !got.FastForward {
		t.Errorf("a second push: %+v", got)
	}
	got = pushHistory(t, bare, work, signers, string(one)+":refs/heads/prd")
	if got.Error != "" || !reflect.DeepEqual(got.Contained, []policy.RefName{"refs/heads/main", "refs/heads/stg", "refs/heads/trunk"}) {
		t.Errorf("an old commit: %+v", got)
	}
}
