package stamp

import (
	"bytes"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// CheckEntry checks that the signature in an entry that keeps a stamp holds over
// what the entry says, by the key that it names. Whether that key may sign is for
// the policy to say. The error is fit to print. It is what
// ledger.VerifyOptions.Signed asks for.
func CheckEntry(e *ledger.Entry) error {
	about, err := e.Stamp()
	if err != nil {
		return refuse("%v", err)
	}
	tree, err := e.StampTree()
	if err != nil {
		return refuse("%v", err)
	}
	blob, err := e.StampSignature()
	if err != nil {
		return refuse("%v", err)
	}
	sig, err := parseSignature(blob)
	if err != nil {
		return err
	}
	s := &Stamp{About: About(about), Commit: policy.ObjectID(e.Commit), Origin: e.Origin, Tree: tree, Line: []byte(e.Lines[0])}
	switch {
	case ssh.FingerprintSHA256(sig.PublicKey) != e.Key:
		return refuse("it is signed by the key %s, and not %s", ssh.FingerprintSHA256(sig.PublicKey), e.Key)
	case sig.Namespace != namespace:
		return refuse("it is signed for another purpose: %q, not %s", sig.Namespace, namespace)
	case sshsig.Verify(bytes.NewReader(s.Message()), sig, sig.PublicKey, sshsig.HashSHA512, namespace) != nil:
		return refuse("its signature by the key %s is wrong", e.Key)
	}
	return nil
}
