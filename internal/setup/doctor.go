package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/policyfile"
	"github.com/pathgate/pathgate/policy"
)

// A doctor looks at everything and changes nothing. (Opening the ledger
// rebuilds a lost index, as every hook would.)
type doctor struct {
	o        Options
	repo     *repository // the one being looked at, nil for what all share
	config   *config
	all      []setting // what git goes by in repo
	findings []Finding
	keys     map[string]string // files of keys that were looked at, and what of them is in order
}

// Doctor looks whether the policy, the ledger, the hooks and the repositories
// are sound; all repositories that the policy matches if none is named. It
// sees them as the current user does, and what their owners may do by owners
// and modes. It reports what it looked at, in order or not.
func Doctor(ctx context.Context, o Options, repos []string) []Finding {
	d := &doctor{o: o, keys: make(map[string]string)}
	if !d.policy() {
		return d.findings
	}
	d.programs(ctx)
	d.ledger(ctx)
	d.sinks()
	d.deployments()
	d.signers()
	d.stamps()
	d.elsewhere(ctx)
	d.branches()
	d.mergeTree(ctx)
	if len(repos) == 0 {
		found, err := Repositories(d.o.Policy)
		if err != nil {
			d.fail("the repositories cannot be listed", err.Error(), "")
		}
		if len(found) == 0 {
			d.warn("no repository matches the policy", "patterns "+patterns(d.o.Policy)+" below "+d.o.Policy.Root, "")
		}
		repos = found
		d.unlisted()
		d.lost(ctx)
	}
	for _, path := range repos {
		d.repository(ctx, path)
	}
	return d.findings
}

// Worst is the worst severity among the findings, OK if there are none.
func Worst(findings []Finding) Severity {
	worst := OK
	for _, f := range findings {
		if f.Severity == Fail || f.Severity == Warn && worst == OK {
			worst = f.Severity
		}
	}
	return worst
}

func (d *doctor) add(s Severity, what, why, mend string) {
	name := ""
	if d.repo != nil {
		name = d.repo.name
	}
	d.findings = append(d.findings, find(s, name, what, why, mend))
}

func (d *doctor) ok(what string)              { d.add(OK, what, "", "") }
func (d *doctor) warn(what, why, mend string) { d.add(Warn, what, why, mend) }
func (d *doctor) fail(what, why, mend string) { d.add(Fail, what, why, mend) }

// sound reports ok if nothing but OK was found since the mark.
func (d *doctor) sound(mark int, what string) {
	if Worst(d.findings[mark:]) == OK {
		d.ok(what)
	}
}

// policy looks at the policy file and reports whether there is a policy to go
// on with.
func (d *doctor) policy() bool {
	mark := len(d.findings)
	loaded, err := policyfile.Load(d.o.PolicyPath)
	if err == nil && d.o.Policy == nil {
		d.o.Policy = loaded
	}
	if err != nil {
		d.policyError(err)
	}
	d.trustedPath("the policy", d.o.PolicyPath)
	d.sound(mark, "policy "+d.o.PolicyPath+" is sound")
	return d.o.Policy != nil
}

func (d *doctor) policyError(err error) {
	const why = "every push is refused"
	if wrong := (policy.Errors)(nil); errors.As(err, &wrong) {
		for _, e := range wrong {
			d.fail("the policy is wrong: "+e.Error(), why, command("pathgate", "check", d.o.PolicyPath))
		}
		return
	}
	detail := err.Error()
	if cause := errors.Unwrap(err); cause != nil {
		detail += ": " + cause.Error()
	}
	mend := "look at the file: " + command("ls", "-la", d.o.PolicyPath)
	switch {
	case strings.Contains(detail, "may be written by others"):
		mend = command("chmod", "go-w", d.o.PolicyPath)
	case errors.Is(err, fs.ErrNotExist):
		mend = "name the policy that the repositories go by with --policy FILE, bring it back from a copy, or write one (pathgate help policy)"
	case errors.Is(err, fs.ErrPermission):
		mend = d.readMend(err, d.o.PolicyPath)
	}
	d.fail(detail, why, mend)
}

// repository looks at one repository.
func (d *doctor) repository(ctx context.Context, path string) {
	mark := len(d.findings)
	defer func() { d.repo = nil }()
	repo, err := openListed(d.o.Policy, path)
	if err != nil {
		d.findings = append(d.findings, find(Fail, path, "not a repository that pathgate can guard", err.Error(), ""))
		return
	}
	d.repo = repo
	if d.config, err = repo.config(ctx); err == nil {
		d.all, err = repo.effective(ctx)
	}
	if err != nil {
		d.fail("git's configuration cannot be read", err.Error(), "")
		return
	}
	d.hooks(ctx)
	d.settings()
	d.deadMan(ctx)
	d.identity()
	d.modes()
	d.owner()
	d.leftovers()
	d.nested()
	d.refs(ctx)
	d.releases(ctx)
	d.records(ctx)
	d.findings = append(d.findings[:mark], d.gathered(d.findings[mark:])...)
}

// installCommand is what wires the repository anew.
func (d *doctor) installCommand() string {
	words := []string{"pathgate", "install"}
	if d.o.HooksDir != "" {
		words = append(words, "--hooks", d.o.HooksDir)
	}
	return d.verb(append(words, d.repo.dir)...)
}

// verb is a command of pathgate's that works by this policy.
func (d *doctor) verb(words ...string) string {
	if !d.o.Default {
		words = append(words, "--policy", d.o.PolicyPath)
	}
	return command(words...)
}

// ago is how long before now t is, for people.
func (d *doctor) ago(t time.Time) string {
	return fmt.Sprintf("%s old", d.o.now().Sub(t).Round(time.Minute))
}

func (d *doctor) inRepo(parts ...string) string {
	return filepath.Join(append([]string{d.repo.dir}, parts...)...)
}
