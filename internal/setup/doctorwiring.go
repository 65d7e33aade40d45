package setup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/policyfile"
)

// hooks looks whether git runs pathgate's hooks.
func (d *doctor) hooks(ctx context.Context) {
	mark := len(d.findings)
	folder, err := d.repo.hooksFolder(ctx)
	if err != nil {
		d.fail("git does not tell where its hooks are", err.Error(), "")
		return
	}
	if !d.repo.within(folder) {
		d.fail("git looks for hooks in "+folder+", outside of this repository", "core.hooksPath is set in "+d.origin("core.hooksPath"),
			command("git", "config", "--file", d.config.path, "core.hooksPath", d.repo.ownHooks()))
	}
	known := append(d.config.values(keyHooks), d.o.HooksDir)
	for _, name := range hookNames {
		h, err := lookAtHook(folder, name, known)
		if err != nil {
			d.fail("hook "+name+" cannot be examined", err.Error(), "")
			continue
		}
		d.hook(name, h)
	}
	if info, err := os.Stat(folder); err == nil && d.repo.within(folder) && info.Mode().Perm()&0o022 != 0 {
		d.fail(fmt.Sprintf("others may write the folder of hooks (mode %04o)", info.Mode().Perm()),
			"they could switch the gate off", command("chmod", "go-w", folder))
	}
	d.sound(mark, "hooks are in place")
}

// origin says where a setting that counts was made.
func (d *doctor) origin(key string) string {
	for _, s := range slices.Backward(d.all) {
		if strings.EqualFold(s.Key, key) {
			return s.Origin
		}
	}
	return "git's environment"
}

func (d *doctor) hook(name string, h hook) {
	open := map[string]string{
		"pre-receive":  "without it nothing is judged; the dead-man switch, where it is on, refuses the pushes",
		"proc-receive": "without it git refuses what " + keyProcRefs + " lists, and there are no command refs",
		"post-receive": "without it there is no receipt, and only the next push or reconcile settles a push",
	}[name]
	switch {
	case !h.exists:
		d.fail("hook "+name+" is missing", open, d.installCommand())
	case !h.ours && name == "proc-receive":
		d.findings = append(d.findings, foreignProcReceive(d.repo, d.config, h.path)...)
	case !h.ours && h.idle:
		d.fail("hook "+name+" is not pathgate's, and git cannot run it", open, d.installCommand())
	case !h.ours:
		d.fail("hook "+name+" is not pathgate's", open, d.installCommand())
	default:
		d.ownHook(name, h)
	}
}

// ownHook looks at a hook of pathgate's.
func (d *doctor) ownHook(name string, h hook) {
	end, err := filepath.EvalSymlinks(h.path)
	if err != nil {
		d.fail("hook "+name+" is a link that leads nowhere: "+h.target, "git takes it for absent", d.installCommand())
		return
	}
	if err := unix.Access(end, unix.X_OK); err != nil {
		d.fail("hook "+name+" cannot be run: "+end, "git takes it for absent ("+err.Error()+")", command("chmod", "a+x", end))
		return
	}
	if err := d.repo.owner.who().reach(end, 1); err != nil {
		d.fail("hook "+name+" cannot be run by the repository's owner", err.Error(), command("chmod", "a+x", end))
	}
	if err := writtenByOthers(end); err != nil {
		d.fail("hook "+name+" may be changed by others", err.Error(), command("chmod", "go-w", end))
	}
}

// settings looks at the configuration that install made.
func (d *doctor) settings() {
	mark := len(d.findings)
	path, err := policyfile.Path(d.config.values(keyPolicy))
	switch {
	case err != nil:
		d.fail(keyPolicy+" is not an absolute path", "every push is refused", d.installCommand())
	case path != d.o.PolicyPath:
		d.fail("pushes are judged by another policy: "+path, "this one is "+d.o.PolicyPath, d.installCommand())
	}
	if have := valuesOf(d.all, keyOptions); len(have) == 0 || !truth(have[len(have)-1]) {
		why := "a push cannot carry options"
		if env := d.repo.releases(); env != nil {
			why += ", and to start " + string(env.Name) + " over needs one: -o reason"
		}
		d.warn(keyOptions+" is off", why, d.installCommand())
	}
	for _, name := range []string{"refs/replace", "refs/pathgate"} {
		if _, is := hidden(d.all, name); !is {
			d.warn(name+" is not hidden", "pathgate refuses pushes there all the same", d.installCommand())
		}
	}
	d.findings = append(d.findings, hiding(d.repo, d.all)...)
	d.findings = append(d.findings, unchecked(d.repo, d.config, d.all, d.installCommand())...)
	d.sound(mark, "configuration is as install made it")
}

// unchecked finds that git lets in trees that can be read in more than one way:
// by the repository's own configuration, which decides releases, or by all that
// git goes by. again is what sets a switch that is off.
func unchecked(r *repository, c *config, effective []setting, again string) []Finding {
	why := gitfacts.Unchecked(c.values)
	if why == "" {
		why = gitfacts.Unchecked(func(key string) []string { return valuesOf(effective, key) })
	}
	if why == "" {
		return nil
	}
	if key, _, softened := strings.Cut(why, " = "); softened {
		again = command("git", "config", "--file", c.path, key, "error")
	}
	return []Finding{find(Fail, r.name, why,
		"what a push brings is not checked: a folder could hold a name twice, and releases and match are refused", again)}
}

// deadMan looks whether git refuses pushes to environments when the hooks are
// gone.
func (d *doctor) deadMan(ctx context.Context) {
	mark := len(d.findings)
	folder, err := d.repo.hooksFolder(ctx)
	if err != nil {
		return
	}
	proc, err := lookAtHook(folder, "proc-receive", append(d.config.values(keyHooks), d.o.HooksDir))
	if err != nil || proc.exists && !proc.ours {
		return // hooks told
	}
	var missing []string
	for _, name := range d.repo.handed() {
		if !d.config.has(keyProcRefs, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		d.fail("the dead-man switch is off: "+keyProcRefs+" lacks "+strings.Join(missing, ", "),
			"if hooks go missing, pushes pass unjudged; an unlisted command ref becomes a real ref", d.installCommand())
	}
	d.sound(mark, "dead-man switch is on")
}

// foreignProcReceive says what a proc-receive hook of somebody else means.
func foreignProcReceive(r *repository, c *config, path string) []Finding {
	list := []Finding{find(Warn, r.name, "the dead-man switch and command refs are off: "+path+" is not pathgate's",
		"git has one proc-receive hook; refs are not handed to this one", "")}
	for _, name := range r.handed() {
		if c.has(keyProcRefs, name) {
			list = append(list, find(Fail, r.name, keyProcRefs+" hands "+name+" to a proc-receive hook that is not pathgate's",
				"that hook moves the ref, or refuses", unset(c.path, keyProcRefs, name)))
		}
	}
	return list
}

// unset is the command that takes a value out of a configuration file.
func unset(file, key, value string) string {
	return command("git", "config", "--file", file, "--unset-all", key, "^"+regexp.QuoteMeta(value)+"$")
}

// hiding lists the settings that hide what must be pushed to.
func hiding(r *repository, effective []setting) []Finding {
	var list []Finding
	told := make(map[setting]bool)
	for _, name := range append(r.handed(), below(r)...) {
		s, is := hidden(effective, name)
		if !is || told[s] {
			continue
		}
		told[s] = true
		mend := ""
		if file, ok := strings.CutPrefix(s.Origin, "file:"); ok {
			if !filepath.IsAbs(file) {
				file = filepath.Join(r.dir, file)
			}
			mend = unset(file, s.Key, s.Value)
		}
		list = append(list, find(Fail, r.name, s.Key+" = "+s.Value+" hides "+name, "git refuses every push there", mend))
	}
	return list
}

// below gives for each ref pattern the name of a ref that it matches.
func below(r *repository) []string {
	var list []string
	for _, env := range r.site.Environments {
		for _, p := range env.Refs {
			if !p.Exact() {
				list = append(list, p.Prefix()+"x")
			}
		}
	}
	return list
}
