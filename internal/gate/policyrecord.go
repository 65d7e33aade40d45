package gate

import (
	"errors"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
)

// errSerial says that somebody put an older policy file back.
var errSerial = errors.New("a policy file with a higher serial is on record")

// putPolicy makes sure that the policy file that judges is on record, before
// anything is that was judged by it, and that it is not an older one.
func (s *scene) putPolicy(b *book, by ledger.Entry) error {
	known, _, err := b.KnownPolicy(s.policy.Hash)
	if err != nil {
		return err
	}
	serial, err := b.Serial()
	if err != nil {
		return err
	}
	if !serial.Allows(s.policy.Hash, s.policy.Serial) {
		return errSerial
	}
	if known {
		return nil
	}
	entries := ledger.PolicyEntries([]byte(s.policy.Text), s.policy.Serial)
	for _, e := range entries {
		e.Push, e.Repository = by.Push, by.Repository
		e.Principal, e.Via, e.Address = by.Principal, by.Via, by.Address
	}
	return b.Append(entries...)
}

// tree is where the ledger stands, in short, for what people are told: whoever
// keeps it can later show that nothing before it was changed. Empty if it cannot
// be computed.
func (b *book) tree() string {
	t, err := b.Tree()
	if err != nil {
		return ""
	}
	return tlog.Short(t)
}
