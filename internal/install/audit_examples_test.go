package install_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// auditKeys are the keys of each shipper's configuration that its documents
// have, as far as the examples use them: vector.dev/docs/reference/configuration,
// docs.fluentbit.io/manual (service, parsers, tail, syslog, file) and
// elastic.co/docs/reference/beats/filebeat (filestream, unix, syslog, timestamp).
func auditKeys() map[string][]string {
	return map[string][]string{
		"vector.yaml": {"data_dir", "sources", "transforms", "sinks",
			"type", "include", "read_from", "max_line_bytes", "fingerprint", "strategy", // sources.file
			"mode", "path", "max_length", // sources.socket
			"inputs", "source", // transforms.remap
			"encoding", "codec", // sinks.file
			"ledger", "messages", "entries", "parsed", "out"}, // names of our choice
		"fluent-bit.yaml": {"service", "flush", "log_level", "parsers", "pipeline", "inputs", "outputs",
			"name", "format", "time_key", "time_format", "time_keep", "regex",
			"tag", "path", "parser", "db", "read_from_head", "buffer_chunk_size", "buffer_max_size",
			"mode", "unix_perm", "match"},
		"filebeat.yml": {"filebeat.inputs", "type", "id", "paths", "file_identity.fingerprint",
			"prospector.scanner.fingerprint.enabled", "prospector.scanner.fingerprint.length",
			"parsers", "ndjson", "target", "add_error_key",
			"processors", "timestamp", "field", "layouts", "test", "syslog", "format",
			"path", "socket_type", "mode", "max_message_size", "output.file", "filename"},
	}
}

// TestAuditConfigurations checks what can be checked of configurations whose
// programs are not here: they are indented as YAML, their keys are documented,
// none comes twice in a block, and they read what pathgate writes.
func TestAuditConfigurations(t *testing.T) {
	key := regexp.MustCompile(`^((?:- )?)([a-z_.]+):(?: (.*))?$`)
	for name, keys := range auditKeys() {
		text := read(t, repository(t), "examples", "audit", name)
		literal := -1 // the indentation of a key whose value is a block of text
		for i, line := range strings.Split(text, "\n") {
			bare := strings.TrimLeft(line, " ")
			indent := len(line) - len(bare)
			if bare == "" || strings.HasPrefix(bare, "#") || literal >= 0 && indent > literal {
				continue
			}
			literal = -1
			if strings.ContainsAny(line, "\t\r") || indent%2 != 0 || strings.TrimRight(line, " ") != line {
				t.Errorf("%s:%d: indented by other than pairs of spaces: %q", name, i+1, line)
			}
			m := key.FindStringSubmatch(bare)
			switch {
			case m == nil && strings.HasPrefix(bare, "- "):
				continue
			case m == nil:
				t.Errorf("%s:%d: neither a key nor an element: %q", name, i+1, line)
				continue
			case !slices.Contains(keys, m[2]):
				t.Errorf("%s:%d: %s has no key %s", name, i+1, name, m[2])
			case m[3] == "|":
				literal = indent
			}
		}
		for _, want := range []string{"/var/lib/pathgate/ledger.jsonl", "/run/pathgate/syslog"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not read %s", name, want)
			}
		}
	}
}

// The expression by which Fluent Bit takes a message apart fits what is sent.
func TestAuditFluentBitExpression(t *testing.T) {
	text := read(t, repository(t), "examples", "audit", "fluent-bit.yaml")
	_, rest, ok := strings.Cut(text, "regex: '")
	expression, _, _ := strings.Cut(rest, "'\n")
	// Ruby's names of groups, and its escapes of < and >, in Go's spelling.
	expression = strings.NewReplacer(`(?<`, `(?P<`, `\<`, `<`, `\>`, `>`).Replace(expression)
	re, err := regexp.Compile(expression)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	message := `<85>1 2026-11-21T09:14:07.123456Z host pathgate 42 deployed [pathgate@32473 seq="12" subject="say \"hi\] \\"] deployed "x] y"`
	m := re.FindStringSubmatch(message)
	if m == nil {
		t.Fatalf("%s does not match %s", expression, message)
	}
	for name, want := range map[string]string{"pri": "85", "time": "2026-11-21T09:14:07.123456Z", "ident": "pathgate",
		"msgid": "deployed", "extradata": `[pathgate@32473 seq="12" subject="say \"hi\] \\"]`, "message": `deployed "x] y"`} {
		if got := m[re.SubexpIndex(name)]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// The table [audit] of the example, with all its keys at work, is sound in the
// policy of an example.
func TestAuditPolicy(t *testing.T) {
	table := read(t, repository(t), "examples", "audit", "policy.toml")
	base := read(t, repository(t), "examples", "three-repositories", "policy.toml")
	for _, text := range []string{table, regexp.MustCompile(`(?m)^#([a-z])`).ReplaceAllString(table, "$1")} {
		p, err := policy.Parse("policy.toml", []byte(base+"\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		if p.Audit.Syslog != (policy.SyslogAddress{Network: "unix", Address: "/run/pathgate/syslog"}) {
			t.Errorf("%+v", p.Audit)
		}
	}
}

// The README names every file of the folder.
func TestAuditReadmeListsFiles(t *testing.T) {
	dir := filepath.Join(repository(t), "examples", "audit")
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	readme := read(t, dir, "README.md")
	for _, f := range files {
		if f.Name() != "README.md" && !strings.Contains(readme, "| `"+f.Name()+"` |") {
			t.Errorf("README.md does not list %s", f.Name())
		}
	}
}
