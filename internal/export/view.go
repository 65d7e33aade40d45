package export

import (
	"net/netip"
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
)

// An outcome is whether what the entry tells of came about.
type outcome int

const (
	unknown outcome = iota
	success
	failure
)

// names of the outcomes, in ECS and CEF.
func (o outcome) String() string { return [...]string{"unknown", "success", "failure"}[o] }

// A change is what an entry does to what it is about.
type change int

const (
	other change = iota
	creates
	updates
	deletes
)

// A view is what all formats say of an entry in their own words: the one place
// where types are judged.
type view struct {
	name     string // what it is, in words; never from outside
	category string // ECS event.category
	kind     string // ECS event.type
	outcome  outcome
	change   change
	severity int // of CEF: 0 to 3 low, 4 to 6 medium, 7 and 8 high, 9 and 10 very high
}

// viewOf judges an entry by its type, and by its kind and state where these
// turn it.
func viewOf(e *ledger.Entry) view {
	switch e.Type {
	case ledger.TypeLedger:
		return view{"ledger created", "configuration", "creation", success, creates, 3}
	case ledger.TypeIntent:
		return view{"push allowed", "api", "allowed", unknown, updateOf(e), 2}
	case ledger.TypeDeployed:
		return deployedView(e)
	case ledger.TypeAbandoned:
		return view{"push came to nothing", "api", "end", failure, updateOf(e), 3}
	case ledger.TypeRefused:
		return view{"push refused", "api", "denied", failure, updateOf(e), 5}
	case ledger.TypeFault:
		return view{"push could not be judged and was refused", "api", "denied", failure, updateOf(e), 7}
	case ledger.TypeDrift:
		return view{"ref moved past the gate", "configuration", "change", unknown, updates, 8}
	case ledger.TypeAdopt:
		return view{"ref adopted", "configuration", "creation", success, creates, 5}
	case ledger.TypeRepair:
		return view{"ledger repaired", "configuration", "change", success, updates, 8}
	case ledger.TypeStatus:
		return statusView(e)
	}
	return railView(e)
}

// railView is viewOf for statements of people, and for types that this version
// does not know.
func railView(e *ledger.Entry) view {
	switch {
	case e.Type == ledger.TypeApproval && e.Kind == ledger.KindReject:
		return view{"commit rejected", "api", "denied", success, creates, 4}
	case e.Type == ledger.TypeApproval:
		return view{"commit approved", "api", "allowed", success, creates, 3}
	case e.Type == ledger.TypeLock:
		return view{"environment locked", "configuration", "creation", success, creates, 4}
	case e.Type == ledger.TypeUnlock:
		return view{"environment unlocked", "configuration", "deletion", success, deletes, 4}
	case e.Type == ledger.TypeVeto && e.Kind == ledger.KindLift:
		return view{"veto lifted", "configuration", "deletion", success, deletes, 5}
	case e.Type == ledger.TypeVeto:
		return view{"commit vetoed", "configuration", "creation", success, creates, 5}
	case e.Type == ledger.TypePolicy:
		return view{"policy changed", "configuration", "change", success, updates, 5}
	case e.Type == ledger.TypeStamp:
		return stampView(e)
	}
	return view{"entry of another type", "configuration", "info", unknown, other, 3}
}

// stampView is viewOf what another ledger says.
func stampView(e *ledger.Entry) view {
	switch e.Kind {
	case ledger.KindFork:
		return view{"ledger elsewhere contradicts itself", "configuration", "info", failure, other, 8}
	case ledger.KindSuccessor:
		return view{"ledger elsewhere replaced", "configuration", "change", success, updates, 8}
	}
	return view{"stamp received", "configuration", "info", success, other, 2}
}

func deployedView(e *ledger.Entry) view {
	v := view{"commit deployed", "configuration", "change", success, updateOf(e), 3}
	if v.change == creates {
		v.kind = "creation"
	}
	switch e.Kind {
	case ledger.KindOverride:
		v.name, v.severity = "commit deployed, rules overridden", 8
	case "rollback":
		v.name, v.severity = "commit rolled back to", 4
	case ledger.KindReset:
		v.name, v.severity = "environment started over", 5
	}
	return v
}

func statusView(e *ledger.Entry) view {
	v := view{"deployment superseded", "process", "end", unknown, updates, 2}
	switch e.State {
	case ledger.StatePending:
		v.name, v.kind = "deployment begun", "start"
	case ledger.StateSuccess:
		v.name, v.outcome = "deployment succeeded", success
	case ledger.StateFailure:
		v.name, v.outcome, v.severity = "deployment failed", failure, 6
	case ledger.StateError:
		v.name, v.outcome, v.severity = "deployment could not be run", failure, 6
	}
	return v
}

// updateOf tells by its ends what a move of a ref makes of it. An entry
// without ends, such as a redeployment by hand, changes what is there.
func updateOf(e *ledger.Entry) change {
	switch {
	case isZero(e.New) && e.New != "":
		return deletes
	case isZero(e.Old):
		return creates
	}
	return updates
}

// isZero reports whether an object ID is git's null ID, or absent.
func isZero(id string) bool { return strings.Trim(id, "0") == "" }

// action names what happened for rules to match on: the type, and the kind or
// the state where there is one.
func action(e *ledger.Entry) string {
	switch {
	case e.Type == ledger.TypeStatus && e.State != "":
		return "status-" + e.State
	case e.Kind != "" && e.Type != ledger.TypePolicy: // whose kind is how it is written
		return string(e.Type) + "-" + e.Kind
	}
	return string(e.Type)
}

// address splits what the transport told of the client: an IP address, or
// another name, never both.
func address(e *ledger.Entry) (ip, name string) {
	if a, err := netip.ParseAddr(e.Address); err == nil && a.Zone() == "" {
		return e.Address, ""
	}
	return "", e.Address
}

// failed names the first rule whose verdict was not yes, and tells the verdict.
func failed(e *ledger.Entry) (rule, verdict string) {
	for _, r := range e.Rules {
		if name, says, ok := strings.Cut(r, "="); ok && says != "yes" {
			return name, says
		}
	}
	return "", ""
}

// place is SERVICE/ENVIRONMENT, or the one of them that there is.
func place(e *ledger.Entry) string {
	if e.Service == "" || e.Environment == "" {
		return e.Service + e.Environment
	}
	return e.Service + "/" + e.Environment
}

// commitOf is the object that the entry is about, empty if there is none.
func commitOf(e *ledger.Entry) string {
	switch {
	case !isZero(e.Commit):
		return e.Commit
	case !isZero(e.New):
		return e.New
	}
	return ""
}

// appendMessage appends one sentence for people.
func appendMessage(b []byte, e *ledger.Entry) []byte {
	part := func(before, s string) {
		if s != "" {
			b = append(append(b, before...), s...)
		}
	}
	b = append(b, viewOf(e).name...)
	if at := place(e); at != "" {
		part(": ", at)
	}
	id := commitOf(e)
	part(" ", id[:min(len(id), 7)])
	part(" by ", e.Principal)
	for _, code := range e.Codes {
		part(" [", code)
		b = append(b, ']')
	}
	switch {
	case e.Reason != "":
		part(": ", e.Reason)
	case e.Message != "":
		part(": ", e.Message)
	default:
		part(": ", e.Subject)
	}
	return b
}
