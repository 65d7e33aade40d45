package gitfacts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pathgate/pathgate/policy"
)

// ErrLostRace says that a ref no longer held the old value and was not moved.
var ErrLostRace = errors.New("the ref was moved by another push")

// MoveRef moves ref from old to new if it still holds old; the zero old says
// that it must not exist, and the zero new deletes it. message goes to the
// reflog. ref must be final (Resolve): a symbolic ref in its place would be
// overwritten, not followed. The quarantine is not passed on, so that git
// refuses a move to an object that has not been accepted. git's own hook
// reference-transaction runs as in a push.
//
// The error is ErrLostRace if the ref was elsewhere. After any other error the
// ref may have moved or not: read it.
func (r *Repository) MoveRef(ctx context.Context, ref policy.RefName, to, old policy.ObjectID, message string) error {
	if err := r.checkMove(Move{ref, to, old}); err != nil {
		return err
	}
	if message == "" {
		message = "pathgate"
	}
	res, err := r.run(ctx, served, nil, "update-ref", "--no-deref", "-m", message, string(ref), string(to), string(old))
	if err != nil {
		return fmt.Errorf("move ref %q: %w", ref, err)
	}
	if res.exit == 0 {
		return nil
	}
	_, now, err := r.Resolve(ctx, ref)
	if err != nil {
		return fmt.Errorf("move ref %q: %w", ref, err)
	}
	if now != old && (now != "" || !old.IsZero()) {
		return fmt.Errorf("move ref %q: %w", ref, ErrLostRace)
	}
	return fmt.Errorf("move ref %q: git update-ref: %s", ref, strings.TrimSpace(res.messages))
}

// A Move is a ref to be moved by MoveRefs; the zero IDs mean what they mean to
// MoveRef.
type Move struct {
	Ref     policy.RefName
	To, Old policy.ObjectID
}

// MoveRefs is MoveRef for several refs in one transaction of one git process: all
// move or none does. The error is ErrLostRace if one of them was elsewhere.
func (r *Repository) MoveRefs(ctx context.Context, message string, moves ...Move) error {
	var commands strings.Builder
	var names []policy.RefName
	for _, m := range moves {
		if err := r.checkMove(m); err != nil {
			return err
		}
		fmt.Fprintf(&commands, "update %s %s %s\n", m.Ref, m.To, m.Old)
		names = append(names, m.Ref)
	}
	if message == "" {
		message = "pathgate"
	}
	res, err := r.run(ctx, served, strings.NewReader(commands.String()), "update-ref", "--no-deref", "-m", message, "--stdin")
	if err != nil {
		return fmt.Errorf("move refs %q: %w", names, err)
	}
	if res.exit == 0 {
		return nil
	}
	now, err := r.ResolveAll(ctx, names)
	if err != nil {
		return fmt.Errorf("move refs %q: %w", names, err)
	}
	for _, m := range moves {
		if at := now[m.Ref].ID; at != m.Old && (at != "" || !m.Old.IsZero()) {
			return fmt.Errorf("move ref %q: %w", m.Ref, ErrLostRace)
		}
	}
	return fmt.Errorf("move refs %q: git update-ref: %s", names, strings.TrimSpace(res.messages))
}

func (r *Repository) checkMove(m Move) error {
	if !strings.HasPrefix(string(m.Ref), "refs/") || !policy.ValidRefName(m.Ref) {
		return fmt.Errorf("move ref %q: the name is not valid", m.Ref)
	}
	for _, id := range []policy.ObjectID{m.To, m.Old} {
		if _, ok := r.objectID(string(id)); !ok {
			return fmt.Errorf("move ref %q: %q is not an object ID of this repository", m.Ref, id)
		}
	}
	return nil
}

// CheckedOut reports whether ref is checked out in the main worktree or in a
// linked one, and where. The HEAD of a bare repository does not count.
func (r *Repository) CheckedOut(ctx context.Context, ref policy.RefName) (path string, checkedOut bool, err error) {
	if r.noWorktrees() {
		return "", false, nil
	}
	res, err := r.run(ctx, hermetic, nil, "worktree", "list", "--porcelain")
	if err != nil {
		return "", false, fmt.Errorf("look for worktrees: %w", err)
	}
	if res.exit != 0 {
		return "", false, fmt.Errorf("look for worktrees: git worktree list: %s", strings.TrimSpace(res.messages))
	}
	for line := range strings.Lines(string(res.out)) {
		line = strings.TrimSuffix(line, "\n")
		if p, ok := strings.CutPrefix(line, "worktree "); ok {
			path = p
		}
		if line == "branch "+string(ref) {
			return path, true, nil
		}
	}
	return "", false, nil
}

// noWorktrees reports whether the repository is known to have none without git
// being asked: it says that it is bare, and no worktree was ever linked to it.
func (r *Repository) noWorktrees() bool {
	_, err := os.Lstat(filepath.Join(r.commonDir, "worktrees"))
	return absentRef(err) && last(r.Config("core.bare")) == "true" && last(r.Config("core.worktree")) == ""
}

// HookPath gives the file that git would run as the hook name in a push to
// this repository, with core.hooksPath as receive-pack sees it (system, user,
// command line). runs is false if there is no such file or git would not run
// it; git then goes on without a hook.
func (r *Repository) HookPath(ctx context.Context, name string) (path string, runs bool, err error) {
	res, err := r.run(ctx, served, nil, "rev-parse", "--git-path", "hooks/"+name)
	if err != nil {
		return "", false, fmt.Errorf("find hook %s: %w", name, err)
	}
	path = strings.TrimSuffix(string(res.out), "\n")
	if res.exit != 0 || path == "" {
		return "", false, fmt.Errorf("find hook %s: git rev-parse: %s", name, strings.TrimSpace(res.messages))
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.gitDir, path) // where git runs the hooks of a push
	}
	info, err := os.Stat(path)
	const executable = 1 // access(2), X_OK
	runs = err == nil && info.Mode().IsRegular() && syscall.Access(path, executable) == nil
	return path, runs, nil
}
