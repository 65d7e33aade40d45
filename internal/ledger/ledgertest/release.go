package ledgertest

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

const (
	releasing = 10 // services that release branches
	together  = 10 // branches that are in dev at once
	removing  = 50 // each so manieth deployment takes a branch out
)

// release makes the intent of the i-th deployment of a release branch.
func (g *generator) release(i int, seq uint64, at time.Time) *ledger.Entry {
	service, nth := fmt.Sprintf("fill%d", i%releasing), i/releasing
	hash := func(what string) string {
		sum := sha1.Sum(fmt.Appendf(nil, "%s %d %d", what, g.last, i))
		return hex.EncodeToString(sum[:])
	}
	e := &ledger.Entry{
		Seq: seq, Time: at, Type: ledger.TypeIntent, Push: hash("push")[:16], Service: service, Environment: "dev",
		Repository: service + ".git", Ref: "refs/heads/release/dev", New: hash("commit"), Commit: hash("commit"),
		Tree: hash("tree"), Principal: "ana", Via: "ssh", Address: "192.0.2.7", Token: "fill",
	}
	in := g.released[service]
	if nth%removing == removing-1 && len(in) > 0 {
		e.Action, e.Kind, e.Branch = ledger.ActionRemove, ledger.KindRemove, in[len(in)-1]
		in = in[:len(in)-1]
	} else {
		e.Action, e.Kind, e.Branch, e.Head = ledger.ActionRelease, "deploy", fmt.Sprintf("JIRA-%d", nth), hash("head")
		e.Tickets = []string{e.Branch}
		if len(in) == together {
			e.Gone, in = []string{in[0]}, in[1:]
		}
		in = append(slices.Clone(in), e.Branch)
	}
	e.Subject = e.Action + " " + e.Branch
	g.released[service] = in
	g.intent = e
	return e
}
