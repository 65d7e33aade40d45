package gitfacts

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// IsAncestor reports whether commit a is commit b or can be reached from it.
// Dates, replace refs and grafts have no part in the answer. Commits that are
// missing or damaged are an error, and so is a shallow repository.
func (r *Repository) IsAncestor(ctx context.Context, a, b policy.ObjectID) (bool, error) {
	if err := r.answers(a, b); err != nil {
		return false, fmt.Errorf("compare commits: %w", err)
	}
	if _, ok := r.chain(b, a, maxChain); ok {
		return true, nil
	}
	res, err := r.history(ctx, "merge-base", "--is-ancestor", string(a), string(b))
	if err != nil {
		return false, fmt.Errorf("compare commits %s and %s: %w", a, b, err)
	}
	return res.exit == 0, nil
}

// answers checks that the repository can be asked about the history of ids.
// What a shallow file leaves out is unknown, and unknown is never an answer.
func (r *Repository) answers(ids ...policy.ObjectID) error {
	for _, id := range ids {
		if _, ok := r.objectID(string(id)); !ok || id.IsZero() {
			return fmt.Errorf("%q is not an object ID of this repository", id)
		}
	}
	return r.whole()
}

// history asks git about commits. 0 is an answer, and 1 is the "no" of
// "merge-base --is-ancestor"; but git says so also of a commit that it failed
// to read, so an answer with a complaint is none.
func (r *Repository) history(ctx context.Context, args ...string) (result, error) {
	return r.historyOf(ctx, nil, args...)
}

// historyOf is history with arguments on standard input.
func (r *Repository) historyOf(ctx context.Context, stdin io.Reader, args ...string) (result, error) {
	res, err := r.run(ctx, hermetic, stdin, args...)
	if err != nil {
		return res, err
	}
	if res.exit > 1 || res.exit == 1 && args[0] != "merge-base" || complains(res.messages) {
		return res, fmt.Errorf("git %s: status %d: %s", args[0], res.exit, lastLine(res.messages))
	}
	return res, nil
}

func lastLine(messages string) string {
	messages = strings.TrimSpace(messages)
	return messages[strings.LastIndexByte(messages, '\n')+1:]
}

// maxChain is how many commits are walked natively before git is asked.
const maxChain = 64

// chain gives the commits from start, included, to end, excluded, newest
// first, if each is a loose object with exactly one parent: then they are all
// that start reaches and end does not. A push of a few commits is nearly
// always so, and no process is started for it. Each commit is checked against
// its ID. ok is false where git must be asked.
func (r *Repository) chain(start, end policy.ObjectID, limit int) (ids []policy.ObjectID, ok bool) {
	source := objects{repo: r, looseOnly: true}
	for id := start; id != end; {
		if len(ids) == limit {
			return nil, false
		}
		kind, raw, err := source.read(id)
		if err != nil || kind != "commit" {
			return nil, false
		}
		ids = append(ids, id)
		if id, ok = onlyParent(raw, r.format.digits()); !ok {
			return nil, false
		}
	}
	kind, _, err := source.read(end)
	return ids, err == nil && kind == "commit" && len(ids) > 0
}

// onlyParent gives a commit's parent if it has one only.
func onlyParent(raw []byte, digits int) (policy.ObjectID, bool) {
	_, rest, ok := field(raw, "tree ", digits)
	if !ok {
		return "", false
	}
	id, rest, ok := field(rest, "parent ", digits)
	if !ok || strings.HasPrefix(string(rest[:min(len(rest), 7)]), "parent ") {
		return "", false
	}
	return policy.ObjectID(id), true
}
