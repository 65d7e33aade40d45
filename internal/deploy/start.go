package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Program is the name of the runner's binary among pathgate's hooks.
const Program = "deploy"

// A Launch says what starts a runner.
type Launch struct {
	Hooks  string // the folder of pathgate's hooks, where Program lies
	Policy string // the policy file, absolute
}

// Start starts a runner for the place and returns at once. The runner belongs
// to no terminal, session or push: it has a session of its own, no descriptor
// that git's client waits for, and none of the pusher's environment but PATH,
// HOME and LANG. Where another runner is at work the new one goes away again,
// so that it does no harm to call Start once too often.
//
// Root never runs a command for an environment whose ledger belongs to
// somebody else: the runner becomes the owner of the ledger's folder.
func Start(l Launch, p Place) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("start the deployment: %w", err)
	}
	if !filepath.IsAbs(l.Hooks) || !filepath.IsAbs(l.Policy) {
		return errors.New("start the deployment: the hooks or the policy have no absolute path")
	}
	err := Detach(p.Ledger, filepath.Join(l.Hooks, Program), l.Policy, string(p.Service), string(p.Environment))
	if err != nil {
		return fmt.Errorf("start the deployment: %w", err)
	}
	return nil
}

// Detach starts a program for a push and returns as soon as it runs. It has a
// session of its own, /dev/null for its input and output, no other descriptor of
// this process, and none of its environment but PATH, HOME and LANG. Started by
// root, it runs as the owner of the ledger's folder. Nobody waits for it.
func Detach(ledger, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Dir = "/"
	cmd.Env = Environment(os.Getenv)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := asOwner(cmd, ledger); err != nil {
		return err
	}
	defer keepInherited()()
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // what becomes of it, it tells by itself
	return nil
}

// HooksFolder is where this program lies, if it is one of pathgate's hooks: a
// link to it in a repository's hooks does not count.
func HooksFolder() (string, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return "", fmt.Errorf("find the folder of pathgate's hooks: %w", err)
	}
	return filepath.Dir(self), nil
}

// Environment is what runners and commands get to see of the one around them:
// PATH, with its absolute folders, HOME and LANG.
func Environment(getenv func(string) string) []string {
	value := func(name, otherwise string) string {
		if v := getenv(name); v != "" && !strings.ContainsRune(v, 0) {
			return name + "=" + v
		}
		return name + "=" + otherwise
	}
	return []string{"PATH=" + cleanPath(getenv("PATH")), value("HOME", "/"), value("LANG", "C.UTF-8")}
}

// cleanPath leaves the absolute folders of a PATH: the others would lead into
// the checkout.
func cleanPath(path string) string {
	kept := slices.DeleteFunc(filepath.SplitList(path), func(dir string) bool {
		return !filepath.IsAbs(dir) || strings.ContainsRune(dir, 0)
	})
	if len(kept) == 0 {
		return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	return strings.Join(kept, string(filepath.ListSeparator))
}

// asOwner makes a command that root starts run as the owner of the ledger's
// folder, with that user's groups and home.
func asOwner(cmd *exec.Cmd, ledger string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(ledger)
	if err != nil {
		return fmt.Errorf("find the ledger's folder: %w", withoutPath(err))
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return nil
	}
	credential := &syscall.Credential{Uid: st.Uid, Gid: st.Gid}
	home := "/"
	if u, err := user.LookupId(strconv.FormatUint(uint64(st.Uid), 10)); err == nil {
		home = u.HomeDir
		credential.Groups = groups(u)
	}
	cmd.SysProcAttr.Credential = credential
	cmd.Env = append(cmd.Env, "HOME="+home)
	return nil
}

func groups(u *user.User) (ids []uint32) {
	names, _ := u.GroupIds() // without them the primary one must do
	for _, name := range names {
		if id, err := strconv.ParseUint(name, 10, 32); err == nil {
			ids = append(ids, uint32(id))
		}
	}
	return ids
}

// withoutPath is the system's reason alone, fit for a pusher.
func withoutPath(err error) error {
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return at.Err
	}
	if at := (*exec.Error)(nil); errors.As(err, &at) {
		return withoutPath(at.Err)
	}
	return err
}
