package gitfacts

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// benchSite is a packed repository with a history of old commits and, behind
// refs/heads/live, fresh signed ones, with refs on the way.
func benchSite(b *testing.B, old, fresh, refs int, graph bool) (r *Repository, tip, live policy.ObjectID, signers string) {
	b.Helper()
	bare, work := newRepository(b)
	k := newKey(b, "ed25519")
	var s strings.Builder
	for i := range old {
		fmt.Fprintf(&s, "commit refs/heads/live\ncommitter a <a@b> %d +0000\ndata 4\nT-1\n\n", 1_000_000_000+i)
		if refs > 0 && i%(1+old/refs) == 0 {
			fmt.Fprintf(&s, "reset refs/heads/release/%d\nfrom refs/heads/live\n\n", i)
		}
	}
	if out, err := tryGit(work, s.String(), "fast-import", "--quiet"); err != nil {
		b.Fatal(out)
	}
	git(b, work, "checkout", "-q", "-B", "main", "live")
	for range fresh {
		k.commit(work, "T-2")
	}
	git(b, bare, "config", "receive.unpackLimit", "100")
	git(b, work, "push", "-q", bare, "--all")
	if graph {
		git(b, bare, "repack", "-q", "-a", "-d")
		git(b, bare, "commit-graph", "write", "--reachable")
	}
	rev := func(name string) policy.ObjectID { return policy.ObjectID(git(b, work, "rev-parse", name)) }
	return open(b, bare), rev("main"), rev("live"), k.allow("ana@x")
}

// BenchmarkHistory measures each fact of a promotion.
func BenchmarkHistory(b *testing.B) {
	ticket := regexp.MustCompile("[A-Z]+-[0-9]+")
	for _, size := range []struct {
		old, fresh, refs int
		graph            bool
	}{{20, 1, 0, false}, {1000, 1, 0, true}, {1000, 20, 0, true}, {20_000, 200, 1000, false}, {20_000, 200, 1000, true}} {
		r, tip, live, signers := benchSite(b, size.old, size.fresh, size.refs, size.graph)
		name := fmt.Sprintf("%d-%d-graph=%v", size.old, size.fresh, size.graph)
		run := func(fact string, f func() error) {
			b.Run(name+"/"+fact, func(b *testing.B) {
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		main, all := patterns(b, "refs/heads/main"), patterns(b, "refs/heads/*")
		run("branch", func() error { _, err := r.Contains(b.Context(), tip, main); return err })
		run("branches", func() error { _, err := r.Contains(b.Context(), tip, all); return err })
		needs := policy.GitNeeds{Branches: main, Ticket: ticket.String(), Signed: signers, FastForward: true}
		run("all", func() error { _, err := r.CommitFacts(b.Context(), needs, tip, live); return err })
		run("fast-forward", func() error { _, err := r.IsAncestor(b.Context(), live, tip); return err })
		run("ticket", func() error { _, _, err := r.WithoutTicket(b.Context(), tip, live, ticket); return err })
		run("signed", func() error {
			got, err := r.Unsigned(b.Context(), tip, live, signers)
			if len(got) > 0 {
				return fmt.Errorf("%v", got)
			}
			return err
		})
	}
}
