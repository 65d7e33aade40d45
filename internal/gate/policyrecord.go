package gate

import (
	"errors"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
)

// serialFault is a fault if a policy file may not judge after what is on record:
// it is older than another, or another one with the same serial. Nothing else is
// wrong then, so that it goes on record.
func serialFault(s ledger.Serial, hash string, serial uint64) error {
	wrong := s.Refusal(hash, serial)
	if wrong == "" {
		return nil
	}
	reason := "the policy file is older than one that is on record"
	if serial == s.Highest {
		reason = "another policy file with the same serial is on record: an operator raises it, " +
			"and hosts that share a ledger have the same file, or none a serial"
	}
	return because(reason, errors.New(wrong))
}

// putPolicy makes sure that the policy file that judges is on record, before
// anything is that was judged by it, and that it is not an older one. Where it is
// not on record yet, it goes there with what is appended next.
func (s *scene) putPolicy(b *book, by ledger.Entry) error {
	known, _, err := b.KnownPolicy(s.policy.Hash)
	if err != nil {
		return err
	}
	serial, err := b.Serial()
	if err != nil {
		return err
	}
	if err := serialFault(serial, s.policy.Hash, s.policy.Serial); err != nil {
		return err
	}
	if known {
		return nil
	}
	entries := ledger.PolicyEntries([]byte(s.policy.Text), s.policy.Serial)
	for _, e := range entries {
		e.Push, e.Repository = by.Push, by.Repository
		e.Principal, e.Via, e.Address = by.Principal, by.Via, by.Address
	}
	b.first = entries
	return nil
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
