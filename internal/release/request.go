package release

import (
	"errors"
	"fmt"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// A Branch is a branch as it was, or shall be, released.
type Branch struct {
	Name      string          // without refs/heads/, such as "JIRA-123"; never empty
	Head      policy.ObjectID // the commit that was released
	Ticket    string          // empty if there is none
	Record    uint64          // the release's record; 0 for the one at hand
	Announced uint64          // the record that announced it, which its merge names
	Principal string          // who released it
}

// A Request says what shall be done to an environment, and what it is now.
type Request struct {
	Action      policy.Action // release, remove or reset
	Environment policy.EnvironmentName
	Ref         policy.RefName  // the environment's
	BaseRef     policy.RefName  // where it is made from
	Live        policy.ObjectID // what Ref holds; the zero ID: it does not exist
	Base        policy.ObjectID // what BaseRef holds; the zero ID: it does not exist

	// Released are the branches that Live holds by the record, in the order
	// of their releases.
	Released []Branch
	// Branch is the one to release or to remove; of a removal only the Name
	// counts. For reset, its Head is the commit to start over from.
	Branch Branch
	// Pusher is who asks for it.
	Pusher string
	// FastForward allows a release to move the environment forward to the
	// branch's commit without a merge.
	FastForward bool

	Committer Identity  // the server
	Now       time.Time // of the commits, used to the second
}

// An Identity is an author's and committer's.
type Identity struct{ Name, Email string }

// What the record shall say was done.
const (
	ActionRelease = "release" // a branch came in
	ActionReplace = "replace" // built anew, as the branch's earlier commit is not in its new one
	ActionRemove  = "remove"  // built anew without a branch
	ActionReset   = "reset"   // started over from a commit of base
)

// Why a request cannot be fulfilled, other than by a conflict.
var (
	// ErrNoBase says that there is no base to make the environment from.
	ErrNoBase = errors.New("there is no base")
	// ErrNotReleased says that the branch to remove is not released there.
	ErrNotReleased = errors.New("the branch is not released there")
	// ErrInBase says that base contains the branch to remove: it is to be
	// reverted there. Such an error is an ErrNotReleased too.
	ErrInBase = fmt.Errorf("%w: base contains it", ErrNotReleased)
	// ErrNotInBase says that the commit to start over from is not in base.
	ErrNotInBase = errors.New("the commit is not in base")
	// ErrCrowded says that the released branches have more commits together than
	// can be looked at.
	ErrCrowded = errors.New("the released branches have too many commits that base has not")
	// ErrUnrelated says that two histories have no commit in common.
	ErrUnrelated = gitfacts.ErrUnrelated
)

// Contained says why an environment contains a commit already.
type Contained struct {
	Base bool     // base contains it
	By   []Branch // the released branches that contain it, in their order
}
