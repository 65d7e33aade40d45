package policy

import "testing"

func repository(t *testing.T, s string) RepositoryPattern {
	t.Helper()
	p, err := ParseRepositoryPattern(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ref(t *testing.T, s string) RefPattern {
	t.Helper()
	p, err := ParseRefPattern(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRepositoryMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, path string
		want          Service
	}{
		{"{service}/prd.git", "shop/prd.git", "shop"},
		{"prd/{service}.git", "prd/shop.git", "shop"},
		{"{service}", "shop", "shop"},
		{"{service}.git", "a.git.git", "a.git"},
		{"a/x-{service}-y/b", "a/x-s-y/b", "s"},
		{"{service}/.git", "shop/.git", "shop"},
		{"{service}/prd.git", "Shop.1_x-/prd.git", "Shop.1_x-"},
		{"{service}/prd.git", "/prd.git", ""},
		{"{service}/prd.git", "prd.git", ""},
		{"{service}/prd.git", "a/b/prd.git", ""},
		{"{service}/prd.git", ".shop/prd.git", ""},
		{"{service}/prd.git", "-shop/prd.git", ""},
		{"{service}/prd.git", "../prd.git", ""},
		{"{service}/prd.git", "sh op/prd.git", ""},
		{"{service}/prd.git", "shöp/prd.git", ""},
		{"{service}/prd.git", "shop/prd.git/", ""},
		{"{service}/prd.git", "shop/PRD.git", ""},
		{"{service}/prd.git", "shop/prdxgit", ""},
		{"{service}.git", ".git", ""},
		{"ab{service}bc", "abc", ""},
		{"ab{service}bc", "abbc", ""},
		{"{service}", "", ""},
	} {
		p := repository(t, test.pattern)
		got, ok := p.Match(test.path)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("%s matches %q: %q, %v", test.pattern, test.path, got, ok)
		}
		if ok && p.Path(got) != test.path {
			t.Errorf("%s: path of %s is %s", test.pattern, got, p.Path(got))
		}
	}
	if _, ok := (RepositoryPattern{}).Match("shop"); ok {
		t.Error("the zero pattern matches")
	}
}

func TestRepositoryOverlaps(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"{service}/dev.git", "{service}/dev.git", true},
		{"{service}/dev.git", "{service}/stg.git", false},
		{"{service}/dev.git", "shop/{service}.git", true},
		{"{service}/dev.git", "shop/{service}", true},
		{"{service}/.dev", "shop/{service}", false}, // no service begins with a dot
		{"{service}/dev.git", "{service}/dev.git/x", false},
		{"{service}.git", "{service}", true},
		{"{service}.git", "x-{service}", true},
		{"a-{service}", "b-{service}", false},
		{"a-{service}", "a-b-{service}", true},
		{"{service}-a", "{service}-b", false},
		{"{service}+a", "{service}", false}, // no service holds a plus
		{"+{service}", "{service}", false},
		{"ab+{service}d", "{service}b+cd", true}, // ab+cd: the texts share b+
		{"ab+{service}d", "{service}b+d", false}, // ab+d leaves the first no service
		{"ab{service}", "{service}bc", true},
	} {
		p, q := repository(t, test.a), repository(t, test.b)
		if p.overlaps(q) != test.want || q.overlaps(p) != test.want {
			t.Errorf("%s and %s: overlap is %v and %v, want %v", test.a, test.b, p.overlaps(q), q.overlaps(p), test.want)
		}
	}
}

// FuzzRepositoryOverlaps looks for a repository that matches two patterns that
// are said not to overlap.
func FuzzRepositoryOverlaps(f *testing.F) {
	f.Add("{service}/dev.git", "shop/{service}.git", "shop/dev.git")
	f.Add("ab+{service}d", "{service}b+cd", "ab+cd")
	f.Fuzz(func(t *testing.T, a, b, path string) {
		p, err := ParseRepositoryPattern(a)
		if err != nil {
			return
		}
		q, err := ParseRepositoryPattern(b)
		if err != nil {
			return
		}
		if p.overlaps(q) != q.overlaps(p) {
			t.Fatalf("%q and %q: only one overlaps the other", a, b)
		}
		_, first := p.Match(path)
		_, second := q.Match(path)
		if first && second && !p.overlaps(q) {
			t.Fatalf("%q and %q both match %q", a, b, path)
		}
	})
}

func TestRefMatch(t *testing.T) {
	for _, test := range []struct {
		pattern    string
		ref        RefName
		match, any bool // exactly; but for letter case
	}{
		{"refs/heads/main", "refs/heads/main", true, true},
		{"refs/heads/main", "refs/heads/Main", false, true},
		{"refs/heads/main", "REFS/heads/main", false, true},
		{"refs/heads/main", "refs/heads/main/x", false, false},
		{"refs/heads/main", "refs/heads/mai", false, false},
		{"refs/heads/straße", "refs/heads/STRAẞE", false, true},
		{"refs/heads/k", "refs/heads/\u212a", false, true},
		{"refs/heads/main", "", false, false},
		{"refs/heads/release/*", "refs/heads/release/a", true, true},
		{"refs/heads/release/*", "refs/heads/release/a/b", true, true},
		{"refs/heads/release/*", "refs/heads/Release/a", false, true},
		{"refs/heads/release/*", "refs/heads/relea\u017fe/a", false, true},
		{"refs/heads/release/*", "refs/heads/release/", false, false},
		{"refs/heads/release/*", "refs/heads/release", false, false},
		{"refs/heads/release/*", "refs/heads/releases/a", false, false},
		{"refs/tags/*", "refs/tags/v1", true, true},
	} {
		p := ref(t, test.pattern)
		if got := p.Match(test.ref); got != test.match {
			t.Errorf("%s matches %q: %v", test.pattern, test.ref, got)
		}
		if got := p.MatchFold(test.ref); got != test.any {
			t.Errorf("%s matches %q but for case: %v", test.pattern, test.ref, got)
		}
	}
	if zero := (RefPattern{}); zero.Match("") || zero.MatchFold("") || zero.Match("refs/heads/main") {
		t.Error("the zero pattern matches")
	}
}

func TestRefParts(t *testing.T) {
	if p := ref(t, "refs/heads/main"); !p.Exact() || p.Prefix() != "refs/heads/main" || p.String() != "refs/heads/main" {
		t.Errorf("%v: %v, %q", p, p.Exact(), p.Prefix())
	}
	if p := ref(t, "refs/heads/r/*"); p.Exact() || p.Prefix() != "refs/heads/r/" || p.String() != "refs/heads/r/*" {
		t.Errorf("%v: %v, %q", p, p.Exact(), p.Prefix())
	}
	if _, err := ParseRefPattern("refs/notes/deployments"); err != nil {
		t.Errorf("notes: %v", err)
	}
}

func TestRefOverlaps(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"refs/heads/a", "refs/heads/a", true},
		{"refs/heads/a", "refs/heads/A", true},
		{"refs/heads/a", "refs/heads/b", false},
		{"refs/heads/*", "refs/heads/b", true},
		{"refs/heads/*", "refs/Heads/b/c", true},
		{"refs/heads/r/*", "refs/heads/r", false},
		{"refs/heads/r/*", "refs/heads/rs/x", false},
		{"refs/heads/r/*", "refs/heads/R/s/*", true},
		{"refs/heads/r/*", "refs/heads/rs/*", false},
		{"refs/heads/*", "refs/tags/*", false},
	} {
		p, q := ref(t, test.a), ref(t, test.b)
		if p.overlaps(q) != test.want || q.overlaps(p) != test.want {
			t.Errorf("%s and %s: overlap is %v and %v, want %v", test.a, test.b, p.overlaps(q), q.overlaps(p), test.want)
		}
	}
}
