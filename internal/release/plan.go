package release

import (
	"context"
	"errors"
	"fmt"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// maxGone is how many branches Plan.Gone names.
const maxGone = 100

// A Plan is what an environment shall hold.
type Plan struct {
	// Action is what the record shall say.
	Action string
	// Contained is set if there is nothing to do: the environment holds the
	// commit. Provisional and Finish then give what is live.
	Contained *Contained
	// CaughtUp is base's commit if it was merged first because the
	// environment had fallen behind it; empty otherwise.
	CaughtUp policy.ObjectID
	// Gone names the released branches that base contains by now, in their
	// order, the first 100 of them.
	Gone []string
	// StillIn are, of a removal, the released branches through which commits
	// of the removed one stay, in their order.
	StillIn []Branch

	repo    *gitfacts.Repository
	tree    policy.ObjectID
	known   policy.ObjectID // the new commit, or what the one that waits is put on
	waiting *pending        // the last commit, which waits for its record
	draft   policy.ObjectID // the same without its record, once written
}

// A pending is a commit that is not yet written.
type pending struct {
	commit  gitfacts.NewCommit // without the message
	message message
}

func (p *pending) write(ctx context.Context, repo *gitfacts.Repository, record uint64) (policy.ObjectID, error) {
	c := p.commit
	c.Message = p.message.text(record)
	return repo.WriteCommit(ctx, c)
}

// Tree is the tree of the new commit, or, if there is nothing to do, of what is
// live.
func (p *Plan) Tree() policy.ObjectID { return p.tree }

// Subject gives the new commit's first line.
func (p *Plan) Subject(ctx context.Context) (string, error) {
	if p.waiting != nil {
		return p.waiting.message.subject, nil
	}
	found, err := p.repo.Commits(ctx, []policy.ObjectID{p.known})
	if err != nil {
		return "", fmt.Errorf("read a commit's subject: %w", err)
	}
	return found[p.known].Subject, nil
}

// Provisional gives the new commit without the number of its record, for those
// who have to see it before there is one. It is written at the first call, and
// is another commit than that of Finish unless no merge is the last of the
// action.
func (p *Plan) Provisional(ctx context.Context) (policy.ObjectID, error) {
	if p.waiting == nil {
		return p.known, nil
	}
	if p.draft == "" {
		id, err := p.waiting.write(ctx, p.repo, 0)
		if err != nil {
			return "", fmt.Errorf("write a release without its record: %w", err)
		}
		p.draft = id
	}
	return p.draft, nil
}

// Finish gives the new commit, whose message names the record of the action. It
// starts one git process at most, and may be called again with another record.
func (p *Plan) Finish(ctx context.Context, record uint64) (policy.ObjectID, error) {
	if p.waiting == nil {
		return p.known, nil
	}
	if record == 0 {
		return "", errors.New("write a release: it has no record")
	}
	id, err := p.waiting.write(ctx, p.repo, record)
	if err != nil {
		return "", fmt.Errorf("write a release: %w", err)
	}
	return id, nil
}
