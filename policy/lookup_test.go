package policy

import (
	"reflect"
	"strings"
	"testing"
)

// releaseBranches has all environments in one repository.
const releaseBranches = `version = 1
root = "/srv/git"
ledger = "/var/lib/pathgate"
identity.source = "gitolite"
[environments.prd]
repository = "{service}.git"
refs = ["refs/heads/main", "refs/heads/hotfix"]
after = ["stg"]
[environments.stg]
repository = "{service}.git"
refs = ["refs/heads/release/stg"]
after = ["dev"]
[environments.dev]
repository = "{service}.git"
refs = ["refs/heads/dev/*"]
`

func TestSite(t *testing.T) {
	p := mustParse(t, releaseBranches)
	site, ok := p.Site("shop.git")
	if !ok || site.Service != "shop" || site.Repository != "shop.git" || len(site.Environments) != 3 {
		t.Fatalf("site %+v, %v", site, ok)
	}
	for _, test := range []struct {
		ref       RefName
		own, fold EnvironmentName
	}{
		{"refs/heads/main", "prd", ""},
		{"refs/heads/hotfix", "prd", ""},
		{"refs/heads/release/stg", "stg", ""},
		{"refs/heads/dev/ana/x", "dev", ""},
		{"refs/heads/dev/X", "dev", ""},
		{"refs/heads/Main", "", "prd"},
		{"refs/heads/Release/stg", "", "stg"},
		{"refs/heads/DEV/x", "", "dev"},
		{"refs/heads/dev", "", ""},
		{"refs/heads/release/stg/x", "", ""},
		{"refs/heads/feature", "", ""},
		{"", "", ""},
	} {
		var own, fold EnvironmentName
		if e, ok := site.Environment(test.ref); ok {
			own = e.Name
		}
		if e, ok := site.Fold(test.ref); ok {
			fold = e.Name
		}
		if own != test.own || fold != test.fold {
			t.Errorf("%s: belongs to %q, folds to %q", test.ref, own, fold)
		}
	}
	for _, repository := range []string{"", "shop", "a/shop.git", ".git", "../shop.git"} {
		if site, ok := p.Site(repository); ok {
			t.Errorf("%q is the site %+v", repository, site)
		}
	}
	if _, ok := (&Policy{}).Site("shop.git"); ok {
		t.Error("the zero policy lists a repository")
	}
}

func TestNeeds(t *testing.T) {
	p := mustParse(t, issuePolicy)
	site, _ := p.Site("shop/prd.git")
	prd, ok := site.Environment("refs/heads/main")
	if !ok {
		t.Fatal("refs/heads/main is no environment's")
	}
	commit := ObjectID(strings.Repeat("a", 40))
	got := p.Needs(site, prd, Update{Ref: "refs/heads/main", New: commit, Commit: commit})
	main := []RefPattern{ref(t, "refs/heads/main")}
	want := Needs{
		Ref:   "refs/heads/main",
		Here:  Lookup{Service: "shop", Environment: "prd", Repository: "shop/prd.git", Refs: main, Commit: commit},
		Prior: []Lookup{{Service: "shop", Environment: "stg", Repository: "shop/stg.git", Refs: main, Commit: commit}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEnvironmentVariable(t *testing.T) {
	for source, want := range map[string]string{
		"ssh": "PATHGATE_USER", "http": "REMOTE_USER", "gitolite": "GL_USER", "gitea": "GITEA_PUSHER_NAME",
		"gitlab": "GL_USERNAME", "softserve": "SOFT_SERVE_USERNAME", "gogs": "GOGS_AUTH_USER_NAME",
		"bitbucket": "BB_USER_NAME", "github": "GITHUB_USER_LOGIN", "env:MY_USER": "MY_USER",
		"SSH": "", "": "", "env:": "",
	} {
		if got := EnvironmentVariable(source); got != want {
			t.Errorf("EnvironmentVariable(%q) = %q", source, got)
		}
	}
}

func TestObjectID(t *testing.T) {
	for id, want := range map[ObjectID]bool{
		"": false, "0": false,
		ObjectID(strings.Repeat("0", 40)):       true,
		ObjectID(strings.Repeat("0", 64)):       true,
		ObjectID(strings.Repeat("0", 39) + "1"): false,
		ObjectID(strings.Repeat("0", 41)):       false,
	} {
		if got := id.IsZero(); got != want {
			t.Errorf("%q is zero: %v", id, got)
		}
	}
	if got := ObjectID("3f9c2ab5").Short() + ObjectID("3f").Short(); got != "3f9c2ab3f" {
		t.Errorf("Short: %s", got)
	}
}

func TestPlaceString(t *testing.T) {
	if got := (Place{"policy.toml", 14, 3}).String() + (Place{}).String(); got != "policy.toml:14" {
		t.Errorf("got %q", got)
	}
	v := Verdict{Rule: "environments.prd.after", Place: Place{"policy.toml", 14, 1}}
	if got := v.RulePlace(); got != "environments.prd.after, policy.toml:14" {
		t.Errorf("RulePlace = %q", got)
	}
	if got := (Verdict{Code: Fault}).RulePlace(); got != "" {
		t.Errorf("RulePlace of no rule = %q", got)
	}
}

func BenchmarkParse(b *testing.B) {
	data := []byte(issuePolicy)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("policy.toml", data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	p := mustParse(b, issuePolicy)
	commit := ObjectID(strings.Repeat("a", 40))
	u := Update{Ref: "refs/heads/main", New: commit, Commit: commit}
	facts := Facts{Fetched: true, Prior: []PriorFacts{{Environment: "stg", Standing: Standing{Record: 5}}}}
	b.ReportAllocs()
	for b.Loop() {
		site, _ := p.Site("shop/prd.git")
		env, _ := site.Environment(u.Ref)
		if len(p.Needs(site, env, u).Prior) != 1 || !Evaluate(env, u, facts).Allowed {
			b.Fatal("refused")
		}
	}
}
