package release

import (
	"context"
	"fmt"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// merge merges r into what is built so far. The merge waits to be written, as
// it may turn out to be the last.
func (b *builder) merge(ctx context.Context, r Branch, m message) (*Conflict, error) {
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	result, err := b.repo.MergeTree(ctx, b.tip, r.Head)
	if err != nil {
		return nil, err
	}
	if !result.Clean {
		return b.conflict(ctx, r, result)
	}
	b.waiting = &pending{message: m, commit: gitfacts.NewCommit{
		Tree: result.Tree, Parents: []policy.ObjectID{b.tip, r.Head},
		Name: b.req.Committer.Name, Email: b.req.Committer.Email, Time: b.req.Now,
	}}
	return nil, nil
}

// settle writes the commit that waits, which then is not the last.
func (b *builder) settle(ctx context.Context) error {
	if b.waiting == nil {
		return nil
	}
	id, err := b.waiting.write(ctx, b.repo, 0)
	b.tip, b.waiting = id, nil
	return err
}

// complete puts what is built into the plan.
func (b *builder) complete(ctx context.Context) error {
	b.plan.known, b.plan.waiting = b.tip, b.waiting
	if b.waiting != nil {
		b.plan.tree = b.waiting.commit.Tree
		return nil
	}
	objects, err := b.repo.Commits(ctx, []policy.ObjectID{b.tip})
	if err != nil {
		return err
	}
	o := objects[b.tip]
	if o.Kind != "commit" {
		return fmt.Errorf("%s is not a commit", b.tip)
	}
	b.plan.tree = o.Tree
	return nil
}
