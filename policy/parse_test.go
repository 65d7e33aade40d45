package policy

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/errors")

// TestErrors reads each policy of testdata/errors and compares all that is
// reported, with its carets.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { testErrors(t, file) })
	}
}

func testErrors(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.Files) != 2 || archive.Files[0].Name != "policy.toml" || archive.Files[1].Name != "want" {
		t.Fatal("want the files policy.toml and want")
	}
	p, err := Parse("some/folder/policy.toml", archive.Files[0].Data)
	var es Errors
	if p != nil || !errors.As(err, &es) || len(es) == 0 {
		t.Fatalf("Parse = %v, %v; want Errors", p, err)
	}
	var got strings.Builder
	for _, e := range es {
		got.WriteString(e.Error() + "\n")
		for line := range strings.SplitSeq(e.Excerpt(), "\n") {
			got.WriteString("    " + line + "\n")
		}
	}
	if *update {
		archive.Files[1].Data = []byte(got.String())
		if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := string(archive.Files[1].Data); got.String() != want {
		t.Errorf("got:\n%swant:\n%s", got.String(), want)
	}
}

// TestUnreadable has the files that a txtar archive cannot hold.
func TestUnreadable(t *testing.T) {
	for _, test := range []struct{ name, data, want string }{
		{"empty", "", "policy.toml:1:1: the file is empty: it sets no key"},
		{"comments only", "# x\n\n", "policy.toml:1:1: the file is empty: it sets no key"},
		{"byte order mark", "\uFEFF" + issuePolicy, "policy.toml:1:1: the file begins with a byte order mark: save it as UTF-8 without one"},
		{"UTF-16", "\xff\xfev\x00", "policy.toml:1:1: byte 0xff is not valid UTF-8"},
		{"Latin-1", "version = 1 # Gr\xf6\xdfe", "policy.toml:1:17: byte 0xf6 is not valid UTF-8"},
		{"NUL", "version = 1\nroot = \"\x00\"", "policy.toml:2:9: control character 0x00"},
		{"escape", "# \x1b[31m", "policy.toml:1:3: control character 0x1b"},
		{"lone carriage return", "version = 1\rroot = 2", "policy.toml:1:12: control character 0x0d"},
		{"too large", strings.Repeat("#\n", maxSize/2+1), "policy.toml:1:1: the file is larger than 1048576 bytes"},
		{"long line", "\n" + strings.Repeat("#", maxLine+1), "policy.toml:2:1: the line is longer than 16384 bytes"},
		{"deep", "a = " + strings.Repeat("[", maxLine/2), "policy.toml:1:105: nested more than 100 deep"},
		{"deep key", strings.Repeat("a.", 150) + "a = 1", "policy.toml:1:201: nested more than 100 deep"},
		{"deep header", "[" + strings.Repeat("a.", 150) + "a]", "policy.toml:1:202: nested more than 100 deep"},
		{"deep tables", strings.Repeat("a.b.c.d = {\n", 30), "policy.toml:26:11: nested more than 100 deep"},
		{"no end", `root = "/srv`, `policy.toml:1:12: unexpected EOF; expected '"'`},
	} {
		_, err := Parse("policy.toml", []byte(test.data))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
}

func TestParseIssuePolicy(t *testing.T) {
	p := mustParse(t, issuePolicy)
	if p.File != "policy.toml" || p.Root != "/srv/git" || p.Ledger != "/var/lib/pathgate" ||
		p.Unlisted != UnlistedRefuse || p.Source != "ssh" || len(p.Hash) != 64 {
		t.Errorf("policy %+v", p)
	}
	var names []EnvironmentName
	for _, e := range p.Environments {
		names = append(names, e.Name)
		if e.AfterMatch != AfterAll || e.Rollback != RollbackDeployed {
			t.Errorf("%s: defaults %s, %s", e.Name, e.AfterMatch, e.Rollback)
		}
	}
	if !reflect.DeepEqual(names, []EnvironmentName{"dev", "stg", "prd"}) {
		t.Errorf("path %v", names)
	}
	prd, _ := p.Environment("prd")
	for key, want := range map[string]string{
		"after":       "environments.prd.after, policy.toml:21",
		"rollback":    "environments.prd.rollback, policy.toml:22",
		"after_match": "environments.prd.after_match, policy.toml:18",
	} {
		if got := prd.RulePlace(key); got != want {
			t.Errorf("RulePlace(%s) = %s, want %s", key, got, want)
		}
	}
}

// TestDocumented compares the policy that is tested with the one that the package
// comment and the examples show.
func TestDocumented(t *testing.T) {
	comment := "//\t" + strings.ReplaceAll(strings.TrimSuffix(issuePolicy, "\n"), "\n", "\n//\t") + "\n"
	for file, want := range map[string]string{
		"doc.go":          strings.ReplaceAll(comment, "//\t\n", "//\n"),
		"example_test.go": "`" + issuePolicy + "`",
	} {
		data, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s does not have the policy: %v", file, err)
		}
	}
}

// TestParseForms has the same policy in other forms of TOML.
func TestParseForms(t *testing.T) {
	const inline = `
identity.source = 'ssh'
root = """
/srv/git"""
version = 1
ledger = "/var/lib/pathg\u0061te"
unlisted = 'allow'
[environments]
"prd.eu" = {repository = "{service}/prd.git", refs = ["refs/heads/main"], after = ["dev"], after_match = "any", rollback = "none"}
dev.repository = "{service}/dev.git"
dev.refs = [
  "refs/heads/release/*", # all
]
`
	p := mustParse(t, inline)
	if p.Root != "/srv/git" || p.Ledger != "/var/lib/pathgate" || p.Unlisted != UnlistedAllow {
		t.Errorf("policy %+v", p)
	}
	if len(p.Environments) != 2 || p.Environments[0].Name != "dev" || p.Environments[1].Name != "prd.eu" {
		t.Fatalf("environments %v", p.Environments)
	}
	prd := p.Environments[1]
	if prd.AfterMatch != AfterAny || prd.Rollback != RollbackNone {
		t.Errorf("prd.eu: %+v", prd)
	}
	if got, want := prd.RulePlace("after"), `environments."prd.eu".after, policy.toml:9`; got != want {
		t.Errorf("RulePlace = %s, want %s", got, want)
	}
}

// TestOrder draws the path as NAME<PRIOR,PRIOR in the order of the file.
func TestOrder(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"a b c", "a b c"},
		{"c<b b<a a", "a b c"},
		{"z<a y<a a", "a z y"},
		{"d<b,c c<a b<a a", "a c b d"},
		{"p q<p r s<r,q t", "p q r s t"},
	} {
		p := mustParse(t, pathOf(test.file))
		var got []string
		for _, e := range p.Environments {
			got = append(got, string(e.Name))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: order %v, want %s", test.file, got, test.want)
		}
	}
}

func TestCycles(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"a<b b<a", "cycle: a after b after a"},
		{"x a<c b<a c<b", "cycle: a after c after b after a"},
		{"c<a a<b b<a", "cycle: a after b after a"},
		{"a<b b<a c<d d<c", "cycle: a after b after a; cycle: c after d after c"},
		{"a<b,c b<a c<a", "cycle: a after b after a; cycle: a after c after a"},
	} {
		_, err := Parse("p", []byte(pathOf(test.file)))
		var es Errors
		errors.As(err, &es)
		var got []string
		for _, e := range es {
			got = append(got, e.Msg)
		}
		if strings.Join(got, "; ") != test.want {
			t.Errorf("%s: got %v, want %s", test.file, got, test.want)
		}
	}
}

// pathOf writes the policy file of a path drawn as in TestOrder.
func pathOf(drawing string) string {
	file := "version = 1\nroot = '/r'\nledger = '/l'\nidentity.source = 'ssh'\n"
	for stage := range strings.FieldsSeq(drawing) {
		name, after, ok := strings.Cut(stage, "<")
		file += "[environments." + name + "]\nrepository = '{service}/" + name + ".git'\nrefs = ['refs/heads/main']\n"
		if ok {
			file += "after = ['" + strings.ReplaceAll(after, ",", "', '") + "']\n"
		}
	}
	return file
}

func mustParse(t testing.TB, src string) *Policy {
	t.Helper()
	p, err := Parse("etc/policy.toml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("a", 70) + "X" + strings.Repeat("b", 70)
	for _, test := range []struct {
		source string
		column int
		want   string
	}{
		{"a = 1", 5, "a = 1\n    ^"},
		{"\ta\t= 1", 4, "    a    = 1\n         ^"},
		{"ä = 1", 3, "ä = 1\n ^"},
		{"価\u0301\u202e\x1b\xff = 1", 10, "????? = 1\n    ^"},
		{"a", 99, "a\n ^"},
		{"", 0, "\n^"},
		{long, 71, "..." + strings.Repeat("a", 57) + "X" + strings.Repeat("b", 36) + "...\n" + strings.Repeat(" ", 60) + "^"},
	} {
		e := Error{Place: Place{Line: 1, Column: test.column}, Source: test.source}
		if got := e.Excerpt(); got != test.want {
			t.Errorf("%q column %d:\n%s\nwant\n%s", test.source, test.column, got, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range tomlSeeds() {
		f.Add([]byte(seed))
	}
	f.Add([]byte(guardedPolicy))
	files, _ := filepath.Glob("testdata/*/*.txtar")
	for _, file := range files {
		if archive, err := txtar.ParseFile(file); err == nil {
			f.Add(archive.Files[0].Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("policy.toml", data)
		if err != nil {
			checkErrors(t, p, err)
			return
		}
		if again, err := Parse("policy.toml", data); err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("a second time: %+v, %v", again, err)
		}
		checkPolicy(t, p)
	})
}

// checkErrors checks the form of what Parse reports.
func checkErrors(t *testing.T, p *Policy, err error) {
	es, ok := err.(Errors)
	if p != nil || !ok || len(es) == 0 {
		t.Fatalf("Parse = %v, %v", p, err)
	}
	for i, e := range es {
		if e.Place.Line < 1 || e.Place.Column < 1 || e.Msg == "" || strings.Contains(e.Error(), "\n") ||
			strings.Count(e.Excerpt(), "\n") != 1 {
			t.Fatalf("error %+v", e)
		}
		if last := es[max(i-1, 0)].Place; last.Line > e.Place.Line {
			t.Fatalf("errors out of order: %v", err)
		}
	}
}

// checkPolicy checks what every sound policy has.
func checkPolicy(t *testing.T, p *Policy) {
	if len(p.Environments) == 0 || EnvironmentVariable(p.Source) == "" {
		t.Fatalf("policy %+v", p)
	}
	before := map[EnvironmentName]bool{}
	for _, e := range p.Environments {
		for _, a := range e.After {
			if !before[a] {
				t.Fatalf("%s comes before %s", e.Name, a)
			}
		}
		before[e.Name] = true
		if e.Elsewhere != nil {
			checkRemote(t, p, e)
			continue
		}
		site, ok := p.Site(e.Repository.Path("shop"))
		if !ok || len(e.Refs) == 0 || site.Service != "shop" {
			t.Fatalf("%s: site %+v, %v", e.Name, site, ok)
		}
		checkGuards(t, p, e)
		ref := RefName(e.Refs[0].Prefix())
		if !e.Refs[0].Exact() {
			ref += "x"
		}
		if found, ok := site.Environment(ref); !ok || found != e || !ValidRefName(ref) {
			t.Fatalf("%s: ref %s belongs to %v", e.Name, ref, found)
		}
	}
}
