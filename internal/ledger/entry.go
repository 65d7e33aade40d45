package ledger

import "time"

// Type is the type of an entry.
type Type string

// The entry types of this version. Later versions add to them; a reader skips
// a type that it does not know.
const (
	TypeLedger    Type = "ledger"    // the first line: names the ledger
	TypeIntent    Type = "intent"    // pre-receive said yes; the ref has not moved yet
	TypeDeployed  Type = "deployed"  // the ref has moved
	TypeAbandoned Type = "abandoned" // an intent whose ref did not move
	TypeRefused   Type = "refused"   // the policy said no
	TypeFault     Type = "fault"     // pathgate could not find out
	TypeDrift     Type = "drift"     // an environment's ref is not where the ledger says
	TypeAdopt     Type = "adopt"     // an operator recorded a ref that was there before
	TypeRepair    Type = "repair"    // the ledger was mended
	TypeStatus    Type = "status"    // what became of a record's deployment
	TypeApproval  Type = "approval"  // somebody approved of a commit, or rejected it
	TypeLock      Type = "lock"      // an environment was locked
	TypeUnlock    Type = "unlock"    // a lock was taken off
	TypeVeto      Type = "veto"      // a commit was barred from its service, or let in again
	TypePolicy    Type = "policy"    // the content of a policy file that is judged by from now on
	TypeStamp     Type = "stamp"     // what another ledger has on record, as its host has signed
)

// The states of a status entry.
const (
	StatePending    = "pending"    // started
	StateSuccess    = "success"    // ended well
	StateFailure    = "failure"    // ended, and says that it failed
	StateError      = "error"      // could not be run to its end
	StateSuperseded = "superseded" // a newer deployment took its place
)

// The values of the field deploy.
const (
	DeployCommand  = "command"  // pathgate runs the deployment
	DeployExternal = "external" // others do, and report
)

// The values of the field action.
const (
	ActionRelease = "release" // a branch was merged into the environment's
	ActionReplace = "replace" // a branch was released, and the environment's branch built anew
	ActionRemove  = "remove"  // a branch was taken out, and the environment's branch built anew
	ActionReset   = "reset"   // the environment's branch was started over
)

// The kinds that entries have beside those of package policy.
const (
	KindApprove    = "approve"    // of an approval
	KindReject     = "reject"     // of an approval that is taken back, or an objection
	KindVeto       = "veto"       // of a veto
	KindLift       = "lift"       // of a veto that is lifted
	KindOverride   = "override"   // of an intent or deployment that rules were overridden for
	KindRemove     = "remove"     // of an intent or deployment that took a branch out
	KindReset      = "reset"      // of an intent or deployment that started an environment over
	KindDeployed   = "deployed"   // of a stamp: of a deployment
	KindStatus     = "status"     // of a stamp: of the outcome of one
	KindWithdrawal = "withdrawal" // of a stamp: of what took a commit away
	KindFork       = "fork"       // of a stamp: it contradicts one that is on record; both are kept
	KindSuccessor  = "successor"  // of a stamp: an operator let another ledger take the place of one
	KindText       = "text"       // of a policy whose lines are the file's own
	KindEscaped    = "escaped"    // of a policy whose lines are escaped, as the file holds what does not print
)

// Inherited stands in Overrode for the names of rules where none was overridden
// now: the commit came to the environment by an override, and was deployed there
// again or gone back to. That does not make it evidence.
const Inherited = "inherited"

// An Entry is one line of the ledger. Fields that do not apply are empty and
// are not written. Every string is already safe to print: what comes from
// outside passes through text.CleanRecord first.
type Entry struct {
	Seq  uint64    // gapless, from 1
	Time time.Time // the server's, UTC, microseconds
	Type Type

	Push        string // one ID for everything that one push wrote
	Service     string
	Environment string
	Repository  string // relative to the policy's root
	Host        string // of what is about a ref, in a ledger that hosts share: where the repository lies
	Ref         string // the environment's ref; of a refusal, the ref pushed
	Old         string // object ID the ref held; of a drift, what the ledger says; of an approval, the commit that was live
	New         string // object ID the ref holds now; of a drift, what was seen
	Commit      string // New, peeled
	Tree        string // the commit's tree
	Subject     string // the commit's first line, at most 200 bytes
	Kind        string // policy.Kind, or one of the kinds above
	// Of a release branch; of intent, deployed, abandoned and refused:
	Action    string   // one of the actions above, empty if the push was none
	Branch    string   // the branch's short name
	Head      string   // object ID of the branch's commit that was released
	Tickets   []string // of the branch
	Gone      []string // short names of branches that the base contains by now and that are dropped
	State     string   // of a status
	Principal string   // who pushed
	Via       string   // what vouched for the principal: an identity source, or "local"
	Address   string   // the client's IP address, if the transport told it

	Intent uint64 // of deployed and abandoned: the intent it settles
	Record uint64 // of a status: the deployment that it is about; of a stamp: the origin's record
	// Of a stamp:
	Origin     string    // ID of the ledger that it comes from
	Checkpoint string    // size and root of the origin's tree that it is signed with: "118 BASE64"
	Key        string    // fingerprint of the key that signed it, as ssh-keygen -l prints it: "SHA256:..."
	Stamped    time.Time // of the origin's record, UTC, microseconds; by the origin's clock
	Evidence   []uint64  // records that the decision rests on
	Rules      []string  // each rule's verdict: "environments.prd.after=yes"
	Codes      []string  // of a refusal
	Overrode   []string  // of kind override: the names of the rules that were overridden
	Policy     string    // SHA-256 of the policy file judged by; of a policy, of the file itself
	Serial     uint64    // of a policy: its serial, zero if it has none
	Part       uint64    // of a policy: which part of the file this is, from 1
	Parts      uint64    // of a policy: in how many parts the file is on record
	Lines      []string  // of a policy: the part's text, cut at newlines; of a stamp: the origin's line, and the signature in base64
	Reason     string
	Until      time.Time // of a lock: when it ends, UTC, microseconds; zero: when it is taken off
	Deploy     string    // of intent and deployed: who carries the deployment out, if that has an outcome
	URL        string    // of a status: where to read more
	Message    string    // of a status: in words
	Token      string    // of an intent: the receive-pack that it belongs to; of a pending status: the runner

	Ledger  string // first line only: the ledger's ID
	Version int    // first line only: version of the line format
	Root    string // first line, and repairs that move it: SHA-256 of the policy's root path

	Prev string // SHA-256 of the previous line's bytes; empty on the first
}
