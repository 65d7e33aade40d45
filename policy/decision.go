package policy

import "time"

// Kind says what a deployment is.
type Kind string

// The kinds of a deployment.
const (
	Deploy   Kind = "deploy"   // into a first environment
	Promote  Kind = "promote"  // on the evidence of the environments before
	Rollback Kind = "rollback" // to a commit that stands here and was here before
	Redeploy Kind = "redeploy" // of what is live
	Adopt    Kind = "adopt"    // recorded from a server that ran before pathgate
	Remove   Kind = "remove"   // takes a branch out of an environment with release
	Reset    Kind = "reset"    // starts an environment with release over from its base
	// Overridden is one of the others but for Adopt that went past rules by an override.
	// Whether it withdraws like a rollback, the ledger tells by what it does.
	Overridden Kind = "override"
)

// A Verdict is what one rule says of one update.
type Verdict struct {
	// Name is the rule's, such as "soak" (RulePrior and so on); empty where no
	// rule spoke: Deletion and Fault.
	Name string
	// Rule is the key of the rule in the policy file, such as
	// "environments.prd.after"; empty where no key sets the rule.
	Rule string
	// Place is where the rule stands; zero for rules that no key sets.
	Place Place
	// OK is the rule's yes. A verdict that is not OK has a Code.
	OK   bool
	Code Code
	// Overridden marks a no that the push's override goes past.
	Overridden bool
	// Environment is the environment before that the rule looked at, empty for
	// rules that look at none.
	Environment EnvironmentName
	// Record is the record that the verdict rests on: the evidence, of an
	// environment elsewhere the stamp, the fork of its ledger, the
	// deployment that a rollback goes back to, the outcome, the lock, the veto;
	// the withdrawal where Code is Withdrawn; zero if there is none.
	Record uint64
	// Detail is what was seen and what is asked, nil where there is no more to
	// say.
	Detail *Detail
}

// Detail is what a rule saw and what it asks. Each rule fills the fields that
// name it; the others are zero.
type Detail struct {
	// prior: why a commit that stands does not count.
	NotLive    bool // evidence = "live", and it is not
	ByOverride bool // it came by an override, which is no evidence

	// prior and withdrawn, where match is not "commit": what was asked, how many
	// commits needed evidence, and which do not have it and why, as MatchFacts
	// has them: the first twenty and the count of all.
	Match           MatchRule
	Back            bool // the commit lacks what is live: only it itself counts
	Brought         int
	Missing         []ObjectID
	MissingCount    int
	Withdrawn       []ObjectID
	WithdrawnCount  int
	Overridden      []ObjectID
	OverriddenCount int

	// prior, stamp, success and soak: the environment before is elsewhere, so that
	// what was seen there is what the stamps known here tell.
	Elsewhere bool

	// prior, withdrawn and stamp of an environment elsewhere: stamps that the push
	// brought and that do not count, when the origin recorded the deployment (zero if that
	// is not known), whether that is still to come, and how old it may be.
	Offered []Offer
	Stamped time.Time
	Ahead   bool
	MaxAge  time.Duration

	// success
	Outcome Outcome
	Pending bool // a deployment is queued or runs

	// soak
	Span    time.Duration // longest unbroken time live
	Wanted  time.Duration
	Left    time.Duration // zero when the rule is met
	Running bool          // the time runs: the commit is live and, where asked, succeeded; if refused, NotLive says that it is not live

	// Until is the end of what stands in the way: when the soak can be met at
	// the earliest (zero while the time does not run), the end of a freeze in
	// its zone, the end of a lock (zero if it has none).
	Until time.Time

	// approvals
	Count    int        // how many are asked for
	Approved []string   // principals whose approvals count
	Ask      []string   // who else may approve; nil: anybody
	Objected []Approval // objections of permitted principals that stand

	// freeze, lock, veto, pushers
	Freeze    string   // its name
	Principal string   // who locked or vetoed; who pushes
	Reason    string   // of the lock or the veto
	Allowed   []string // pushers
	Lock      *Lock

	// branches, ticket, signed
	Branches []RefPattern
	Pattern  string
	Commits  []ObjectID       // the first twenty without a ticket
	Unsigned []UnsignedCommit // the first twenty without a good signature
	Total    int              // of these commits
}

// A Decision is what the policy says of one update. The zero value refuses.
type Decision struct {
	Allowed bool
	// Kind is set also on a refusal: what the update would have been. It is
	// empty where pathgate could not find out.
	Kind Kind
	// Base is Kind, and of an override what it is besides: deploy, promote,
	// rollback, redeploy, remove or reset.
	Base Kind
	// Verdicts has the verdict of each rule that applied: first those on the
	// environments before, in their order, then the others. Where one
	// environment of several is enough and one bears the commit out, those that
	// do not have no verdict.
	Verdicts []Verdict
	// Evidence lists the records of prior environments that a yes rests on;
	// empty on a refusal.
	Evidence []uint64
	// Overrode lists the names of the rules that a yes went past, each once;
	// empty on a refusal.
	Overrode []string
	// OverrideDenied is set where the push asks for an override that the policy
	// does not permit, to this principal or here.
	OverrideDenied bool
	// Reported is set where the environment does not enforce its rules, and
	// WouldRefuse where it would have refused if it did: then Allowed is set
	// although a verdict is no.
	Reported    bool
	WouldRefuse bool
}

// Refusals returns the verdicts that refuse: no, and not overridden.
func (d Decision) Refusals() []Verdict {
	var out []Verdict
	for _, v := range d.Verdicts {
		if v.refuses() {
			out = append(out, v)
		}
	}
	return out
}

func (v *Verdict) refuses() bool { return !v.OK && !v.Overridden }
