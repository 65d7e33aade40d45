package policy

// Code is a refusal code: stable, printed in square brackets, and documented
// one by one.
type Code string

// The refusal codes of this version. The comment says what the developer did.
const (
	PriorNotDeployed   Code = "prior-not-deployed"   // pushed a commit that an environment before has not deployed
	Withdrawn          Code = "withdrawn"            // pushed a commit that an environment before was rolled back from
	NotSuccessful      Code = "not-successful"       // pushed a commit whose deployment before, or here for a rollback, did not succeed
	NoStamp            Code = "no-stamp"             // pushed a commit of which no stamp that counts says that an environment elsewhere has deployed it
	StampTooOld        Code = "stamp-too-old"        // pushed a commit whose stamp is older than max_age
	StampForked        Code = "stamp-forked"         // pushed on stamps of a ledger that contradicts itself
	Soaking            Code = "soaking"              // pushed a commit that was not live long enough in an environment before
	NeedsApproval      Code = "needs-approval"       // pushed a commit that too few have approved, or somebody rejects
	Frozen             Code = "frozen"               // pushed in a freeze
	Locked             Code = "locked"               // pushed to an environment that somebody has locked
	Vetoed             Code = "vetoed"               // pushed a commit that somebody has vetoed
	NotAPusher         Code = "not-a-pusher"         // is not among those who may push here
	Unsigned           Code = "unsigned"             // brought a commit without a signature that counts
	NoTicket           Code = "no-ticket"            // brought a commit whose message names no ticket
	NotFromBranch      Code = "not-from-branch"      // pushed a commit that is in none of the branches
	NotFastForward     Code = "not-fast-forward"     // pushed a commit that does not contain the live one
	RollbackNotAllowed Code = "rollback-not-allowed" // went back where the policy allows no rollback
	Deletion           Code = "deletion"             // deleted an environment's ref
	ReservedRef        Code = "reserved-ref"         // pushed to refs/replace, refs/pathgate or an unknown command ref
	NotACommit         Code = "not-a-commit"         // pushed a blob or a tree to an environment
	DuplicateUpdate    Code = "duplicate-update"     // named an environment's ref twice in one push
	StaleOldValue      Code = "stale-old-value"      // claimed an old value that the ref does not have
	Alias              Code = "alias"                // reached an environment's ref by another name
	UnlistedRepository Code = "unlisted-repository"  // pushed to a repository that no environment matches
	NoIdentity         Code = "no-identity"          // pushed over a transport that vouches for nobody
	MalformedInput     Code = "malformed-input"      // sent what git would not send
	TooLarge           Code = "too-large"            // sent more than one push may hold
	MergeConflict      Code = "merge-conflict"       // released, or took out, a branch, and what is then to be merged conflicts
	NotReleased        Code = "not-released"         // took a branch out of an environment that it is not in
	NotLocked          Code = "not-locked"           // unlocked what is not locked
	NotAlone           Code = "not-alone"            // sent a command ref in company, or an environment's ref after others
	Fault              Code = "fault"                // nothing wrong: pathgate could not find out
)
