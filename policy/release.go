package policy

// MatchRule says what must stand in the environments before for a commit to
// count as deployed there.
type MatchRule string

// The values of the key "match".
const (
	MatchCommit    MatchRule = "commit"    // exactly this commit
	MatchContained MatchRule = "contained" // commits that contain each commit that the push brings
	MatchTree      MatchRule = "tree"      // this commit, or one with exactly its files
)

// Release is the table "release": the environment's one ref is kept by the
// server, which merges branches into it. Nobody pushes to it.
type Release struct {
	// Base is the ref that the environment is made from, and whose commits come
	// along with any release. It lies under refs/heads/ in the same repository.
	Base RefName
	// Branches are those that may be released.
	Branches BranchPattern
	// FastForward lets a release move the ref forward where that is possible,
	// in place of a merge commit.
	FastForward bool
}

// Action is what a push asks an environment with release to do.
type Action string

// The actions.
const (
	ActionNone    Action = ""        // an update as in any other environment
	ActionRelease Action = "release" // merge a branch into the environment
	ActionRemove  Action = "remove"  // take a branch out of it
	ActionReset   Action = "reset"   // start it over from its base
)

// MatchFacts are what git and the ledger say together of what a push brings, in
// one environment that comes before. Lists of commits have the first twenty;
// the counts are of all.
type MatchFacts struct {
	// Back says that the commit does not contain what is live: the update takes
	// something away. Then match = "contained" asks for the commit itself, as
	// what it contains says nothing of what it lacks, and the fields below it
	// are not looked at.
	Back bool
	// Evidence lists the records that together bear out all that is brought,
	// newest first; with match = "tree" those of commits with exactly the
	// commit's files. It is empty if they do not, or if nothing needs evidence.
	Evidence []uint64
	// Brought counts the commits that need evidence.
	Brought int
	// Missing are contained in nothing that stands there.
	Missing      []ObjectID
	MissingCount int
	// Withdrawn were taken away there and not deployed again; WithdrawnBy is
	// the record of the newest such withdrawal.
	Withdrawn      []ObjectID
	WithdrawnCount int
	WithdrawnBy    uint64
	// Overridden are there by an override only; OverriddenBy is its record, of
	// several the newest.
	Overridden      []ObjectID
	OverriddenCount int
	OverriddenBy    uint64
}
