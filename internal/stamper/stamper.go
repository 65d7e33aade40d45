package stamper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// mostWithdrawn is of how many commits the withdrawal by one record is stamped at
// once; reconcile does the others.
const mostWithdrawn = 100

// A Stamper stamps by a policy.
type Stamper struct {
	Policy *policy.Policy
	Now    func() time.Time
	// Repository is that of the hook that runs, with its name relative to the
	// policy's root in Name; nil if every repository is to be opened.
	Repository *gitfacts.Repository
	Name       string
	// Load reads the entry of an item that has none. Ledger is the ledger's ID, if
	// it is known already: then nothing is read or proven of what is stamped.
	Load   func(*Item) error
	Ledger string
}

// Wants reports whether the policy has stamps for an entry. The others cost no
// more than this question.
func (s *Stamper) Wants(e *ledger.Entry) bool {
	env, ok := s.Policy.Environment(policy.EnvironmentName(e.Environment))
	if !ok || env.Stamps == nil {
		return false
	}
	_, ok = ItemOf(e)
	return ok
}

// Stamp stamps what is on record. Entries that are not for stamps are passed
// over. Of a status its deployment is best given too. An error is of one or
// more environments; the others have been stamped.
func (s *Stamper) Stamp(ctx context.Context, entries ...*ledger.Entry) error {
	entries = slices.DeleteFunc(slices.Clone(entries), func(e *ledger.Entry) bool { return !s.Wants(e) })
	if len(entries) == 0 {
		return nil
	}
	var order []Target
	items := make(map[Target][]Item)
	for _, e := range entries {
		t := TargetOf(e)
		if items[t] == nil {
			order = append(order, t)
		}
		item, _ := ItemOf(e)
		items[t] = append(items[t], item)
	}
	withdrawals, err := s.withdrawn(ctx, entries)
	if err != nil {
		err = fmt.Errorf("stamp what was withdrawn: %w", err)
	}
	for _, t := range order {
		_, failed := s.Write(ctx, t, append(items[t], withdrawals[t]...))
		err = errors.Join(err, failed)
	}
	return err
}

// TargetOf is where an entry's stamps go.
func TargetOf(e *ledger.Entry) Target {
	return Target{policy.EnvironmentName(e.Environment), e.Repository}
}

// withdrawn finds what entries have taken away.
func (s *Stamper) withdrawn(ctx context.Context, entries []*ledger.Entry) (items map[Target][]Item, err error) {
	if !slices.ContainsFunc(entries, (*ledger.Entry).MayWithdraw) {
		return nil, nil
	}
	l, err := s.open(ctx, entries...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	items = make(map[Target][]Item)
	for _, e := range entries {
		if !e.MayWithdraw() {
			continue
		}
		commits, err := l.Withdrew(e)
		if err != nil {
			return nil, err
		}
		t := TargetOf(e)
		items[t] = append(items[t], Withdrawals(e, commits[:min(len(commits), mostWithdrawn)])...)
	}
	return items, nil
}

// open opens the ledger to read what entries have taken away, or what it ends with.
func (s *Stamper) open(ctx context.Context, entries ...*ledger.Entry) (*ledger.Ledger, error) {
	h := ledger.Hints{Back: true}
	for _, e := range entries { // of a hook all are of one service
		h.Service = policy.Service(e.Service)
		h.Spots = append(h.Spots, ledger.Hint{Environment: policy.EnvironmentName(e.Environment), Repository: e.Repository, Ref: policy.RefName(e.Ref)})
	}
	return ledger.Open(ctx, s.Policy.Ledger, ledger.Options{Root: s.Policy.Root, Copy: s.Policy.Copy, Now: s.Now, ReadOnly: true, Hints: h})
}

// repository opens a target's repository, if this user may write there: what
// root left in a repository of somebody else, that one could not write any more.
func (s *Stamper) repository(t Target) (*gitfacts.Repository, error) {
	if s.Repository != nil && s.Name == t.Repository {
		return s.Repository, nil
	}
	name := filepath.FromSlash(t.Repository)
	if !filepath.IsLocal(name) {
		return nil, errors.New("the record names no repository below the policy's root")
	}
	path := filepath.Join(s.Policy.Root, name)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrGone, err)
	}
	repo, err := gitfacts.Open(path)
	if err != nil {
		return nil, err
	}
	return repo, ownRepository(repo)
}

// The errors that callers tell apart.
var (
	// ErrGone says that the repository is not there any more.
	ErrGone = errors.New("the repository is gone")
	// ErrTooLong says that a record's line is longer than a stamp may have.
	ErrTooLong = errors.New("a record is too long for a stamp")
)

// ErrRoot says that root was to write to the repository of another user.
var ErrRoot = errors.New("root writes no notes to another user's repository: run pathgate reconcile as its owner")

func ownRepository(repo *gitfacts.Repository) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Join(repo.CommonDir(), "objects"))
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != 0 {
		return ErrRoot
	}
	return nil
}
