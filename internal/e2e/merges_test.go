package e2e

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// A merge that the server makes has another ID in each run. cmpout prints the
// name that the script gave to a commit, or else this.
const unnamed = "~merge~"

var objectID = regexp.MustCompile(`\b[0-9a-f]{7}(?:[0-9a-f]{33})?\b`)

// named puts the script's names in the place of object IDs.
func (st *state) named(text string) string {
	return objectID.ReplaceAllStringFunc(text, func(id string) string {
		for full, name := range st.names {
			if strings.HasPrefix(full, id) {
				return name
			}
		}
		return unnamed
	})
}

// cmdName gives a name to a commit that the script did not make by commit. The
// last output stays what it is.
func cmdName(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 || !variable.MatchString(args[0]) {
		ts.Fatalf("usage: name NAME REVISION [REPO]")
	}
	dir := ts.MkAbs(".")
	if len(args) == 3 {
		dir = repository(ts, args[2])
	}
	cmd := exec.Command("git", "-C", dir, "rev-parse", "--verify", args[1]+"^{commit}")
	out, err := cmd.Output()
	if err != nil {
		ts.Fatalf("name %s: %v", args[1], err)
	}
	remember(ts, args[0], strings.TrimSpace(string(out)))
}

// cmdHints keeps the commands that the last output of a push hints at.
func cmdHints(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hints COUNT")
	}
	st := stateOf(ts)
	st.hints = nil
	for line := range strings.Lines(ts.ReadFile("stderr")) {
		if command, ok := strings.CutPrefix(line, "remote: hint:   "); ok {
			st.hints = append(st.hints, strings.TrimSpace(command))
		}
	}
	if strconv.Itoa(len(st.hints)) != args[0] {
		ts.Fatalf("%d commands, want %s: %q", len(st.hints), args[0], st.hints)
	}
}

// cmdPaste types in the commands of hints as they are.
func cmdPaste(ts *testscript.TestScript, neg bool, args []string) {
	hints := stateOf(ts).hints
	if len(args) == 0 || neg && len(args) != 1 {
		ts.Fatalf("usage: paste NUMBER...")
	}
	for _, arg := range args {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 || n > len(hints) {
			ts.Fatalf("there is no command %s", arg)
		}
		if err := ts.Exec("sh", "-c", hints[n-1]); (err != nil) != neg {
			ts.Fatalf("%s: %v", hints[n-1], err)
		}
	}
}
