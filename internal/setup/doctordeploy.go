package setup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/pathgate/pathgate/internal/deploy"
	"github.com/pathgate/pathgate/policy"
)

// deployments looks at what runs deployments: pathgate's runner, and the
// programs that the policy names. All of it runs as the ledger's owner.
func (d *doctor) deployments() {
	mark, needed := len(d.findings), false
	for _, env := range d.o.Policy.Environments {
		if env.Deploy == nil || env.Deploy.External || len(env.Deploy.Command) == 0 {
			continue
		}
		needed = true
		path := env.Deploy.Command[0]
		d.program(path, "the deploy program of "+string(env.Name), "deployments to it end as errors")
	}
	if !needed {
		return
	}
	if _, err := deploy.Folder(d.o.Policy); err != nil {
		d.fail(err.Error(), "deployments are queued, and nothing runs them", "set copy to a folder of this host in "+d.o.PolicyPath)
	}
	runner := filepath.Join(d.o.HooksDir, deploy.Program)
	d.program(runner, "pathgate's runner of deployments", "deployments are queued, and nothing runs them")
	d.sound(mark, "deployments can be run")
}

// program looks whether the ledger's owner can run a file, and who may change
// what it does.
func (d *doctor) program(path, what, why string) {
	info, err := os.Stat(path)
	if err != nil {
		d.fail(what+" is missing", why+": "+err.Error(), "install it as "+path)
		return
	}
	if !info.Mode().IsRegular() {
		d.fail(what+" is not a file: "+path, why, "")
		return
	}
	if err := d.ledgerOwner().reach(path, 1); err != nil || info.Mode()&0o111 == 0 {
		if err == nil {
			err = fmt.Errorf("it is not executable (mode %04o)", info.Mode().Perm())
		}
		d.fail(what+" cannot be run", why+": "+err.Error(), command("chmod", "a+x", path))
	}
	d.writtenByOthers(path, what, "whoever may do that runs what they like as the user that git runs as")
}

// writtenByOthers tells of a file that others than its owner may change or
// replace.
func (d *doctor) writtenByOthers(path, what, why string) {
	info, err := os.Stat(path)
	if err != nil {
		return
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		d.fail(fmt.Sprintf("others may change %s (mode %04o)", what, mode), why, command("chmod", "go-w", path))
	}
	d.trustedPath(what, path)
}

// ledgerOwner is whom the ledger belongs to, as whom hooks most likely run.
func (d *doctor) ledgerOwner() person {
	folder, err := deploy.Folder(d.o.Policy)
	if err != nil {
		folder = d.o.Policy.Root
	}
	info, err := os.Stat(folder)
	if err != nil {
		return owner{os.Geteuid(), os.Getegid()}.who()
	}
	return ownerOf(info).who()
}

// signers looks at the files of allowed signers.
func (d *doctor) signers() {
	var done []string
	for _, env := range d.o.Policy.Environments {
		path := env.Signed
		if path == "" || slices.Contains(done, path) {
			continue
		}
		done = append(done, path)
		mark := len(d.findings)
		what := "the file of allowed signers, " + path + ","
		why := "pushes to " + string(env.Name) + " cannot be checked, and are refused"
		info, err := os.Stat(path)
		switch {
		case err != nil:
			d.fail(what+" is missing", why+": "+err.Error(), "")
			continue
		case !info.Mode().IsRegular():
			d.fail(what+" is not a file", why, "")
			continue
		}
		if err := d.ledgerOwner().reach(path, 4); err != nil {
			d.fail(what+" cannot be read", why+": "+err.Error(), command("chmod", "a+r", path))
		}
		d.writtenByOthers(path, what, "whoever may do that signs as anybody")
		d.sound(mark, "the file of allowed signers "+path+" can be read")
	}
}

// branches looks for environments that ask for a commit to be contained in
// their own ref, which it never is before it was pushed there.
func (d *doctor) branches() {
	for _, env := range d.o.Policy.Environments {
		for _, branch := range env.Branches {
			if slices.ContainsFunc(env.Refs, func(own policy.RefPattern) bool { return meets(branch, own) }) {
				d.warn(fmt.Sprintf("branches of %s has %s, which is the environment's own ref", env.Name, branch),
					"a new commit is never contained in it before the push, so it lets in only what was there",
					fmt.Sprintf("name another branch in %s, %s", d.o.PolicyPath, env.Place("branches")))
			}
		}
	}
}

// meets reports whether a ref can match both patterns.
func meets(a, b policy.RefPattern) bool {
	return a == b || a.Exact() && b.Match(policy.RefName(a.String())) || b.Exact() && a.Match(policy.RefName(b.String())) ||
		!a.Exact() && !b.Exact() && (a.Match(policy.RefName(b.Prefix()+"x")) || b.Match(policy.RefName(a.Prefix()+"x")))
}
