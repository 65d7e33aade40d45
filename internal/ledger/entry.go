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
)

// An Entry is one line of the ledger. Fields that do not apply are empty and
// are not written. Every string is already safe to print: what comes from
// outside passes through text.Clean first.
type Entry struct {
	Seq  uint64    // gapless, from 1
	Time time.Time // the server's, UTC, microseconds
	Type Type

	Push        string // one ID for everything that one push wrote
	Service     string
	Environment string
	Repository  string // relative to the policy's root
	Ref         string // the environment's ref; of a refusal, the ref pushed
	Old         string // object ID the ref held; of a drift, what the ledger says
	New         string // object ID the ref holds now; of a drift, what was seen
	Commit      string // New, peeled
	Tree        string // the commit's tree
	Subject     string // the commit's first line, at most 200 bytes
	Kind        string // policy.Kind
	Principal   string // who pushed
	Via         string // what vouched for the principal: an identity source, or "local"
	Address     string // the client's IP address, if the transport told it

	Intent   uint64   // of deployed and abandoned: the intent it settles
	Evidence []uint64 // records that the decision rests on
	Rules    []string // each rule's verdict: "environments.prd.after=yes"
	Codes    []string // of a refusal
	Policy   string   // SHA-256 of the policy file judged by
	Reason   string
	Token    string // of an intent: the receive-pack that it belongs to

	Ledger  string // first line only: the ledger's ID
	Version int    // first line only: version of the line format
	Root    string // first line, and repairs that move it: SHA-256 of the policy's root path

	Prev string // SHA-256 of the previous line's bytes; empty on the first
}
