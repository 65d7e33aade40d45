package policy

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// refNames has names that git takes and names that it does not.
func refNames() map[RefName]bool {
	return map[RefName]bool{
		"refs/heads/main":            true,
		"a/b":                        true,
		"refs/heads/@":               true,
		"refs/heads/a@b":             true,
		"refs/heads/a{b":             true,
		"refs/heads/-a":              true,
		"refs/heads/a.":              false,
		"refs/heads/a./b":            true,
		"refs/heads/a.b":             true,
		"refs/heads/ä\u202e":         true,
		"refs/heads/\xff":            true,
		"refs/heads/lock":            true,
		"refs/heads/a.locks":         true,
		"refs/heads/a.LOCK":          true,
		"refs/heads/!$%&'()+,;<=>|}": true,
		"refs/heads/\"]`#_":          true,
		"":                           false,
		"@":                          false,
		"main":                       false,
		"/a/b":                       false,
		"a/b/":                       false,
		"a//b":                       false,
		"refs/heads/.a":              false,
		"refs/.heads/a":              false,
		"refs/heads/a..b":            false,
		"refs/heads/a.lock":          false,
		"refs/heads.lock/a":          false,
		"refs/heads/.lock":           false,
		"refs/heads/a@{b":            false,
		"refs/heads/a b":             false,
		"refs/heads/a~b":             false,
		"refs/heads/a^b":             false,
		"refs/heads/a:b":             false,
		"refs/heads/a?b":             false,
		"refs/heads/a*b":             false,
		"refs/heads/*":               false,
		"refs/heads/a[b":             false,
		"refs/heads/a\\b":            false,
		"refs/heads/a\nb":            false,
		"refs/heads/a\tb":            false,
		"refs/heads/\x1b":            false,
		"refs/heads/\x7f":            false,
		"refs/heads/..":              false,
		"refs/heads/.":               false,
	}
}

func TestValidRefName(t *testing.T) {
	for ref, want := range refNames() {
		if got := ValidRefName(ref); got != want {
			t.Errorf("ValidRefName(%q) = %v", ref, got)
		}
	}
	if ValidRefName("refs/heads/a\x00b") {
		t.Error("a NUL is valid")
	}
}

// TestValidRefNameAsGit asks git itself, also about names made at random from
// the pieces that its rules are about.
func TestValidRefNameAsGit(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("no git to compare with: install git")
	}
	names := refNames()
	pieces := []string{"/", "/", "/", ".", ".", "a", "b", "@", "{", "lock", ".lock", "*", " ", "~", "-", "é", "\x01", "]"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		var name strings.Builder
		for range 2 + random.IntN(6) {
			name.WriteString(pieces[random.IntN(len(pieces))])
		}
		names[RefName(name.String())] = false
	}
	for ref := range names {
		err := exec.Command(git, "check-ref-format", string(ref)).Run()
		if got := ValidRefName(ref); got != (err == nil) {
			t.Errorf("ValidRefName(%q) = %v, but git says %v", ref, got, err)
		}
	}
}

func TestCommand(t *testing.T) {
	for ref, want := range map[RefName]string{
		"refs/deploy/main":    "refs/deploy",
		"refs/deploy":         "refs/deploy",
		"refs/DEPLOY/main":    "refs/deploy",
		"refs/approve/a/b":    "refs/approve",
		"refs/reject/a":       "refs/reject",
		"refs/lock/a":         "refs/lock",
		"refs/loc\u212a/a":    "refs/lock", // the Kelvin sign folds to k
		"refs/release/a":      "refs/release",
		"refs/heads/deploy":   "",
		"refs/deployment/a":   "",
		"refs/heads/release/": "",
		"":                    "",
		"refs/de":             "",
	} {
		if got, ok := Command(ref); got != want || ok != (want != "") {
			t.Errorf("Command(%q) = %q, %v", ref, got, ok)
		}
	}
}

func TestReserved(t *testing.T) {
	for ref, want := range map[RefName]bool{
		"refs/replace/1234":   true,
		"refs/replace":        true,
		"refs/Replace/1234":   true,
		"refs/pathgate/x":     true,
		"refs/PATHGATE":       true,
		"refs/replacement/x":  false,
		"refs/heads/pathgate": false,
		"refs/notes/x":        false,
		"":                    false,
	} {
		if got := Reserved(ref); got != want {
			t.Errorf("Reserved(%q) = %v", ref, got)
		}
	}
}

func TestNamedHead(t *testing.T) {
	for ref, want := range map[RefName]bool{
		"refs/heads/x/HEAD":        true,
		"refs/heads/HEAD":          true,
		"refs/HEAD":                true,
		"HEAD":                     true,
		"refs/pull/1/head":         false,
		"refs/remotes/origin/Head": false,
		"refs/heads/HEAD/x":        false,
		"refs/heads/x/HEADS":       false,
		"refs/heads/x/AHEAD":       false,
		"refs/heads/x/objects":     false,
		"":                         false,
	} {
		if got := NamedHead(ref); got != want {
			t.Errorf("NamedHead(%q) = %v", ref, got)
		}
	}
}
