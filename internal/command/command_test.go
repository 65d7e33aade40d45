package command

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/ledger"
)

// run runs the command with an empty environment.
func run(args ...string) (stdout, stderr string, status int) {
	var out, errs bytes.Buffer
	status = Run(args, &out, &errs, func(string) string { return "" })
	return out.String(), errs.String(), status
}

// TestHelp checks that every verb and page explains itself, in our own words
// and within 80 columns.
func TestHelp(t *testing.T) {
	a := &app{now: time.Now}
	pages := [][]string{nil}
	for _, cmd := range a.root().Commands() {
		pages = append(pages, []string{cmd.Name()})
		for _, below := range cmd.Commands() {
			pages = append(pages, []string{cmd.Name(), below.Name()})
		}
	}
	if len(pages) < 17 {
		t.Fatalf("only %d pages", len(pages))
	}
	for _, page := range pages {
		out, errs, status := run(append([]string{"help"}, page...)...)
		if status != exitYes || errs != "" {
			t.Errorf("help %v: status %d, %s", page, status, errs)
		}
		for line := range strings.Lines(out) {
			whole := strings.HasPrefix(line, "#keys = ") || strings.HasPrefix(line, "    git config ") // to be pasted
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 && !whole {
				t.Errorf("help %v: wider than 80 columns: %s", page, line)
			}
		}
		first, _, _ := strings.Cut(out, "\n\n")
		if strings.Contains(out, "\nUsage:\n") && !strings.HasSuffix(first, ".") {
			t.Errorf("help %v begins with no sentence: %s", page, first)
		}
		for _, stock := range []string{"help for ", "Help about", "Help provides"} {
			if strings.Contains(out, stock) {
				t.Errorf("help %v has cobra's %q", page, stock)
			}
		}
	}
}

func TestWrongCommandLine(t *testing.T) {
	for line, want := range map[string]string{
		"help bogus":                        `"bogus" is no verb of pathgate`,
		"help ledger bogus":                 `"bogus" is no verb of pathgate ledger`,
		"help status bogus":                 `"bogus" is no verb of pathgate status`,
		"stauts":                            "did you mean status?\nhint: pathgate help\n",
		"ledger verfy":                      "did you mean verify?",
		"install":                           "name a repository",
		"explain prd":                       "pathgate explain wants ENVIRONMENT and COMMIT\nhint: pathgate explain --help\n",
		"version 2":                         `"2" is one word too many for pathgate version`,
		"log --type gone":                   "--type must be of ledger intent deployed abandoned refused fault drift adopt repair status approval lock unlock veto policy stamp, not",
		"log --environment a/b --service c": "--environment a/b is not of the service c",
		"log --environment a/b --commit x":  "beginning of an object ID",
	} {
		out, errs, status := run(strings.Fields(line)...)
		if status != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: status %d\n%s%s", line, status, out, errs)
		}
	}
}

// Who only pushed first under a policy has not written it.
func TestPolicyWords(t *testing.T) {
	e := ledger.Entry{Seq: 2, Type: ledger.TypePolicy, Policy: strings.Repeat("ab", 32), Principal: "ana", Push: "p1"}
	if got := what(&e); got != "sha256 abababababab, first seen at a push by ana" {
		t.Error(got)
	}
	if e.Push = ""; !strings.HasSuffix(what(&e), ", used first by ana") {
		t.Error(what(&e))
	}
	var out strings.Builder
	r := newRows(&out)
	e.Push = "p1"
	if err := errors.Join(r.write(&ledger.Line{Entry: e}), r.flush()); err != nil || strings.Count(out.String(), "ana") != 1 {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestFilterEnvironment(t *testing.T) {
	f := filter{environment: "shop/prd"}
	if err := f.check(); err != nil || f.service != "shop" || f.environment != "prd" {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestFullRef(t *testing.T) {
	for ref, want := range map[string]string{"": "", "main": "refs/heads/main", "release/1": "refs/heads/release/1", "refs/heads/x": "refs/heads/x"} {
		if got := fullRef(ref); string(got) != want {
			t.Errorf("%q: %q, want %q", ref, got, want)
		}
	}
}

// TestLogTable checks that a terminal's width is kept, and that without one
// nothing is cut.
func TestLogTable(t *testing.T) {
	long := strings.Repeat("x", 150)
	id := strings.Repeat("ab", 20)
	entries := []ledger.Entry{
		{Seq: 7, Type: ledger.TypeDeployed, Service: "shop", Environment: "prd", Ref: "refs/heads/main", Commit: id, Kind: "deploy", Subject: long, Principal: "ana"},
		{Seq: 8, Type: ledger.TypeDrift, Service: "shop", Environment: "prd", Ref: "refs/heads/main", Old: id, New: strings.Repeat("0", 40)},
	}
	for _, width := range []int{0, 110} {
		var out strings.Builder
		r := newRows(&out)
		r.width = width
		for _, e := range entries {
			if err := r.write(&ledger.Line{Entry: e}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.flush(); err != nil {
			t.Fatal(err)
		}
		if whole := strings.Contains(out.String(), "deploy, "+long+"\n"); whole != (width == 0) {
			t.Errorf("width %d: the subject is whole: %t\n%s", width, whole, out.String())
		}
		if !strings.Contains(out.String(), "was at nothing, on record abababa\n") {
			t.Errorf("width %d: the drift is not told:\n%s", width, out.String())
		}
		for line := range strings.Lines(out.String()) {
			if n := len(strings.TrimSuffix(line, "\n")); width > 0 && n > width {
				t.Errorf("%d columns: %s", n, line)
			}
		}
	}
}
