package gate

import (
	"strings"
	"testing"
)

// TestReadOptions shows that what is one of pathgate's options mistyped refuses
// the push, and that options of others do not.
func TestReadOptions(t *testing.T) {
	for given, meant := range map[string]string{
		"explian": "explain", "Explain": "explain", "EXPLAIN=yes": "explain", "explain ": "explain", "--explain": "explain",
		"overide=INC-1": "override", "Override=INC-1": "override", "ovveride": "override",
		"raeson=x": "reason", "Reason=x": "reason", "reasn=x": "reason",
		"ci.skip": "", "merge_request.create": "", "topic=JIRA-1": "", "region=eu": "", "season": "reason", "": "", "r=ana": "",
		"explain": "", "override=INC-1": "", "reason=x": "", strings.Repeat("e", 1000): "",
	} {
		_, wrong := readOptions([]string{"topic=x", given})
		if meant == "" && wrong != "" || meant != "" && !strings.HasSuffix(wrong, "did you mean "+meant+"?") {
			t.Errorf("%.40q: %q, want %q", given, wrong, meant)
		}
	}
	if _, wrong := readOptions([]string{"expl\x1bain"}); strings.ContainsRune(wrong, '\x1b') {
		t.Errorf("an escape is repeated: %q", wrong)
	}
}
