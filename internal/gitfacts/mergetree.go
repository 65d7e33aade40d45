package gitfacts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// ErrUnrelated says that two commits have no common ancestor.
var ErrUnrelated = errors.New("the commits have no common ancestor")

var errMergeTree = errors.New("git merge-tree printed another form")

// A MergeResult is what git merge-tree made of two commits.
type MergeResult struct {
	// Tree is the merge's tree. If Clean is false it has files with conflict
	// markers, and must not become a commit's.
	Tree  policy.ObjectID
	Clean bool
	// Files are the stages of the conflicted files (git-merge-tree(1)).
	Files []ConflictFile
	// Messages are git's, also of a clean merge ("Auto-merging").
	Messages []MergeMessage
}

// A ConflictFile is one stage of a conflicted file.
type ConflictFile struct {
	Mode  string // "100644", "100755", "120000" or "160000"
	ID    policy.ObjectID
	Stage int    // 1 the ancestor's, 2 ours, 3 theirs
	Path  string // raw: clean it before use
}

// A MergeMessage is one thing that git tells of a merge.
type MergeMessage struct {
	Paths []string // raw
	Type  string   // stable, for programs: "Auto-merging", "CONFLICT (contents)"
	Text  string   // for people, raw
}

// MergeTree merges theirs into ours as git merge-tree --write-tree does and
// writes the resulting trees and files to the repository's objects; no ref is
// touched. It must not be used from a pre-receive hook. The result depends on
// the commits and on git alone, as with clean merges of Borne: configuration,
// attributes and merge drivers have no part in it.
//
// ErrUnrelated is the error for two commits without a common ancestor. It needs
// git 2.38.
func (r *Repository) MergeTree(ctx context.Context, ours, theirs policy.ObjectID) (MergeResult, error) {
	result, err := r.mergeTree(ctx, ours, theirs)
	if err != nil {
		return MergeResult{}, fmt.Errorf("merge %s into %s: %w", theirs, ours, err)
	}
	return result, nil
}

func (r *Repository) mergeTree(ctx context.Context, ours, theirs policy.ObjectID) (MergeResult, error) {
	if err := r.answers(ours, theirs); err != nil {
		return MergeResult{}, err
	}
	if r.quarantine != "" {
		return MergeResult{}, errors.New("nothing may be written while a push is judged")
	}
	s, remove, err := r.scratch(r.objects)
	if err != nil {
		return MergeResult{}, err
	}
	defer remove()
	res, err := s.run(ctx, hermetic, nil, "merge-tree", "--write-tree", "-z", "--messages", string(ours), string(theirs))
	if err != nil {
		return MergeResult{}, err
	}
	if res.exit > 1 || len(res.out) == 0 || complains(res.messages) {
		return MergeResult{}, mergeFault(res)
	}
	return r.parseMerge(string(res.out), res.exit == 0)
}

// unrelated is what git says, in the C locale, of commits without a common
// ancestor.
const unrelated = "fatal: refusing to merge unrelated histories"

// mergeFault says why git made no merge.
func mergeFault(res result) error {
	if lastLine(res.messages) == unrelated && !strings.Contains(res.messages, "not something we can merge") {
		return ErrUnrelated
	}
	if res.exit == gitUsage {
		return errors.New("git merge-tree --write-tree is not known: git 2.38 is needed")
	}
	return fmt.Errorf("git merge-tree: status %d: %s", res.exit, lastLine(res.messages))
}

// gitUsage is git's status for an option that it does not know.
const gitUsage = 129

func complains(messages string) bool {
	return strings.Contains(messages, "error: ") || strings.Contains(messages, "fatal: ") ||
		strings.Contains(messages, "broken")
}

// parseMerge reads "<tree> NUL (<stage> NUL)* NUL <message>*".
func (r *Repository) parseMerge(out string, clean bool) (MergeResult, error) {
	words := wordReader{rest: out}
	tree, ok := r.objectID(words.next())
	result := MergeResult{Tree: tree, Clean: clean}
	for ok && !words.bad {
		line := words.next()
		if line == "" {
			break
		}
		var f ConflictFile
		f, ok = r.parseStage(line)
		result.Files = append(result.Files, f)
	}
	// Behind the last NUL git 2.39 tells people what to do about submodules.
	for ok && !words.bad && strings.Contains(words.rest, "\x00") {
		var m MergeMessage
		n, err := strconv.Atoi(words.next())
		if ok = err == nil && n >= 0 && n <= len(words.rest); !ok {
			break
		}
		for range n {
			m.Paths = append(m.Paths, words.next())
		}
		m.Type, m.Text = words.next(), words.next()
		result.Messages = append(result.Messages, m)
	}
	if !ok || words.bad {
		return MergeResult{}, errMergeTree
	}
	return result, nil
}

// parseStage reads "<mode> <object> <stage>TAB<path>".
func (r *Repository) parseStage(line string) (ConflictFile, bool) {
	head, path, ok := strings.Cut(line, "\t")
	f := strings.Split(head, " ")
	if !ok || path == "" || len(f) != 3 || len(f[0]) != 6 || len(f[2]) != 1 || f[2] < "1" || f[2] > "3" {
		return ConflictFile{}, false
	}
	id, ok := r.objectID(f[1])
	return ConflictFile{Mode: f[0], ID: id, Stage: int(f[2][0] - '0'), Path: path}, ok
}

// wordReader takes words apart that end in NUL.
type wordReader struct {
	rest string
	bad  bool // there was no further word
}

func (w *wordReader) next() string {
	word, rest, ok := strings.Cut(w.rest, "\x00")
	w.rest, w.bad = rest, w.bad || !ok
	return word
}
