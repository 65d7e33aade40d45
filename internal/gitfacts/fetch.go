package gitfacts

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// Bounds of git when it talks to another host.
const (
	fetchTime = 10 * time.Minute
	fetchCPU  = 600     // seconds of each process
	fetchData = 1 << 20 // KiB of memory of each process
	// maxReached is how long a file may be that git writes where it fetches nothing.
	maxReached = 1 << 20
)

// errTooMuch says that another repository sends more than is taken.
var errTooMuch = errors.New("the other repository sends too much")

// A Fetched is one ref of another repository, with what this one lacks of it in a
// folder of its own.
type Fetched struct {
	Tip policy.ObjectID // what the ref holds; empty if there is no such ref
	// Seen is the repository together with what was fetched. No ref must be moved
	// to that before Keep.
	Seen    *Repository
	objects string
}

// Fetch fetches one ref of another repository, by any transport that git has.
// Nothing of it comes into this one before Keep; Close deletes it. No hook runs.
// What git needs to get there (keys, helpers, proxies) it takes from the user's
// configuration and environment, and asks nobody.
//
// What comes is one pack of at most most bytes, and is checked
// as git fsck does. git's time and memory are bounded too.
func (r *Repository) Fetch(ctx context.Context, url string, ref policy.RefName, most int64) (f *Fetched, err error) {
	if !strings.HasPrefix(string(ref), "refs/") || !policy.ValidRefName(ref) {
		return nil, fmt.Errorf("fetch ref %q: the name is not valid", ref)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	out, err := r.reach(ctx, maxReached, nil, "ls-remote", "--quiet", "--refs", "--", url, string(ref))
	if err != nil {
		return nil, err
	}
	if f, err = r.fetchFolder(); err != nil {
		return nil, fmt.Errorf("make a folder to fetch into: %w", err)
	}
	for line := range strings.Lines(out) {
		if id, name, _ := strings.Cut(line, "\t"); name == string(ref)+"\n" {
			f.Tip = policy.ObjectID(id)
		}
	}
	if f.Tip == "" {
		return f, nil
	}
	if err := f.fetch(ctx, r, url, ref, most); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// fetchFolder makes a folder for the objects that are fetched.
func (r *Repository) fetchFolder() (f *Fetched, err error) {
	dir, err := os.MkdirTemp("", "pathgate-")
	if err != nil {
		return nil, err
	}
	f = &Fetched{objects: dir}
	own := *r
	own.objects = dir
	f.Seen, err = r.Beside(&own)
	return f, err
}

func (f *Fetched) fetch(ctx context.Context, r *Repository, url string, ref policy.RefName, most int64) error {
	// One pack is one file, and of a file the kernel lets git write so much.
	objects := []string{"GIT_OBJECT_DIRECTORY=" + f.objects, "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + quoteFolder(r.objects)}
	_, err := r.reach(ctx, most, objects, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-gc",
		"--no-write-fetch-head", "--refmap=", "--", url, string(ref))
	if err != nil && f.holds(most) {
		return fmt.Errorf("%w: more than %d MiB", errTooMuch, most>>20)
	}
	if err != nil {
		return err
	}
	if _, exit, err := f.Seen.Git(ctx, nil, "cat-file", "-e", string(f.Tip)); err != nil || exit != 0 {
		return errors.Join(err, fmt.Errorf("fetch ref %q: it has moved meanwhile", ref))
	}
	return nil
}

// holds reports whether a file that was fetched has come to a size.
func (f *Fetched) holds(size int64) (found bool) {
	_ = filepath.WalkDir(f.objects, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			info, err := d.Info()
			found = found || err == nil && info.Size() >= size
		}
		return nil
	})
	return found
}

// Keep puts what was fetched into the repository that it was fetched for, and to,
// which must not be there, to its tip.
func (f *Fetched) Keep(ctx context.Context, into *Repository, to policy.RefName) error {
	packs, err := filepath.Glob(filepath.Join(f.objects, "pack", "pack-*.pack"))
	if err != nil {
		return fmt.Errorf("keep what was fetched: %w", err)
	}
	for _, name := range packs {
		if err := into.takePack(ctx, name); err != nil {
			return fmt.Errorf("keep what was fetched: %w", err)
		}
	}
	zero := policy.ObjectID(strings.Repeat("0", into.format.digits()))
	return into.MoveRef(ctx, to, f.Tip, zero, "pathgate: fetched")
}

// takePack writes the objects of a pack: each to a file of its own if they are
// few, as git does.
func (r *Repository) takePack(ctx context.Context, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var head [12]byte // gitformat-pack(5)
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return err
	}
	args := []string{"index-pack", "--stdin"}
	if binary.BigEndian.Uint32(head[8:]) < 100 {
		args = []string{"unpack-objects", "-q"}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	res, err := r.run(ctx, hermetic, f, args...)
	if err == nil && res.exit != 0 {
		err = fmt.Errorf("git %s: status %d: %.200s", args[0], res.exit, strings.TrimSpace(res.messages))
	}
	return err
}

// Close deletes what was fetched.
func (f *Fetched) Close() { os.RemoveAll(f.objects) }

// RemoteRefs lists refs of another repository that fit a pattern (git ls-remote),
// as Fetch reaches it: those whose names are valid, and not more than fit into
// some kilobytes.
func (r *Repository) RemoteRefs(ctx context.Context, url, pattern string) (names []policy.RefName, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	out, err := r.reach(ctx, maxReached, nil, "ls-remote", "--quiet", "--refs", "--", url, pattern)
	for line := range strings.Lines(out) {
		_, name, _ := strings.Cut(line, "\t")
		name, whole := strings.CutSuffix(name, "\n")
		if ref := policy.RefName(name); whole && policy.ValidRefName(ref) {
			names = append(names, ref)
		}
	}
	return names, err
}

// limited runs a command whose processes get no more time, memory and file size
// than it is told.
const limited = `ulimit -t "$1" && ulimit -d "$2" && ulimit -f "$3" && shift 3 && exec "$@"`

// reach runs a git that talks to another host: with the user's environment, but
// for what would point it to other objects or refs here, and without hooks. No
// file that it writes gets more than most bytes.
func (r *Repository) reach(ctx context.Context, most int64, objects []string, args ...string) (string, error) {
	verb, blocks := args[0], strconv.FormatInt(most/512, 10) // sh counts such
	args = append([]string{"-c", limited, "sh", strconv.Itoa(fetchCPU), strconv.Itoa(fetchData), blocks, "git", "--git-dir=" + r.gitDir,
		"-c", "core.hooksPath=" + os.DevNull, "-c", "fetch.fsckObjects=true", "-c", "fetch.writeCommitGraph=false", "-c", "maintenance.auto=false",
		"-c", "fetch.unpackLimit=1", "-c", "core.bigFileThreshold=1m", "-c", "pack.threads=2", "-c", "transfer.bundleURI=false"}, args...)
	cmd := exec.CommandContext(ctx, "sh", args...)
	cmd.Dir, cmd.WaitDelay = r.gitDir, time.Second
	cmd.Env = append(travelling(os.Environ()), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_NO_REPLACE_OBJECTS=1")
	cmd.Env = append(cmd.Env, objects...)
	out, messages := &bounded{limit: maxGitMessages, drop: true}, &bounded{limit: maxGitMessages, drop: true}
	cmd.Stdout, cmd.Stderr = out, messages
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("git %s: %w", verb, ctx.Err())
	case err != nil:
		return "", fmt.Errorf("git %s: %w: %s", verb, err, strings.TrimSpace(messages.kept.String()))
	}
	return out.kept.String(), nil
}

// travelling leaves out the variables that tie a git to a repository (git
// rev-parse --local-env-vars, but for configuration) or change what history is.
func travelling(environ []string) []string {
	var out []string
	for _, v := range environ {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE",
			"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE",
			"GIT_REPLACE_REF_BASE", "GIT_NO_REPLACE_OBJECTS", "GIT_INTERNAL_SUPER_PREFIX", "LC_ALL", "GIT_TERMINAL_PROMPT":
		default:
			out = append(out, v)
		}
	}
	return out
}
