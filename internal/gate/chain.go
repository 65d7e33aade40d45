package gate

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"time"
)

// EarlierSuffix is what install puts behind the name of a hook that was there
// before pathgate. Such a hook keeps its say: pathgate's hook runs it with the
// same input, and a pre-receive that refuses still refuses.
const EarlierSuffix = ".before-pathgate"

// runEarlierHook runs the hook that was there before, and reports whether it
// agreed. As with git, a hook that is absent or not executable is none.
func (p *Process) runEarlierHook(stdin []byte, args ...string) (bool, error) {
	path := p.Path + EarlierSuffix
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode()&0o111 == 0 {
		return true, nil
	}
	if err != nil {
		return false, because("the hook that was here before cannot be run", err)
	}
	return p.runHook(path, stdin, args...)
}

// declined is what is told when the repository's update hook says no.
const declined = "the repository's update hook declined it"

// runUpdateHook runs the repository's update hook, where there is one, as git
// would for a push to the ref, and reports whether it agreed.
func (p *Process) runUpdateHook(ctx context.Context, s *scene, ref, old, id string) (bool, error) {
	hook, ok, err := s.repo.HookPath(ctx, "update")
	if err != nil {
		return false, because("the repository's update hook cannot be found", err)
	}
	if !ok {
		return true, nil
	}
	return p.runHook(hook, nil, ref, old, id)
}

// runHook runs somebody's hook in git's place. What it prints goes to the
// developer, as git does it.
func (p *Process) runHook(path string, stdin []byte, args ...string) (bool, error) {
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), p.Stderr, p.Stderr
	cmd.WaitDelay = time.Second // a process that it leaves behind may hold its input
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return false, nil
	}
	if err != nil && cmd.ProcessState == nil {
		return false, because("a hook of this repository cannot be run", err)
	}
	// A hook need not read its input; that is no failure of the hook.
	return cmd.ProcessState.Success(), nil
}
