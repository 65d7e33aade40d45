package ledger

import (
	"github.com/pathgate/pathgate/policy"
)

// Hints say what a ledger will be asked, so that one in a database answers all
// of it with what Open brings: one round trip in place of many. A hint too many
// costs little, and one too few a round trip; no answer depends on them. A
// ledger in files has no use for them.
type Hints struct {
	Service policy.Service
	// Spots are the refs that are asked about or written to, and the
	// environments before: of those without Ref.
	Spots []Hint
	// Commits are those asked about or deployed, the ones now live too.
	Commits []policy.ObjectID
	// Objects are the values of refs that are to be known; the commits need not
	// be among them.
	Objects []policy.ObjectID
	// Records are read or reported on: deployments, intents.
	Records []uint64
	// Policy is the SHA-256 of the policy file in hex.
	Policy string
	// Back says that what the refs had before they came to what they have is
	// asked about: who goes back withdraws it.
	Back bool
}

// A Hint is a ref of an environment, or all of its refs.
type Hint struct {
	Environment policy.EnvironmentName
	Repository  string         // relative to the policy's root
	Ref         policy.RefName // empty for all
}
