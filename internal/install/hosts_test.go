package install_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var playedHosts = demonstration{name: "hosts"}

// demoHosts plays the story of three hosts once. It is that of the example: the
// demo takes its policies and its set-up from examples/three-hosts.
func demoHosts(t *testing.T) *demonstration {
	t.Helper()
	for _, tool := range []string{"sshd", "ssh", "ssh-keygen"} {
		if _, err := exec.LookPath(tool); err != nil {
			if _, err := os.Stat("/usr/sbin/" + tool); err != nil {
				skip(t, tool+" is missing: install openssh-server and openssh-client")
			}
		}
	}
	return playedHosts.play(t)
}

func TestDemoHosts(t *testing.T) {
	d := demoHosts(t)
	d.shows(t,
		"dev-host:~$ pathgate stamp keygen stamp.key", "stg-host:~$ pathgate stamp keygen stamp.key",
		"$ git push dev main", "remote: success: dev is now",
		"$ git push stg", "[no-stamp]", " ! [remote rejected]",
		"$ git fetch dev", "refs/notes/deployments/dev", "$ git push stg", "remote: success: stg is now",
		"$ git fetch stg", "$ git push prd", "remote: success: prd is now",
		"$ git deployed -1", "Notes (deployments/stg):", "    deployed ",
		"$ git notes --ref deployments/stg add", "$ git push prd", " ! [remote rejected]",
		"refs/deploy/main", "rolled back by ana", "$ git fetch stg", "$ git push prd", "[withdrawn]",
		"prd-host:~$ pathgate log", "stamp", "prd-host:~$ pathgate status", "prd-host:~$ pathgate ledger verify",
		"All went as it should.")
	if strings.Contains(d.output, "[fault]") {
		t.Errorf("the demo shows a fault:\n%s", d.output)
	}
}

// The three ledgers are three, and only what crossed with a push is in two.
func TestDemoHostsShareNothing(t *testing.T) {
	d := demoHosts(t)
	ids := make(map[string]bool)
	for _, host := range []string{"dev", "stg", "prd"} {
		journal := read(t, filepath.Join(d.dir, "hosts", host), "ledger", "ledger.jsonl")
		_, id, ok := strings.Cut(journal, `"ledger":"`)
		id, _, closed := strings.Cut(id, `"`)
		if !ok || !closed || ids[id] {
			t.Errorf("%s has no ledger of its own: %.200s", host, journal)
		}
		ids[id] = true
		if host == "prd" && strings.Contains(journal, `"environment":"dev"`) {
			t.Errorf("dev speaks to prd, which has no key of it")
		}
	}
}
