package notes

import (
	"context"
	"errors"
	"fmt"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// Read returns the note of one commit in the notes tree of tip, a notes commit
// of the repository or of the quarantine; nil if it has none. The package
// comment says what is read and what is an error.
func Read(ctx context.Context, repo *gitfacts.Repository, tip, commit policy.ObjectID) ([]byte, error) {
	var note []byte
	err := ReadAll(ctx, repo, tip, []policy.ObjectID{commit}, func(_ policy.ObjectID, text []byte, err error) error {
		note = text
		return err
	})
	return note, err
}

// ReadAll is Read for several commits, by one git process: visit is called for
// each, in their order, with its note, or with what is wrong with that one. An
// error of visit ends it. That of ReadAll itself is about the tip, or the time.
func ReadAll(ctx context.Context, repo *gitfacts.Repository, tip policy.ObjectID, commits []policy.ObjectID,
	visit func(commit policy.ObjectID, note []byte, err error) error) error {
	if len(commits) == 0 {
		return nil
	}
	s, err := open(ctx, repo)
	if err != nil {
		return fmt.Errorf("read notes: %w", err)
	}
	defer s.close()
	c, err := s.commit(tip)
	if err != nil {
		return fmt.Errorf("read notes: %w", err)
	}
	for _, commit := range commits {
		note, err := s.note(c.tree, commit)
		if ctx.Err() != nil {
			return fmt.Errorf("read notes: %w", ctx.Err())
		}
		if err != nil {
			err = fmt.Errorf("read the note of %.64q: %w", commit, err)
		}
		if err := visit(commit, note, err); err != nil {
			return err
		}
	}
	return nil
}

// note reads the note of a commit, nil if there is none.
func (s *source) note(tree, commit policy.ObjectID) ([]byte, error) {
	if !s.isID(commit) {
		return nil, errors.New("it is not a commit's ID in this repository")
	}
	id, err := s.find(tree, commit)
	if err != nil || id == "" {
		return nil, err
	}
	note, err := s.get(id, "blob", maxNote)
	if errors.Is(err, gitfacts.ErrMissing) {
		return nil, fmt.Errorf("it is incomplete: %w", err)
	}
	return note, err
}

// find goes down the path of a commit and gives its note's blob, empty if there
// is none. All levels are looked at, so that a second note is seen.
func (s *source) find(tree, commit policy.ObjectID) (blob policy.ObjectID, err error) {
	for at := 0; tree != ""; at += 2 {
		rest := string(commit[at:])
		var next policy.ObjectID
		err := s.tree(tree, func(mode, name, raw []byte) error {
			e := entry{mode: string(mode)}
			switch string(name) {
			case rest:
				if !e.isBlob() {
					return nil
				}
				if blob != "" {
					return errTwo
				}
				blob = idOf(raw)
			case rest[:2]:
				if !e.isTree() {
					return nil
				}
				if next != "" {
					return errTwo
				}
				next = idOf(raw)
			}
			return nil
		})
		if err != nil {
			return "", err
		}
		if len(rest) == 2 {
			break
		}
		tree = next
	}
	return blob, nil
}
