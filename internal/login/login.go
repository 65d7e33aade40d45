// Package login is what sshd runs for a key in place of a shell: one fetch, push
// or archive of one repository that the policy opens, and nothing else.
//
// git-shell takes any path on the host. Whatever looks like a repository there
// is served with the hooks and the configuration that lie in it: a folder of
// refs, a checkout, what a deployment has published. So here the path must lead,
// links resolved, to the very git directory of a repository below the policy's
// root.
package login

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"github.com/pathgate/pathgate/internal/deploy"
)

// ErrCommand says that the client asked for something else than to fetch, to
// push or for an archive.
var ErrCommand = errors.New("it is no command of git's for one repository")

// A Request is what a client asks for.
type Request struct {
	Service string // receive-pack, upload-pack or upload-archive
	Path    string // as the client wrote it
}

// Parse reads SSH_ORIGINAL_COMMAND as git-shell does: "git-receive-pack 'PATH'"
// or "git receive-pack 'PATH'", the path quoted as git's clients do it.
func Parse(command string) (Request, error) {
	rest, ok := strings.CutPrefix(command, "git-")
	if !ok {
		rest, ok = strings.CutPrefix(command, "git ")
	}
	service, quoted, _ := strings.Cut(rest, " ")
	path, sound := unquote(quoted)
	if !ok || !sound || len(command) > maxCommand {
		return Request{}, ErrCommand
	}
	switch service {
	case "receive-pack", "upload-pack", "upload-archive":
		return Request{service, path}, nil
	}
	return Request{}, ErrCommand
}

// maxCommand is the length of the longest command that is looked at.
const maxCommand = 8 << 10

// unquote takes the quotes off one word that is quoted whole. Within it only ' and
// ! stand outside of quotes, each behind a backslash.
func unquote(s string) (string, bool) {
	s, ok := strings.CutPrefix(s, "'")
	s, closed := strings.CutSuffix(s, "'")
	if !ok || !closed {
		return "", false
	}
	s = strings.NewReplacer(`'\''`, "\x00", `'\!'`, "!").Replace(s)
	if strings.Contains(s, "'") {
		return "", false
	}
	return strings.ReplaceAll(s, "\x00", "'"), true
}

// Exec becomes git's program for a service in the repository at dir, for user.
// Of the environment it keeps what git and the hooks need of the account, the
// connection and the client's protocol: no variable that changes what git does.
func Exec(service, dir, user string, getenv func(string) string) error {
	git, err := exec.LookPath("git")
	if err != nil {
		return fmt.Errorf("find git: %w", err)
	}
	env := append(deploy.Environment(getenv), "PATHGATE_USER="+user)
	for _, name := range []string{"USER", "LOGNAME", "SSH_CONNECTION", "SSH_CLIENT", "GIT_PROTOCOL"} {
		if value := getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return fmt.Errorf("run git: %w", syscall.Exec(git, []string{"git", service, dir}, env))
}
