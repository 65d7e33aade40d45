package policy

import "time"

// Needs are the facts that one update's decision rests on.
type Needs struct {
	// Ref and Here ask about the environment itself: Facts.Live, Facts.Here and
	// Facts.OnRef. Facts.Locks and Facts.Veto are always needed.
	Ref  RefName
	Here Lookup
	// Prior has one lookup for each environment in After, in that order.
	Prior []Lookup
	// Outcome asks for Facts.Outcome.
	Outcome bool
	// Approvals asks for Facts.Approvals and Facts.LastVeto.
	Approvals bool
	// PriorOutcome asks for PriorFacts.Outcome and Pending, PriorLive for
	// IsLive, LiveSince and Soaked.
	PriorOutcome bool
	PriorLive    bool
	// Git is the most that the update can need of git's objects. What it does
	// need depends on its kind: ask Environment.GitNeeds when all facts but
	// these are known.
	Git GitNeeds
}

// GitNeeds are what a decision needs to know of git's objects; a field is zero
// where no rule asks.
type GitNeeds struct {
	// Branches asks which refs of the repository, as they were before the push,
	// contain the commit. Any that one of the patterns matches is enough.
	Branches []RefPattern
	// Ticket asks which of the commits that the push brings do not match the
	// pattern anywhere in their message. It is one that regexp.Compile takes.
	Ticket string
	// Signed asks which of them no key in this file has signed.
	Signed string
	// FastForward asks whether the new commit contains the live one.
	FastForward bool
	// Prior asks for PriorFacts.Match of every environment in After.
	Prior bool
}

// None reports whether git need not be asked.
func (g GitNeeds) None() bool {
	return len(g.Branches) == 0 && g.Ticket == "" && g.Signed == "" && !g.FastForward && !g.Prior
}

// Standing is what the ledger knows of a commit in an environment.
type Standing struct {
	// Record is the sequence number of the newest deployment that counts for
	// the lookup, zero if there is none. The fields below it are that
	// record's.
	Record    uint64
	Ref       RefName
	Time      time.Time
	Principal string
	// Withdrawn is the sequence number of the rollback that took the commit
	// away after Record, zero if it stands.
	Withdrawn uint64
}

// Stands reports whether the commit is deployed and not withdrawn since.
func (s Standing) Stands() bool { return s.Record != 0 && s.Withdrawn == 0 }

// Live is what the ledger says an environment's ref points to. A zero Record
// means that the ledger knows nothing of the ref.
type Live struct {
	Record    uint64
	Ref       RefName
	New       ObjectID // what the ref holds: a commit or an annotated tag
	Commit    ObjectID // New, peeled
	Subject   string   // the commit's first line, sanitised
	Kind      Kind
	Time      time.Time
	Principal string
	// Host is where the ref's repository lies, in a ledger that hosts share;
	// empty in one that they do not.
	Host string
}

// States of a deployment's outcome.
const (
	OutcomePending    = "pending"
	OutcomeSuccess    = "success"
	OutcomeFailure    = "failure"
	OutcomeError      = "error"
	OutcomeSuperseded = "superseded"
	// OutcomeNone is no outcome to wait for: the commit was adopted, or came
	// when the environment's deployments had no outcome. It satisfies a rollback
	// and a default, never requires = "success" where that is written.
	OutcomeNone = "none"
)

// An Outcome is what became of a deployment.
type Outcome struct {
	// State is the newest finished one: success, failure, error, or none; empty
	// where the commit's deployment has not finished.
	State   string
	Record  uint64 // the status entry
	Time    time.Time
	URL     string
	Message string
}

// An Approval is one statement of one principal on a commit, an approval or,
// where Reject is set, an objection.
type Approval struct {
	Principal string
	Record    uint64
	Time      time.Time
	Reject    bool
	Live      ObjectID // what was live on the ref then; empty if nothing was
	Reason    string
}

// A Lock keeps an environment as it is until it is taken off.
type Lock struct {
	Service     Service // empty: all
	Environment EnvironmentName
	Ref         RefName // empty: all
	Principal   string
	Reason      string
	Record      uint64
	Until       time.Time // zero: until it is unlocked
	Operator    bool      // it was set on the server, where alone it is taken off
}

// A Veto bars a commit from every environment of its service.
type Veto struct {
	Record    uint64
	Principal string
	Reason    string
}

// An UnsignedCommit is a commit without a signature that counts, and why.
type UnsignedCommit struct {
	Commit ObjectID
	Reason string
}

// CommitFacts answer GitNeeds.
type CommitFacts struct {
	// Fetched says that git was asked. Without it nothing is known.
	Fetched bool
	// Contained lists refs that contain the commit, of those asked for.
	Contained []RefName
	// NoTicket and Unsigned list commits that the push brings, the first
	// twenty; the counts are of all.
	NoTicket      []ObjectID
	NoTicketCount int
	Unsigned      []UnsignedCommit
	UnsignedCount int
	// FastForward is set where nothing is live, too.
	FastForward bool
}

// Facts answer Needs. The zero value answers nothing, and Evaluate refuses
// on it.
type Facts struct {
	// Fetched says that the ledger was asked; without it every fact is
	// unknown, and unknown is never yes.
	Fetched bool
	// Now is the time of the push by the server's clock, and never before the
	// ledger's newest entry: a clock that went back opens nothing.
	Now time.Time
	// Principal is who pushes.
	Principal string
	// Live is the record that the update's ref is live by.
	Live Live
	// Here is the commit's standing in the environment itself.
	Here Standing
	// OnRef is the record of the commit's last deployment on the update's own
	// ref, zero if there is none.
	OnRef uint64
	// Outcome is that of the commit's deployment here.
	Outcome Outcome
	// Prior answers Needs.Prior, index by index.
	Prior []PriorFacts
	// Approvals are all statements on exactly this service, environment,
	// repository, ref and commit, in any order. May be left out: those of a
	// principal who has made a newer one, and approvals since which another
	// commit was live on the ref. After a redeploy the latter must be.
	Approvals []Approval
	// LastVeto is the record of the newest veto of the commit, lifted or not:
	// approvals before it are void.
	LastVeto uint64
	// Locks are those on the update's service, environment and ref that nobody
	// has taken off; they may have run out.
	Locks []Lock
	// Veto is the one that stands against the commit, nil if none does.
	Veto *Veto
	// Override is the reason that the push gives for going past rules.
	Override string
	// Commit answers GitNeeds.
	Commit CommitFacts
}

// PriorFacts are what the ledger knows of a commit in an environment that
// comes before.
type PriorFacts struct {
	Environment EnvironmentName
	Standing    Standing
	// Of an environment elsewhere, of which stamps tell: Standing's Record and
	// Withdrawn are stamps, and its Time is when their origin recorded. Stamped is
	// that time of the newest deployment of the commit, Forked the record of a
	// fork of the origin's ledger, zero if none is known, and Offered are stamps
	// that the push brought and that do not count.
	Elsewhere bool
	Stamped   time.Time
	Forked    uint64
	Offered   []Offer
	// Override is set where the commit is there by an override: by the newest
	// record there that is neither a rollback nor a redeploy. Those change
	// nothing of how the commit came.
	Override bool
	Outcome  Outcome
	Pending  bool // a deployment of the commit is queued or runs
	// IsLive is whether the commit is live there now, on a ref that counts.
	IsLive bool
	// LiveSince is when its unbroken time live began: at the success of its
	// deployment where that has an outcome, else at the deployment; zero while
	// it does not run.
	LiveSince time.Time
	// Soaked is the longest of such times that are over.
	Soaked time.Duration
	// Live lists what is live there, for the explanation only.
	Live []Live
	// Match says what of a push stands there, nil where nobody asked. With it,
	// Outcome, Pending, IsLive, LiveSince and Soaked are of the deployments that
	// contain what the push brings, or that have its files: the least that
	// holds for all of it.
	Match *MatchFacts
}
