package install_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// documents are what people read, and scripts that call pathgate.
func documents(t *testing.T) []string {
	t.Helper()
	root := repository(t)
	files := []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "install.sh", "internal/command/help-push.txt",
		"internal/command/help-codes.txt", "internal/command/reference.toml"}
	for _, pattern := range []string{"examples/*/*", "internal/command/help-*.txt"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(files, name) {
				files = append(files, name)
			}
		}
	}
	return files
}

// listed are the commands or pages that a help page lists under a heading.
func listed(t *testing.T, page, heading string) []string {
	t.Helper()
	_, list, ok := strings.Cut(page, heading+":\n")
	if !ok {
		t.Fatalf("the help page has no heading %q:\n%s", heading, page)
	}
	list, _, _ = strings.Cut(list, "\n\n")
	var names []string
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if fields[0] == "pathgate" {
			fields = fields[1:]
		}
		names = append(names, fields[0])
	}
	return names
}

// code is what a document means to be typed: of Markdown the code, of
// anything else all of it.
func code(file, text string) string {
	if filepath.Ext(file) != ".md" {
		return text
	}
	var out strings.Builder
	for _, m := range regexp.MustCompile("(?s)\n```[a-z]*\n(.*?)\n```\n|`([^`\n]+)`").FindAllStringSubmatch(text, -1) {
		out.WriteString(m[1] + m[2] + "\n")
	}
	return out.String()
}

// verbPattern finds where a line calls pathgate.
const verbPattern = `(?m)^[#\s]*(?:well |\$|[a-z]+=\$\(|sudo -u git |sudo )?pathgate ([a-z]+)(?: ([a-z][a-z-]*))?`

// groups are the verbs that have verbs below them.
func groups() []string { return []string{"ledger", "stamp", "witness"} }

// TestVerbs checks that every "pathgate VERB" of the documents exists, and
// that every verb is in some document.
func TestVerbs(t *testing.T) {
	pathgate := filepath.Join(installed(t), "bin", "pathgate")
	root := must(t, t.TempDir(), nil, pathgate, "help")
	verbs := listed(t, root, "Available Commands")
	pages := append(listed(t, root, "Additional help topics"), verbs...)
	below := map[string][]string{}
	for _, group := range groups() {
		below[group] = listed(t, must(t, t.TempDir(), nil, pathgate, "help", group), "Available Commands")
	}
	call := regexp.MustCompile(verbPattern)
	seen := map[string]bool{}
	for _, file := range documents(t) {
		for _, m := range call.FindAllStringSubmatch(code(file, read(t, repository(t), file)), -1) {
			seen[m[1]] = true
			switch {
			case !slices.Contains(pages, m[1]):
				t.Errorf("%s: there is no verb in %q", file, m[0])
			case below[m[1]] != nil && m[2] != "" && !slices.Contains(below[m[1]], m[2]):
				t.Errorf("%s: there is no verb in %q", file, m[0])
			case m[1] == "help" && m[2] != "" && !slices.Contains(pages, m[2]) && !strings.Contains(read(t, repository(t), "internal", "command", "help-codes.txt"), "\n"+m[2]+" "):
				t.Errorf("%s: there is no page in %q", file, m[0])
			}
		}
	}
	for _, verb := range verbs {
		if !seen[verb] {
			t.Errorf("no document shows pathgate %s", verb)
		}
	}
}

// TestFlags checks that every flag that a document gives a verb exists.
func TestFlags(t *testing.T) {
	pathgate := filepath.Join(installed(t), "bin", "pathgate")
	call, flag := regexp.MustCompile(verbPattern+`.*`), regexp.MustCompile(`--[a-z]+`)
	checked := 0
	for _, file := range documents(t) {
		for _, m := range call.FindAllStringSubmatch(code(file, read(t, repository(t), file)), -1) {
			verb := m[1:2]
			if slices.Contains(groups(), m[1]) {
				verb = m[1:3]
			}
			for _, f := range flag.FindAllString(m[0], -1) {
				help := must(t, t.TempDir(), nil, pathgate, append([]string{"help"}, verb...)...)
				if !regexp.MustCompile(f + `\b`).MatchString(help) {
					t.Errorf("%s: %q: there is no flag %s", file, m[0], f)
				}
				checked++
			}
		}
	}
	if checked < 8 {
		t.Errorf("only %d flags were found in the documents", checked)
	}
}

// TestLinks checks that what the documents point to in this repository exists.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
	for _, file := range documents(t) {
		if filepath.Ext(file) != ".md" {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(read(t, repository(t), file), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(repository(t), filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s points to %s, which is not there", file, m[1])
			}
		}
	}
}

// TestREADMEPolicies parses the policies that README.md shows for the two ways
// of working.
func TestREADMEPolicies(t *testing.T) {
	pathgate := filepath.Join(installed(t), "bin", "pathgate")
	readme, checked := read(t, repository(t), "README.md"), 0
	for n := range strings.Count(readme, "\n```toml\n") {
		text := block(t, readme, "toml", n)
		if !strings.HasPrefix(text, "version = ") {
			continue // a part of one
		}
		policy := filepath.Join(t.TempDir(), "policy.toml")
		if err := os.WriteFile(policy, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		must(t, t.TempDir(), nil, pathgate, "check", policy)
		checked++
	}
	if checked != 2 {
		t.Errorf("README.md shows %d policies, want two", checked)
	}
}

// TestTestCommand checks that README.md and .ci/run test by the same line.
func TestTestCommand(t *testing.T) {
	const command = "go test -tags postgres -timeout 20m ./..."
	if readme := read(t, repository(t), "README.md"); !strings.Contains(block(t, readme, "sh", 0), "\n"+command) {
		t.Errorf("the first commands in README.md do not have %q", command)
	}
	if ci := read(t, repository(t), ".ci", "run"); !strings.Contains(ci, "\n"+command+"\n") {
		t.Errorf(".ci/run has no line %q", command)
	}
}

// TestCodes checks that "pathgate help codes" explains exactly the codes that
// the policy can refuse with, in their order.
func TestCodes(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(repository(t), "policy", "code.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, code)
		return true
	})
	var have []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+) {2,}`).FindAllStringSubmatch(read(t, repository(t), "internal", "command", "help-codes.txt"), -1) {
		have = append(have, m[1])
	}
	if len(want) == 0 || !slices.Equal(have, want) {
		t.Errorf("help-codes.txt explains %q, code.go has %q", have, want)
	}
}

// TestExitCodes checks that README.md lists the exit statuses as the command
// does.
func TestExitCodes(t *testing.T) {
	pathgate := filepath.Join(installed(t), "bin", "pathgate")
	dir := t.TempDir()
	sound, wrong := filepath.Join(dir, "sound.toml"), filepath.Join(dir, "wrong.toml")
	for file, text := range map[string]string{sound: read(t, repository(t), "internal", "command", "reference.toml"), wrong: "version = 2\n"} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	readme := read(t, repository(t), "README.md")
	for want, args := range map[int][]string{
		0: {"check", sound},
		1: {"check", wrong},
		2: {"chek", sound},
		3: {"check", filepath.Join(dir, "absent.toml")},
	} {
		out, status, err := execute(dir, nil, pathgate, args...)
		if err != nil || status != want {
			t.Errorf("pathgate %q: status %d, %v, want %d\n%s", args, status, err, want, out)
		}
		if !strings.Contains(readme, "\n| "+strconv.Itoa(want)+" |") {
			t.Errorf("README.md does not list exit status %d", want)
		}
	}
}

// readmeIsTrue holds an example's README.md, which shows so many outputs or
// more, to what people were told in its story.
func readmeIsTrue(t *testing.T, file, shown string, atLeast int) {
	t.Helper()
	shown, readme := anonymous(shown), read(t, file)
	blocks := strings.Count(readme, "\n```console\n")
	for n := range blocks {
		text := block(t, readme, "console", n)
		if line, rest, _ := strings.Cut(text, "\n"); strings.HasPrefix(line, "$ ") {
			text = rest
		}
		if !strings.Contains(shown, anonymous(text)) {
			t.Errorf("%s shows what nobody was told:\n%s", file, text)
		}
	}
	if blocks < atLeast {
		t.Errorf("%s shows %d outputs, not %d", file, blocks, atLeast)
	}
}

// treePattern is where a receipt says how the ledger stands: the size of its
// tree and the beginning of the root, which is another every time.
const treePattern = `\bledger \d+ [0-9A-Za-z+/]{10}`

// anonymous leaves out of an output what is another every time.
func anonymous(s string) string {
	for _, r := range []struct{ pattern, with string }{
		{`\d{4}-\d\d-\d\d \d\d:\d\d UTC`, "TIME"},
		{`\b[0-9a-f]{40}\b|\b[0-9a-f]{7}\b`, "ID"},
		{`record \d+`, "record N"},
		{treePattern, "ledger TREE"},
		{`\d+s of 2h, 1h5\dm left`, "LEFT"},
		{` +\n`, "\n"},
	} {
		s = regexp.MustCompile(r.pattern).ReplaceAllString(s, r.with)
	}
	return s
}
