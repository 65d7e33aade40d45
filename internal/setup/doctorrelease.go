package setup

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/policy"
)

// tooOldToMerge reports whether a version of git cannot merge without a work
// tree.
func tooOldToMerge(major, minor int) bool { return major < 2 || major == 2 && minor < 38 }

// releases is the first environment of the repository that branches are
// released into, nil if there is none.
func (r *repository) releases() *policy.Environment {
	for _, env := range r.site.Environments {
		if env.Release != nil {
			return env
		}
	}
	return nil
}

// mergeTree looks whether git can merge as releases, and containment, need it.
func (d *doctor) mergeTree(ctx context.Context) {
	what := ""
	for _, env := range d.o.Policy.Environments {
		switch {
		case env.Release != nil:
			what = "branches cannot be released into " + string(env.Name)
		case env.Match == policy.MatchContained && what == "":
			what = "merges into " + string(env.Name) + " cannot be told to be clean"
		}
		if env.Release != nil {
			break
		}
	}
	if what == "" {
		return
	}
	g := git{string(filepath.Separator)}
	major, minor, err := g.version(ctx)
	if err != nil {
		return // programs told
	}
	const mend = "install git 2.38 or newer"
	if tooOldToMerge(major, minor) {
		d.fail(fmt.Sprintf("git %d.%d has no merge-tree --write-tree", major, minor), what, mend)
		return
	}
	if !g.hasMergeTree(ctx) {
		d.fail(fmt.Sprintf("git %d.%d does not know merge-tree --write-tree, though its version should", major, minor), what, mend)
		return
	}
	d.ok(fmt.Sprintf("git %d.%d merges without a work tree", major, minor))
}

// hasMergeTree asks git itself. Its own help names the option; a merge would
// write to a repository.
func (g git) hasMergeTree(ctx context.Context) bool {
	cmd := exec.CommandContext(ctx, "git", "merge-tree", "-h")
	cmd.Dir, cmd.Env = g.dir, environment(os.Environ())
	out, _ := cmd.CombinedOutput() // git ends with status 129 after its help
	return strings.Contains(string(out), "--write-tree")
}

// releases looks at what the environments that branches are released into are
// made from.
func (d *doctor) releases(ctx context.Context) {
	if d.repo.releases() == nil {
		return
	}
	refs, err := d.repo.refs(ctx)
	if err != nil {
		return // told already
	}
	mark := len(d.findings)
	at := make(map[policy.RefName]ref)
	for _, r := range refs {
		at[r.name] = r
	}
	for _, env := range d.repo.site.Environments {
		if env.Release != nil {
			d.base(env, at)
		}
	}
	d.sound(mark, "what releases start from is there")
}

func (d *doctor) base(env *policy.Environment, at map[policy.RefName]ref) {
	base := env.Release.Base
	if _, is := at[base]; !is {
		d.fail(fmt.Sprintf("%s is missing, and %s is made from it", base, env.Name), "every release into it is refused",
			"push it: git push origin "+short(base))
		return
	}
	if _, guarded := d.repo.site.Environment(base); !guarded {
		d.warn(fmt.Sprintf("%s is no environment's, and %s is made from it", base, env.Name),
			"whoever may push to it gets anything into "+string(env.Name)+" with the next release: no rule looks at it", "")
	}
}

func short(ref policy.RefName) string { return strings.TrimPrefix(string(ref), "refs/heads/") }

// releaseDrift is drift of a ref that the server keeps. To adopt what is there
// would lose which branches it holds, so what is on record is better deployed
// again.
func (d *doctor) releaseDrift(live policy.Live, seen policy.ObjectID) {
	mend := "deploy what is on record again: " + explain.PushOrigin(live.Commit, live.Ref)
	if seen == "" {
		d.warn(fmt.Sprintf("%s is gone, the ledger has it at %s by record %d", live.Ref, live.New.Short(), live.Record),
			"it was deleted past the gate", mend)
		return
	}
	d.warn(fmt.Sprintf("%s is at %s, the ledger has it at %s by record %d", live.Ref, seen.Short(), live.New.Short(), live.Record),
		"it was moved past the gate; nobody pushes to it, the server merges there", mend)
}
