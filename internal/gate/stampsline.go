package gate

import (
	"context"
	"fmt"

	"github.com/pathgate/pathgate/internal/stamp/notes"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// A lineage is the trees of an origin's ledger by which the history of its notes
// goes, each proven to be the beginning of the next (RFC 6962, section 2.1.2).
type lineage struct {
	trees map[int64]tlog.Hash // by size
	from  int64               // no smaller tree was looked for
	err   error               // why it ends
}

func (l *lineage) has(t tlog.Tree) bool {
	hash, ok := l.trees[t.N]
	return ok && hash == t.Hash
}

// denies reports whether the beginning of a tree that is on the line is another
// one than a tree of the same size.
func (l *lineage) denies(of, beginning tlog.Tree) bool {
	hash, ok := l.trees[beginning.N]
	return ok && hash != beginning.Hash && beginning.N < of.N && l.has(of)
}

// unreadHistory is why a tree does not follow where git could not tell, or not in
// time: that proves nothing about the origin.
const unreadHistory = "the history of its notes could not be read here; push again"

// follows reports whether a stamp's tree and the newest that is known are of one
// and the same ledger, as the history of the notes proves; or that they are not;
// or why that cannot be found out. If none of the three, it has to be asked of
// git first.
func (in *intake) follows(h *head, p *proven) (follows bool, contradiction, why string) {
	switch {
	case h.tree.N == 0, p.Tree == h.tree:
		return true, "", ""
	case p.Tree.N == h.tree.N:
		return false, fmt.Sprintf("it has signed two trees of %d records", p.Tree.N), ""
	}
	oldest := min(h.tree.N, p.Tree.N)
	unread := false
	tips := append([]policy.ObjectID{p.tip}, in.tips[p.asked.env]...)
	for _, tip := range tips {
		line := in.lines[tip]
		if line == nil || line.from > oldest {
			in.asks[tip] = min(oldest, orMore(in.asks[tip], oldest))
			return false, "", ""
		}
		unread = unread || line.err != nil
		switch {
		case line.has(h.tree) && line.has(p.Tree):
			return true, "", ""
		case line.denies(p.Tree, h.tree), line.denies(h.tree, p.Tree):
			return false, fmt.Sprintf("its tree of %d records does not go on from that of %d", max(h.tree.N, p.Tree.N), oldest), ""
		}
	}
	if unread {
		return false, "", unreadHistory
	}
	return false, "", fmt.Sprintf("nothing proves that its ledger of %d records is the one of %d that is known here", p.Tree.N, h.tree.N)
}

func orMore(n, otherwise int64) int64 {
	if n == 0 {
		return otherwise
	}
	return n
}

// trace follows the histories that the last try asked for. What takes too long
// proves as much as was read. An error is about the time of the caller.
func (in *intake) trace(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	for tip, from := range in.asks {
		line := &lineage{trees: make(map[int64]tlog.Hash), from: from}
		trees, err := notes.Trees(within, in.scene.repo, tip, from)
		for _, t := range trees {
			line.trees[t.N] = t.Hash
		}
		line.err = err
		in.lines[tip] = line
	}
	clear(in.asks)
	if ctx.Err() != nil {
		return because("the history of the notes of deployments cannot be read", ctx.Err())
	}
	return nil
}
