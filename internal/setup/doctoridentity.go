package setup

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/pathgate/pathgate/internal/deploy"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// identity looks whether the policy's identity source is the one that serves
// this repository, as far as files and the last entries show it.
func (d *doctor) identity() {
	mark := len(d.findings)
	source := d.o.Policy.Source
	serves := d.server()
	if serves != "" && serves != source {
		d.warn("this repository is served by "+serves+", but the policy's identity.source is "+source,
			"pushers may have no name, and are then refused", "set identity.source = \""+serves+"\" in "+d.o.PolicyPath)
	}
	if slices.Contains([]string{"gitolite", "gitea", "gitlab"}, source) && serves == "" {
		d.warn("the policy's identity.source is "+source+", but nothing here shows that "+source+" serves this repository",
			"pushers may have no name, and are then refused", "check identity.source in "+d.o.PolicyPath)
	}
	d.pushers(source)
	variable := policy.EnvironmentVariable(source)
	if source == "ssh" {
		seen := d.authorized()
		d.sound(mark, "pushers are named by "+variable+", which a forced command in authorized_keys must set; "+seen)
		return
	}
	d.sound(mark, "pushers are named by "+variable)
}

// server is the product that serves the repository, by the traces that it
// leaves there; empty if there are none.
func (d *doctor) server() string {
	if _, err := os.Stat(d.inRepo("gl-conf")); err == nil {
		return "gitolite"
	}
	for _, name := range []string{"gitea", "forgejo"} {
		if _, err := os.Stat(d.inRepo("hooks", "pre-receive.d", name)); err == nil {
			return "gitea"
		}
	}
	if len(d.config.values("gitlab.fullpath")) > 0 {
		return "gitlab"
	}
	return ""
}

// pushers looks at who pushed here lately.
func (d *doctor) pushers(source string) {
	folder, err := deploy.Folder(d.o.Policy)
	if err != nil {
		return // no lines are kept here
	}
	f, err := os.Open(filepath.Join(folder, ledger.JournalName))
	if err != nil {
		return // told already
	}
	defer f.Close()
	raw, err := lastBytes(f)
	if err != nil {
		return
	}
	var last, nameless ledger.Entry
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		e, err := ledger.Decode(line)
		if err != nil || e.Repository != d.repo.site.Repository || e.Via == "local" {
			continue
		}
		if e.Type == ledger.TypeIntent {
			last, nameless = e, ledger.Entry{}
		}
		if e.Type == ledger.TypeRefused && slices.Contains(e.Codes, string(policy.NoIdentity)) {
			nameless = e
		}
	}
	if last.Seq != 0 && last.Via != source {
		d.warn(fmt.Sprintf("the last push here was vouched for by %q, not by %s (record %d)", last.Via, source, last.Seq),
			"", "check identity.source in "+d.o.PolicyPath)
	}
	if nameless.Seq != 0 {
		d.warn(fmt.Sprintf("the last push here came without a name (record %d)", nameless.Seq),
			policy.EnvironmentVariable(source)+" was not set", identityMend(source))
	}
}

// identityMend says how a source comes to name the pusher.
func identityMend(source string) string {
	switch source {
	case "ssh":
		return `in authorized_keys: command="pathgate shell --policy FILE --user NAME",restrict KEY`
	case "http":
		return "make the web server ask for a password or certificate before git-http-backend"
	}
	return "check identity.source in the policy"
}
