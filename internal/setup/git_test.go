package setup

import (
	"slices"
	"testing"
)

func TestParseVersion(t *testing.T) {
	for out, want := range map[string][2]int{
		"git version 2.39.5\n":            {2, 39},
		"git version 2.29.GIT":            {2, 29},
		"git version 2.50.1 (Apple Git-1": {2, 50},
	} {
		if major, minor, err := parseVersion(out); err != nil || [2]int{major, minor} != want {
			t.Errorf("%q: %d.%d, %v", out, major, minor, err)
		}
	}
	for _, out := range []string{"", "git version", "git version x.y.z", "2"} {
		if _, _, err := parseVersion(out); err == nil {
			t.Errorf("%q: no error", out)
		}
	}
}

// Nothing of git's environment reaches a child but where its configuration is.
func TestEnvironment(t *testing.T) {
	got := environment([]string{"PATH=/bin", "GIT_DIR=/x", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_GLOBAL=/g", "LC_ALL=de_DE"})
	want := []string{"PATH=/bin", "GIT_CONFIG_GLOBAL=/g", "LC_ALL=C", "GIT_NO_REPLACE_OBJECTS=1", "GIT_GRAFT_FILE=/dev/null", "GIT_OPTIONAL_LOCKS=0",
		"GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestCommand(t *testing.T) {
	if got := command("rm", "/a b/it's", "-x"); got != `rm '/a b/it'\''s' -x` {
		t.Errorf("got %s", got)
	}
	if got := command("rm", "evil\x1b[31m"); got != "" {
		t.Errorf("an unprintable name in a command: %q", got)
	}
}

// hidden agrees with git: the last match decides, whole components only.
func TestHidden(t *testing.T) {
	list := []setting{{Key: "transfer.hiderefs", Value: "refs/heads"}, {Key: "core.x", Value: "refs"},
		{Key: "receive.hiderefs", Value: "!refs/heads/main"}, {Key: "receive.hiderefs", Value: "^refs/x/"}}
	for name, want := range map[string]bool{
		"refs/heads/main": false, "refs/heads/main/x": false, "refs/heads/dev": true, "refs/headsx": false,
		"refs/x": true, "refs/x/y": true, "refs/tags/x": false,
	} {
		if _, got := hidden(list, name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
