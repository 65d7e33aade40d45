package stamp

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// A Want is what a stamp must be about.
type Want struct {
	Environment policy.EnvironmentName
	Service     policy.Service
	Repository  string              // relative to the root of the origin's policy; empty: any
	Refs        []policy.RefPattern // the ref must match one of them; none: any
	Commit      policy.ObjectID
}

// Verify checks everything about a stamp that it and the policy can tell: its
// form, who signed it and whether that key counts now, that it is about what is
// wanted, and that the line is in the tree. It returns the key, and sets Entry to
// what the signed line says. Not looked at: how old it is, and what other stamps
// of the same ledger say.
//
// The error is always a *Refusal.
func (s *Stamp) Verify(e *policy.Elsewhere, want Want, now time.Time) (policy.StampKey, error) {
	entry, err := ledger.Canonical(s.Line)
	if len(s.Line) > MaxLine {
		return policy.StampKey{}, refuse("the ledger's line in it has more than %d bytes", MaxLine)
	}
	if err != nil {
		return policy.StampKey{}, refuse("it holds no line of a ledger: %v", err)
	}
	s.Entry = entry
	if err := s.wellFormed(); err != nil {
		return policy.StampKey{}, err
	}
	key, err := s.signer(e, want.Environment, now)
	if err != nil {
		return policy.StampKey{}, err
	}
	for _, check := range []func() error{
		func() error { return s.wanted(e, want) },
		s.fits,
		s.keepable,
		func() error { return s.timely(now) },
		s.InTree,
		func() error { return s.recordable(key) },
	} {
		if err := check(); err != nil {
			return policy.StampKey{}, err
		}
	}
	return key, nil
}

// wellFormed checks what must be so for the message to be read in one way only.
func (s *Stamp) wellFormed() error {
	switch {
	case s.About != Deployed && s.About != Status && s.About != Withdrawal:
		return refuse("it says %q, which is not known", string(s.About))
	case !validCommit(s.Commit):
		return refuse("%q is not a commit's ID", string(s.Commit))
	case len(s.Line) > MaxLine:
		return refuse("the ledger's line in it has more than %d bytes", MaxLine)
	case len(s.Line) == 0 || bytes.IndexByte(s.Line, '\n') >= 0:
		return refuse("it holds no line of a ledger")
	case s.Tree.N < 1:
		return refuse("its tree is empty")
	}
	if _, ok := tlog.LedgerOf(tlog.Origin(s.Origin)); !ok {
		return refuse("%q is not a ledger's ID", s.Origin)
	}
	return nil
}

// validCommit reports whether id is one of a commit, of either object format.
func validCommit(id policy.ObjectID) bool {
	return (len(id) == 40 || len(id) == 64) && strings.Trim(string(id), "0123456789abcdef") == "" && !id.IsZero()
}

// signer finds who signed the stamp.
func (s *Stamp) signer(e *policy.Elsewhere, env policy.EnvironmentName, now time.Time) (policy.StampKey, error) {
	sig, err := parseSignature(s.Signature)
	if err != nil {
		return policy.StampKey{}, err
	}
	key, err := counts(e, env, sig.PublicKey, now)
	if err != nil {
		return policy.StampKey{}, err
	}
	if sig.Namespace != namespace {
		return policy.StampKey{}, refuse("it is signed for another purpose: %q, not %s", sig.Namespace, namespace)
	}
	if sshsig.Verify(bytes.NewReader(s.Message()), sig, sig.PublicKey, sshsig.HashSHA512, namespace) != nil {
		return policy.StampKey{}, refuse("its signature by the key %s is wrong", key.Fingerprint)
	}
	return key, nil
}

// parseSignature reads a signature that is written in the one way that there is.
func parseSignature(blob []byte) (sig *sshsig.Signature, err error) {
	if len(blob) > maxSigBlob {
		return nil, refuse("its signature has more than %d bytes", maxSigBlob)
	}
	sig, err = sshsig.ParseSignature(blob)
	if err != nil {
		return nil, refuse("its signature is no SSH signature: %v", err)
	}
	if !bytes.Equal(sig.Marshal(), blob) || len(sig.Signature.Rest) > 0 && !strings.HasPrefix(sig.PublicKey.Type(), "sk-") {
		return nil, refuse("its signature is not written in the one form that there is")
	}
	if sig.HashAlgorithm != sshsig.HashSHA512 {
		return nil, refuse("its signature is over %s and not sha512", sig.HashAlgorithm)
	}
	return sig, nil
}

// counts finds the policy's key, which must count at the time of receipt.
func counts(e *policy.Elsewhere, env policy.EnvironmentName, signed ssh.PublicKey, now time.Time) (policy.StampKey, error) {
	wire := base64.StdEncoding.EncodeToString(signed.Marshal())
	for _, k := range e.Keys {
		if _, b64, _ := strings.Cut(k.Key, " "); b64 != wire {
			continue
		}
		switch {
		case k.Revoked:
			return k, refuseAs(policy.OfferRevokedKey, "the key %s that signed it is revoked", k.Fingerprint)
		case !k.From.IsZero() && now.Before(k.From):
			return k, refuseAs(policy.OfferEarlyKey, "the key %s that signed it is not valid yet", k.Fingerprint)
		case !k.Until.IsZero() && !now.Before(k.Until):
			return k, refuseAs(policy.OfferExpiredKey, "the key %s that signed it has expired", k.Fingerprint)
		}
		return k, nil
	}
	return policy.StampKey{}, refuseAs(policy.OfferUnknownKey, "it is not signed by a key of %s: the key %s is not known", env, ssh.FingerprintSHA256(signed))
}

// wanted checks that the stamp is about what is asked.
func (s *Stamp) wanted(e *policy.Elsewhere, want Want) error {
	o := &s.Entry
	switch {
	case o.Environment != string(want.Environment):
		return refuse("it is about the environment %q, not %s", o.Environment, want.Environment)
	case o.Service != string(want.Service):
		return refuse("it is about the service %q, not %s", o.Service, want.Service)
	case !e.Speaks(want.Service):
		return refuseAs(policy.OfferService, "the keys of %s may not speak for the service %s", want.Environment, want.Service)
	case o.Repository == "" || want.Repository != "" && o.Repository != want.Repository:
		return refuse("it is about the repository %q, not %s", o.Repository, want.Repository)
	case !policy.ValidRefName(policy.RefName(o.Ref)) || len(want.Refs) > 0 && !slices.ContainsFunc(want.Refs, func(p policy.RefPattern) bool {
		return p.Match(policy.RefName(o.Ref))
	}):
		return refuse("it is about the ref %q, which is none of %s", o.Ref, want.Environment)
	case s.Commit != want.Commit:
		return refuse("it is about the commit %s, not %s", s.Commit, want.Commit)
	}
	return nil
}

// fits checks that the line says what the stamp is said to be about.
func (s *Stamp) fits() error {
	o := &s.Entry
	deployed := o.Type == ledger.TypeDeployed
	if !validCommit(policy.ObjectID(o.Commit)) || len(o.Commit) != len(s.Commit) {
		return refuse("record %d is about no commit of this kind", o.Seq)
	}
	own := o.Commit == string(s.Commit)
	switch {
	case s.About == Deployed && (!deployed && o.Type != ledger.TypeAdopt || !own):
		return refuse("record %d is no deployment of the commit", o.Seq)
	case s.About == Status && (o.Type != ledger.TypeStatus || !own || o.Record == 0 || o.Record >= o.Seq || o.State == ""):
		return refuse("record %d is no outcome of a deployment of the commit", o.Seq)
	case s.About == Withdrawal && (own || !o.MayWithdraw()):
		return refuse("record %d takes no commit away", o.Seq)
	}
	return nil
}

func (s *Stamp) timely(now time.Time) error {
	if s.Entry.Time.After(now.Add(policy.MaxAhead)) {
		return refuseAs(policy.OfferClock, "it says that it was recorded at %s, and here it is %s",
			s.Entry.Time.UTC().Format("2006-01-02 15:04 UTC"), now.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return nil
}

// recordable checks that a ledger takes the entry that keeps the stamp: what is
// signed and cannot be weighed is refused, whoever signed it.
func (s *Stamp) recordable(k policy.StampKey) error {
	if err := ledger.CheckStamp(s.EntryFor(k)); err != nil {
		return refuse("it cannot be kept on record: %v", err)
	}
	return nil
}

// InTree checks that the line is the leaf of its number in the tree, which Verify
// does too. The error is a *Refusal.
func (s *Stamp) InTree() error {
	if s.Entry.Seq > uint64(s.Tree.N) || len(s.Proof) > maxHashes ||
		sumdb.CheckRecord(s.Proof, s.Tree.N, s.Tree.Hash, int64(s.Entry.Seq)-1, tlog.LeafHash(s.Line)) != nil {
		return refuse("its proof does not show that record %d is in the ledger's tree of %d", s.Entry.Seq, s.Tree.N)
	}
	return nil
}
