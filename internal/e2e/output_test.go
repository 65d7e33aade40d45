package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"
)

// A noise is what differs from run to run, and what stands in its place.
type noise struct {
	pattern *regexp.Regexp
	instead string
}

var noises = []noise{
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( UTC|Z|\b)`), "TIME"},
	{regexp.MustCompile(`\bpush [0-9a-zA-Z]{8,}\b`), "push PUSH"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "HASH"},
	{regexp.MustCompile(`\bledger \d+ [0-9A-Za-z+/]{10}(\s)`), "ledger TREE$1"},
	{regexp.MustCompile(`(?m)[ \t]+$`), ""},
}

// normal takes out of text what differs from run to run.
func normal(work, text string) string {
	text = strings.ReplaceAll(text, work, "$WORK")
	for _, n := range noises {
		text = n.pattern.ReplaceAllString(text, n.instead)
	}
	return text
}

func cmdCmpout(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || args[0] != "stdout" && args[0] != "stderr" {
		ts.Fatalf("usage: cmpout stdout|stderr FILE")
	}
	have := normal(ts.Getenv("WORK"), ts.ReadFile(args[0]))
	if st := stateOf(ts); st.merges {
		have = st.named(have)
	}
	compare(ts, args[0], have, args[1])
}

// compare compares text with a file of the script, wherever the script is.
func compare(ts *testscript.TestScript, what, have, file string) {
	want := ts.ReadFile(filepath.Join(ts.Getenv("WORK"), file))
	if have == want {
		return
	}
	if *update {
		stateOf(ts).updates[file] = have
		return
	}
	ts.Logf("%s", diff.Diff(file, []byte(want), what, []byte(have)))
	ts.Fatalf("%s differs from %s", what, file)
}

// applyUpdates rewrites the script with what compare found.
func (st *state) applyUpdates() error {
	if len(st.updates) == 0 {
		return nil
	}
	archive, err := txtar.ParseFile(st.file)
	if err != nil {
		return fmt.Errorf("update %s: %w", st.file, err)
	}
	found := 0
	for i, f := range archive.Files {
		if text, ok := st.updates[f.Name]; ok {
			archive.Files[i].Data = []byte(text)
			found++
		}
	}
	if found != len(st.updates) {
		return fmt.Errorf("update %s: %d files to compare with are not in it", st.file, len(st.updates)-found)
	}
	return os.WriteFile(st.file, txtar.Format(archive), 0o644)
}
