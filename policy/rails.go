package policy

import "time"

// A Principals is a set of names, groups written out. The empty set that a key
// gave is nobody; a nil one, where the key is absent, everybody.
type Principals []string

// Has reports whether the set holds the principal, who must be canonical
// (Policy.Canonical).
func (p Principals) Has(principal string) bool {
	for _, name := range p {
		if name == principal {
			return true
		}
	}
	return false
}

// A Deployment says how an environment's deployment is run, or who reports it.
type Deployment struct {
	// External: nothing is run; "pathgate report" tells the outcome.
	External bool
	Command  []string      // argv; no shell
	Checkout bool          // run in a clean checkout of the commit
	Wait     bool          // stream the output to the pusher and wait for the end
	Timeout  time.Duration // of one run
}

// EvidenceRule says which records of the environments before count.
type EvidenceRule string

// The values of the key "evidence".
const (
	EvidenceStanding EvidenceRule = "standing" // deployed and not withdrawn since
	EvidenceLive     EvidenceRule = "live"     // live there now
	EvidenceEver     EvidenceRule = "ever"     // deployed once, withdrawn or not
)

// Requires says what must have become of a commit's deployment before it counts.
type Requires string

// The values of the key "requires". Where the key is absent it is success for
// prior environments whose deployments have outcomes, as those elsewhere may
// have, and accepted for others.
const (
	RequiresSuccess  Requires = "success"
	RequiresAccepted Requires = "accepted"
)

// Approvals is the rule "approvals".
type Approvals struct {
	Count int
	By    Principals
	Self  bool          // whether the pusher's own approval counts
	For   time.Duration // how long one is valid
}

// A Freeze is a span of time in which an environment takes nothing: from From
// to To, or every week from one moment of it to another.
type Freeze struct {
	Name   string
	Weekly *Weekly
	From   time.Time // in Zone
	To     time.Time
	Zone   *time.Location
	Place  Place
}

// Weekly is a span of each week, by the wall clock of the freeze's zone.
type Weekly struct {
	FromDay, ToDay       time.Weekday
	FromMinute, ToMinute int // of the day
}

// An Override says who may go past which rules, with a reason, on record.
type Override struct {
	By     Principals
	Rules  []string // names of rules
	Counts bool     // whether what it let in is evidence for later environments
	Place  Place
}

// The names of rules, as verdicts and the lists applies_to_rollback and
// override.rules have them.
const (
	RulePrior       = "prior"        // after: an environment before has not deployed it
	RuleWithdrawn   = "withdrawn"    // after: it was rolled back from
	RuleStamp       = "stamp"        // max_age of an environment elsewhere: its stamp is too old
	RuleFork        = "fork"         // keys of an environment elsewhere: its ledger contradicts itself
	RuleSuccess     = "success"      // requires
	RuleSoak        = "soak"         // soak
	RuleApprovals   = "approvals"    // approvals
	RuleFreeze      = "freeze"       // [[freeze]]
	RuleLock        = "lock"         // pathgate lock
	RuleVeto        = "veto"         // pathgate veto
	RulePushers     = "pushers"      // pushers
	RuleBranches    = "branches"     // branches
	RuleTicket      = "ticket"       // ticket
	RuleSigned      = "signed"       // signed
	RuleFastForward = "fast_forward" // fast_forward
	RuleRollback    = "rollback"     // rollback
	RuleRelease     = "release"      // release: the server alone keeps the ref
)
