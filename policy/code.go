package policy

// Code is a refusal code: stable, printed in square brackets, and documented
// one by one.
type Code string

// The refusal codes of this version. The comment says what the developer did.
const (
	PriorNotDeployed   Code = "prior-not-deployed"   // pushed a commit that an environment before has not deployed
	Withdrawn          Code = "withdrawn"            // pushed a commit that an environment before was rolled back from
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
	NotAlone           Code = "not-alone"            // sent a command ref in company
	Fault              Code = "fault"                // nothing wrong: pathgate could not find out
)
