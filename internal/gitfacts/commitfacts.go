package gitfacts

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/pathgate/pathgate/policy"
)

// CommitFacts answers what a policy asks of git about a move of an environment
// from the commit live, or the zero ID where nothing is live, to the commit
// tip. What one of without reaches is not brought by the move: it comes along
// from the base; zero and empty IDs among those are ignored. FastForward looks
// at live alone. Only what is asked for is looked at, and the commits that the
// move brings are read once. See Contains, IsAncestor, WithoutTicket and
// Unsigned; there is no answer if one of them has none. UnsignedCount, like
// Unsigned, ends at MaxListed.
func (r *Repository) CommitFacts(ctx context.Context, needs policy.GitNeeds, tip, live policy.ObjectID, without ...policy.ObjectID) (policy.CommitFacts, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	var none policy.CommitFacts
	i := inspection{}
	var err error
	if len(needs.Branches) > 0 {
		if i.facts.Contained, err = r.Contains(ctx, tip, needs.Branches); err != nil {
			return none, err
		}
	}
	if needs.FastForward {
		if i.facts.FastForward, err = r.fastForward(ctx, tip, live); err != nil {
			return none, err
		}
	}
	if needs.Ticket != "" {
		if i.ticket, err = regexp.Compile(needs.Ticket); err != nil {
			return none, fmt.Errorf("look for tickets: %w", err)
		}
	}
	if needs.Signed != "" {
		if i.signers, err = openSigners(ctx, needs.Signed); err != nil {
			return none, fmt.Errorf("check signatures: %w", err)
		}
		defer i.signers.close()
	}
	if err := r.inspect(ctx, tip, live, &i, without...); err != nil {
		return none, err
	}
	i.facts.Fetched = true
	return i.facts, nil
}

// fastForward reports whether tip contains live, or nothing is live.
func (r *Repository) fastForward(ctx context.Context, tip, live policy.ObjectID) (bool, error) {
	if live.IsZero() {
		return true, r.answers(tip)
	}
	return r.IsAncestor(ctx, live, tip)
}

// WithoutTicket looks for ticket in the message of each commit that a move of
// an environment from live to tip brings to it (Brought, MaxBrought). total is
// how many lack it, missing the first MaxListed of them.
//
// Merge commits need a ticket like all others: a merge may change whatever it
// likes, and a rule that spares merges can be passed by making one. Only the
// message counts, not names, notes or what a merged tag says.
func (r *Repository) WithoutTicket(ctx context.Context, tip, live policy.ObjectID, ticket *regexp.Regexp) (missing []policy.ObjectID, total int, err error) {
	if ticket == nil {
		return nil, 0, errors.New("look for tickets: no pattern")
	}
	i := inspection{ticket: ticket}
	if err := r.inspect(ctx, tip, live, &i); err != nil {
		return nil, 0, err
	}
	return i.facts.NoTicket, i.facts.NoTicketCount, nil
}

// Unsigned looks for commits without a good signature among those that a move
// of an environment from live to tip brings to it (Brought, MaxBrought). It
// stops at the MaxListed-th. The reasons are those of Reason.
//
// A good signature is an SSH one for the namespace "git", in the commit's own
// and only signature header, by a key to which allowedSigners gives a name
// (ssh-keygen(1), "ALLOWED SIGNERS"). valid-after and valid-before are held
// against this server's clock, never against a date in the commit. What a PGP
// or X.509 signature says does not count, and neither does what the
// configuration of git says.
//
// An allowedSigners that is missing, not absolute, no regular file, or that
// others than its owner may write is an error, and so is a missing ssh-keygen.
func (r *Repository) Unsigned(ctx context.Context, tip, live policy.ObjectID, allowedSigners string) ([]policy.UnsignedCommit, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	s, err := openSigners(ctx, allowedSigners)
	if err != nil {
		return nil, fmt.Errorf("check signatures: %w", err)
	}
	defer s.close()
	i := inspection{signers: s}
	if err := r.inspect(ctx, tip, live, &i); err != nil {
		return nil, fmt.Errorf("check signatures: %w", err)
	}
	return i.facts.Unsigned, nil
}
