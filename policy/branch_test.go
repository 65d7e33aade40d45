package policy

import (
	"reflect"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/text"
)

func TestBranchPattern(t *testing.T) {
	const usual = "refs/heads/{ticket:[A-Z]+-[0-9]+}*"
	long := strings.Repeat("x", maxBranch)
	for _, test := range []struct{ pattern, branch, want string }{
		{usual, "JIRA-123", "JIRA-123"},
		{usual, "JIRA-123-round-to-cents", "JIRA-123"},
		{usual, "JIRA-123/round/to/cents", "JIRA-123"},
		{usual, "JIRA-1234", "JIRA-1234"},
		{usual, "JIRA-123ü", "JIRA-123"},
		{usual, "JIRA-123;rm$(x)", "JIRA-123"},
		{usual, "feature/JIRA-123", "no"},
		{usual, "jira-123", "no"},
		{usual, "JIRA-", "no"},
		{usual, "JIRA-１２３", "no"},
		{usual, "JІRA-123", "no"}, // a Cyrillic letter
		{usual, "", "no"},
		{usual, "JIRA-123\n", "no"},
		{usual, "JIRA-123\nsuccess: deployed", "no"},
		{usual, "JIRA-123\x1b]0;x\x07", "no"},
		{usual, "JIRA-123\u202e", "no"},
		{usual, "JIRA-123\u200b", "no"},
		{usual, "JIRA-123\xff", "no"},
		{usual, "JIRA-123 x", "no"},
		{usual, "JIRA-123..x", "no"},
		{usual, "JIRA-123.lock", "no"},
		{usual, "JIRA-123/", "no"},
		{usual, "JIRA-123//x", "no"},
		{usual, "JIRA-123@{1}", "no"},
		{usual, "JIRA-1" + long[7:] + "x", "JIRA-1"},
		{usual, "JIRA-1" + long[6:] + "x", "no"},
		{usual, "JIRA-1" + strings.Repeat("/x", 1<<20), "no"},
		{"refs/heads/{ticket:[A-Z]+-[0-9]+}", "JIRA-123", "JIRA-123"},
		{"refs/heads/{ticket:[A-Z]+-[0-9]+}", "JIRA-123-x", "no"},
		{"refs/heads/feature/{ticket:[0-9]{1,6}}-*", "feature/123-round", "123"},
		{"refs/heads/feature/{ticket:[0-9]{1,6}}-*", "feature/123-", "123"},
		{"refs/heads/feature/{ticket:[0-9]{1,6}}-*", "feature/1234567-x", "no"},
		{"refs/heads/{ticket:(?i)jira-(\\d+)}*", "Jira-7", "Jira-7"},
		{"refs/heads/{ticket:(?i)jira-(\\d+)}/Fix", "JIRA-7/fix", "no"},
		{"refs/heads/{ticket:A-1|B-2}", "A-1", "A-1"},
		{"refs/heads/{ticket:A-1|B-2}", "B-2", "B-2"},
		{"refs/heads/{ticket:A-1|B-2}x", "A-1", "no"},
		{"refs/heads/{ticket:[A-Z/]+}/*", "A/B/c", "A/B"},
		{"refs/heads/a.b/{ticket:[0-9]+}", "axb/1", "no"},
		{"refs/heads/{ticket:.+}", "reset", "no"},
		{"refs/heads/{ticket:.+}", "HEAD", "no"},
		{"refs/heads/{ticket:.+}", "-d", "no"},
		{"refs/heads/{ticket:.+}", "Reset", "Reset"},
		{"refs/heads/{ticket:.+}", "reset/x", "reset/x"},
		{"refs/heads/{ticket:ä+}*", "ääb", "ää"},
		{"refs/heads/{ticket:\\{[0-9]+\\}}", "{12}", "{12}"},
		{"refs/heads/*", "any/thing", ""},
		{"refs/heads/*", "reset", "no"},
		{"refs/heads/*", "", "no"},
		{"refs/heads/feature/*", "feature/x/y", ""},
		{"refs/heads/feature/*", "feature", "no"},
		{"refs/heads/feature/*", "feature/", "no"},
		{"refs/heads/feature*", "feature", ""},
		{"refs/heads/next", "next", ""},
		{"refs/heads/next", "next/x", "no"},
		{"refs/heads/next", "Next", "no"},
	} {
		p, err := ParseBranchPattern(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		ticket, ok := p.Match(RefName("refs/heads/" + test.branch))
		if !ok && ticket != "" {
			t.Errorf("%s: %.60q is no match with the ticket %q", test.pattern, test.branch, ticket)
		}
		if !ok {
			ticket = "no"
		}
		if ticket != test.want {
			t.Errorf("%s: %.60q is %q, want %q", test.pattern, test.branch, ticket, test.want)
		}
		if p.String() != test.pattern {
			t.Errorf("%s is written %s", test.pattern, p)
		}
		for _, name := range []string{test.branch, "refs/tags/" + test.branch, "x/refs/heads/" + test.branch} {
			if _, ok := p.Match(RefName(name)); ok {
				t.Errorf("%s: %.60q matches", test.pattern, name)
			}
		}
	}
	if ticket, ok := (BranchPattern{}).Match("refs/heads/x"); ok || ticket != "" || (BranchPattern{}).Example() != "" {
		t.Error("the zero pattern matches")
	}
}

func TestBranchExample(t *testing.T) {
	for _, test := range []struct{ pattern, want string }{
		{"refs/heads/{ticket:[A-Z]+-[0-9]+}*", "JIRA-123"},
		{"refs/heads/feature/{ticket:[A-Z]+-[0-9]+}-*", "feature/JIRA-123-fix"},
		{"refs/heads/feature/{ticket:[A-Z]+-[0-9]+}/*", "feature/JIRA-123/fix"},
		{"refs/heads/JIRA-{ticket:[0-9]+}*", "JIRA-123"},
		{"refs/heads/{ticket:[A-Z]{3}-[0-9]{1,6}}", "ABC-123"},
		{"refs/heads/{ticket:(?:SHOP|PAY)-\\d{4}}*", "SHOP-1111"},
		{"refs/heads/{ticket:#\\d+}*", "#123"},
		{"refs/heads/{ticket:ä}*", "ä"},
		{"refs/heads/{ticket:x(?i)y?z+}", "xYZ"},
		{"refs/heads/{ticket:\\bA\\b}.*", "A.fix"},
		{"refs/heads/{ticket:reset|[a-c]{5}}", "aaaaa"},
		{"refs/heads/{ticket:[^a-zA-Z0-9_/-]+}", "!"},
		{"refs/heads/{ticket:[\\x{1F600}-\\x{1F64F}]}", "😀"},
		{"refs/heads/*", "JIRA-123"},
		{"refs/heads/feature/*", "feature/JIRA-123"},
		{"refs/heads/feature-*", "feature-123"},
		{"refs/heads/reset*", "resetx"},
		{"refs/heads/next", "next"},
	} {
		p, err := ParseBranchPattern(test.pattern)
		if err != nil || p.Example() != test.want {
			t.Errorf("%s: example %q, %v; want %q", test.pattern, p.Example(), err, test.want)
		}
	}
}

func TestBranchPatternErrors(t *testing.T) {
	for _, test := range []struct{ pattern, want string }{
		{"", "branch pattern is empty"},
		{"JIRA-*", `"JIRA-*" does not begin with refs/heads/: only branches can be released`},
		{"refs/tags/*", `"refs/tags/*" does not begin with refs/heads/: only branches can be released`},
		{"Refs/heads/*", `"Refs/heads/*" does not begin with refs/heads/: only branches can be released`},
		{"refs/heads/\u202e*", `"refs/heads/\u202e*" holds a character that does not print`},
		{"refs/heads/", `"refs/heads/" can match no branch: git refuses such a name`},
		{"refs/heads/a b", `"refs/heads/a b" can match no branch: git refuses such a name`},
		{"refs/heads/a..*", `"refs/heads/a..*" can match no branch: git refuses such a name`},
		{"refs/heads/{ticket:x}.lock", `"refs/heads/{ticket:x}.lock" can match no branch: git refuses such a name`},
		{"refs/heads/*/x", `"refs/heads/*/x" has a "*" that does not stand at its end`},
		{"refs/heads/**", `"refs/heads/**" has a "*" that does not stand at its end`},
		{"refs/heads/*{ticket:x}", `"refs/heads/*{ticket:x}" has a "*" that does not stand at its end`},
		{"refs/heads/{service}", `"refs/heads/{service}" has a brace that is not part of {ticket:...}`},
		{"refs/heads/{ticket}", `"refs/heads/{ticket}" has a brace that is not part of {ticket:...}`},
		{"refs/heads/{ticket:x}}", `"refs/heads/{ticket:x}}" has a brace that is not part of {ticket:...}`},
		{"refs/heads/{ticket:x}{ticket:y}", `{ticket:...} stands more than once in "refs/heads/{ticket:x}{ticket:y}"`},
		{"refs/heads/{ticket:x{1}", `{ticket: is not closed in "refs/heads/{ticket:x{1}": braces in it must be balanced or written as \{ and \}`},
		{"refs/heads/{ticket:}", `the ticket of "refs/heads/{ticket:}" asks for nothing: it matches an empty text`},
		{"refs/heads/{ticket:[0-9]*}", `the ticket of "refs/heads/{ticket:[0-9]*}" asks for nothing: it matches an empty text`},
		{"refs/heads/{ticket:a)(b}", "the ticket of \"refs/heads/{ticket:a)(b}\" is not a regular expression that RE2 takes: error parsing regexp: unexpected ): `a)(b`"},
		{"refs/heads/{ticket:^x}", `no branch name was found that fits "refs/heads/{ticket:^x}"`},
		{"refs/heads/{ticket:x$}y", `no branch name was found that fits "refs/heads/{ticket:x$}y"`},
		{"refs/heads/{ticket:[^\\x00-\\x{10FFFF}]}", `no branch name was found that fits "refs/heads/{ticket:[^\x00-\x{10FFFF}]}"`},
		{"refs/heads/{ticket:x{300}}", `no branch name was found that fits "refs/heads/{ticket:x{300}}"`},
		{"refs/heads/{ticket:[ ~^:?]}", `no branch name was found that fits "refs/heads/{ticket:[ ~^:?]}"`},
		{"refs/heads/reset", `no branch name was found that fits "refs/heads/reset"`},
		{"refs/heads/HEAD", `no branch name was found that fits "refs/heads/HEAD"`},
		{"refs/heads/-x*", `no branch name was found that fits "refs/heads/-x*"`},
	} {
		p, err := ParseBranchPattern(test.pattern)
		if err == nil || err.Error() != test.want || !reflect.DeepEqual(p, BranchPattern{}) {
			t.Errorf("%q:\n%v, want\n%s", test.pattern, err, test.want)
		}
	}
}

func FuzzBranchPattern(f *testing.F) {
	for _, pattern := range []string{
		"refs/heads/{ticket:[A-Z]+-[0-9]+}*", "refs/heads/{ticket:(?i)jira-(\\d{1,3}|x)}/*", "refs/heads/{ticket:\\Qa\\E|\\{}",
		"refs/heads/*", "refs/heads/next", "refs/heads/{ticket:a)(b}*", "refs/heads/{ticket:[^a]{2,}?}x*",
	} {
		for _, ref := range []string{"refs/heads/JIRA-123", "refs/heads/reset", "refs/heads/a\nb", "refs/heads/-x", "refs/heads/ä/b"} {
			f.Add(pattern, ref)
		}
	}
	f.Fuzz(func(t *testing.T, pattern, ref string) {
		p, err := ParseBranchPattern(pattern)
		if err != nil {
			if _, ok := p.Match(RefName(ref)); ok || p.Example() != "" || !text.Printable(err.Error()) {
				t.Fatalf("%q: %v, and the pattern is %+v", pattern, err, p)
			}
			return
		}
		if again, err := ParseBranchPattern(p.String()); err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("%q: a second time %+v, %v", pattern, again, err)
		}
		checkBranch(t, p, "refs/heads/"+p.Example())
		if _, ok := p.Match(RefName(ref)); ok {
			checkBranch(t, p, ref)
		}
	})
}

// checkBranch checks what holds for each branch that a pattern matches.
func checkBranch(t *testing.T, p BranchPattern, ref string) {
	t.Helper()
	ticket, ok := p.Match(RefName(ref))
	branch, below := strings.CutPrefix(ref, "refs/heads/")
	switch {
	case !ok:
		t.Fatalf("%q does not match its example %q", p, ref)
	case !below || branch == "" || branch == "reset" || branch[0] == '-' || len(branch) > maxBranch:
		t.Fatalf("%q matches %q", p, ref)
	case !ValidRefName(RefName(ref)) || !text.Printable(ref):
		t.Fatalf("%q matches %q, which is no name", p, ref)
	case !strings.HasPrefix(ref, p.head+ticket):
		t.Fatalf("%q: the ticket of %q is %q", p, ref, ticket)
	case (ticket == "") == strings.Contains(p.String(), ticketOpen):
		t.Fatalf("%q: the ticket of %q is %q", p, ref, ticket)
	}
}
