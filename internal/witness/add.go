package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"

	"github.com/pathgate/pathgate/internal/tlog"
)

// Terms are what the witness's operator says, never the sender.
type Terms struct {
	// First says that the ledger is to be believed as it comes if it is not
	// known, and its key kept if none is. It is refused if both are known.
	First bool
	// Log is the text of the ledger's verifier keys, one a line. It must be
	// given with First to Add; later each must be one of those that are kept.
	Log string
	// Ledger is the ID of the only ledger that may be told of; empty for any
	// that is known.
	Ledger string
	// Known is how many records the witness knew before the copy for Check was
	// fetched, or zero. A copy that has so many, and fewer than are known by
	// now, is stale, and not cut.
	Known int64
}

// Add reads an update, or a checkpoint alone, and if it goes on from what the
// witness knows, keeps it and returns it with the witness's signature. A
// refusal is an *Alarm, which is on record by then; every other error is a
// fault, after which what is known is either the old or the new, whole.
func (w *Witness) Add(ctx context.Context, in io.Reader, t Terms) (*Known, error) {
	b, err := io.ReadAll(io.LimitReader(in, tlog.MaxProof+1))
	if err != nil {
		return nil, fmt.Errorf("read what the witness is told: %w", err)
	}
	unlock, err := w.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	k, err := w.add(b, t)
	return k, w.recorded(err)
}

// An offer is what the witness is told, taken apart.
type offer struct {
	tlog.Update
	bare   bool // without a proof
	said   tlog.Checkpoint
	ledger string // ID
	terms  Terms
	bytes  []byte
}

func (w *Witness) add(b []byte, t Terms) (*Known, error) {
	o, err := readOffer(b, t)
	if err != nil {
		return nil, err
	}
	known, err := w.known(o.ledger)
	if err != nil {
		return nil, err
	}
	keep, err := w.opened(o, known)
	if err != nil {
		return nil, err
	}
	if err := o.judge(known); err != nil {
		return nil, err
	}
	signed, err := tlog.Cosign(o.Checkpoint, w.signer)
	if err != nil {
		return nil, err
	}
	if _, err := w.read(signed); err != nil {
		return nil, o.alarm(Malformed, "it has no room for another signature")
	}
	return w.keep(o.ledger, signed, keep)
}

// readOffer checks the form of what the witness is told, and whether it may be
// told that here.
func readOffer(b []byte, t Terms) (*offer, error) {
	o := &offer{terms: t, bytes: b, ledger: t.Ledger}
	if len(b) > tlog.MaxProof {
		return nil, o.alarm(Large, "more than %d bytes", tlog.MaxProof)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, o.alarm(Nothing, "nothing was sent: the ledger's host could not sign")
	}
	o.bare = !bytes.HasPrefix(b, []byte("old "))
	var err error
	if o.Checkpoint = b; !o.bare {
		o.Update, err = tlog.ParseUpdate(b)
	}
	if err == nil {
		o.said, err = tlog.Peek(o.Checkpoint)
	}
	if err == nil && o.said.N == 0 {
		err = errors.New("a ledger has a first line, and this tree is empty")
	}
	if err != nil {
		return nil, o.alarm(Malformed, "%v", err)
	}
	id, ok := tlog.LedgerOf(o.said.Origin)
	if !ok {
		return nil, o.alarm(Unknown, "%.200q is not the origin of a ledger", o.said.Origin)
	}
	if t.Ledger != "" && id != t.Ledger {
		return nil, o.alarm(Other, "it must be ledger %.40s, and is %s", t.Ledger, id)
	}
	o.ledger = id
	return o, nil
}

// opened checks that a key of the ledger has signed the offer. It returns the
// text of keys that are to be kept.
func (w *Witness) opened(o *offer, known *Known) (keep string, err error) {
	keys, err := w.logKeys(o.ledger)
	if err != nil {
		return "", err
	}
	given, err := parseKeys(o.terms.Log)
	if err != nil {
		return "", fmt.Errorf("read the ledger's key: %w", err)
	}
	switch {
	case known != nil && keys != nil && o.terms.First:
		return "", o.alarm(Twice, "it is known, with %d records, and so is its key", known.N)
	case (known == nil || keys == nil) && !o.terms.First:
		return "", o.alarm(Unknown, "this ledger, or its key, was never seen here")
	case o.terms.First && len(given) == 0:
		return "", errors.New("the verifier key of a new ledger must be given")
	case o.terms.First:
		keys, keep = given, o.terms.Log
	case !contains(keys, given):
		return "", o.alarm(Key, "the key that was given is not one that is kept for this ledger")
	}
	for _, k := range keys {
		if _, _, err = tlog.Open(o.Checkpoint, k); err == nil {
			return keep, nil
		}
	}
	if errors.Is(err, tlog.ErrUnsigned) {
		return "", o.alarm(Unsigned, "%v", err)
	}
	return "", o.alarm(Malformed, "%v", err)
}

// contains tells whether all of some are among all.
func contains(all, some []note.Verifier) bool {
	for _, s := range some {
		found := false
		for _, k := range all {
			found = found || k.Name() == s.Name() && k.KeyHash() == s.KeyHash()
		}
		if !found {
			return false
		}
	}
	return true
}

// judge says whether a signed offer goes on from what is known.
func (o *offer) judge(known *Known) error {
	n := int64(0)
	if known != nil {
		n = known.N
	}
	refuse := func(kind Kind, format string, args ...any) error {
		return o.alarm(kind, format, args...).against(known)
	}
	switch {
	case o.Old > n:
		return refuse(Behind, "it goes on from %d records, and this witness knows %d", o.Old, n)
	case known == nil || o.said.Tree == known.Tree:
		return nil
	case o.said.N == n:
		return refuse(Fork, "two trees of %d records, both signed, have different roots", n)
	case o.said.N < n && (o.bare || o.Old == n):
		return refuse(Cut, "%d records were seen, and the ledger says that it has %d", n, o.said.N)
	case o.said.N < n:
		return refuse(Stale, "it has %d records, and %d were seen: another run was sooner, or the ledger was cut", o.said.N, n)
	case o.bare:
		return refuse(Stale, "it has %d records and no proof that it goes on from the %d that were seen", o.said.N, n)
	case o.Old < n:
		return refuse(Stale, "it goes on from %d records, and %d were seen: another run was sooner", o.Old, n)
	}
	if err := tlog.CheckTree(o.Hashes, o.said.Tree, known.Tree); err != nil {
		return refuse(Fork, "%v", err)
	}
	return nil
}
