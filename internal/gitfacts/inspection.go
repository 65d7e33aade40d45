package gitfacts

import (
	"context"
	"fmt"
	"regexp"

	"github.com/pathgate/pathgate/policy"
)

// Reason is why a commit does not count as signed, in words for people.
type Reason string

// The reasons.
const (
	NoSignature    Reason = "it has no signature"
	ManySignatures Reason = "it has more than one signature header"
	OtherSignature Reason = "its signature is not an SSH signature of this object format"
	Malformed      Reason = "the commit or its signature is malformed"
	WrongNamespace Reason = "its signature was not made for git"
	UnknownKey     Reason = "its key is not that of an allowed signer, or not at this time"
	BadSignature   Reason = "its signature does not fit, or its key may not sign for git"
)

// An inspection looks at the commits that a move brings. What is nil is not
// looked for.
type inspection struct {
	ticket  *regexp.Regexp
	signers *signers
	facts   policy.CommitFacts
}

// inspect looks at each commit once, and no further than an answer needs.
func (r *Repository) inspect(ctx context.Context, tip, live policy.ObjectID, i *inspection, without ...policy.ObjectID) error {
	if i.ticket == nil && i.signers == nil {
		return nil
	}
	for commit, err := range r.Brought(ctx, tip, live, MaxBrought, without...) {
		if err != nil {
			return err
		}
		i.lookForTicket(commit)
		if err := i.checkSignature(commit, r.format.header()); err != nil {
			return fmt.Errorf("check the signature of %s: %w", commit.ID, err)
		}
		if i.ticket == nil && i.full() {
			break
		}
	}
	return nil
}

func (i *inspection) full() bool { return i.facts.UnsignedCount == MaxListed }

func (i *inspection) lookForTicket(c Commit) {
	if i.ticket == nil || i.ticket.Match(c.Message()) {
		return
	}
	if i.facts.NoTicketCount++; i.facts.NoTicketCount <= MaxListed {
		i.facts.NoTicket = append(i.facts.NoTicket, c.ID)
	}
}

func (i *inspection) checkSignature(c Commit, header string) error {
	if i.signers == nil || i.full() {
		return nil
	}
	reason, err := i.signers.commit(c.Raw, header)
	if err != nil || reason == "" {
		return err
	}
	i.facts.UnsignedCount++
	i.facts.Unsigned = append(i.facts.Unsigned, policy.UnsignedCommit{Commit: c.ID, Reason: string(reason)})
	return nil
}
