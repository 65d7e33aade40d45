package board

import (
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// An event is one entry as a list tells it.
type event struct {
	Record           uint64
	At               moment
	Tone, Icon, What string
	Service, Commit  link
	Subject, By      string
	More             []string
	Tickets          []link
	Out              link  // where to read more, outside
	Chip             *chip // of a deployment, where what became of it is known
}

// event tells an entry.
func (v view) event(e *entry) event {
	tone, what := words(e)
	ev := event{Record: e.Seq, At: at(e.Time), Tone: tone, Icon: icon(tone), What: what,
		Subject: e.Subject, By: e.Principal, More: more(e), Tickets: v.ticketLinks(e.Tickets)}
	if e.Kind == string(policy.Rollback) || e.Kind == ledger.KindRemove || e.Kind == ledger.KindReset {
		ev.Icon = "↩"
	}
	if e.Service != "" {
		ev.Service = v.service(e.Service)
	}
	if id := aboutOf(e); e.Type != ledger.TypeDrift && id != "" && !policy.ObjectID(id).IsZero() {
		ev.Commit = v.commit(id)
	}
	if e.URL != "" {
		ev.Out = outside(e.URL)
	}
	return ev
}

// deployment tells a deployment with what became of it.
func (v view) deployment(d *deployment) event {
	ev := v.event(d.entry)
	if d.entry.Deploy != "" {
		c := chipOf(d)
		ev.Chip = &c
	}
	if d.status != nil {
		if d.status.Message != "" {
			ev.More = append(ev.More, d.status.State+": "+d.status.Message)
		}
		if d.status.URL != "" {
			ev.Out = outside(d.status.URL)
		}
	}
	return ev
}

// words says in a few words what an entry says.
func words(e *entry) (tone, what string) {
	env := e.Environment
	switch e.Type {
	case ledger.TypeDeployed:
		return deployedWords(e)
	case ledger.TypeAdopt:
		return plain, "adopted in " + env
	case ledger.TypeRefused:
		return bad, strings.TrimSpace("refused " + inWhere(env))
	case ledger.TypeFault:
		return bad, strings.TrimSpace("could not be checked " + inWhere(env))
	case ledger.TypeStatus:
		return statusWords(e)
	case ledger.TypeApproval:
		if e.Kind == ledger.KindReject {
			return bad, "objected to for " + env
		}
		return good, "approved for " + env
	case ledger.TypeLock:
		return warn, "locked " + env
	case ledger.TypeUnlock:
		return plain, "unlocked " + env
	case ledger.TypeVeto:
		if e.Kind == ledger.KindLift {
			return plain, "veto lifted"
		}
		return bad, "vetoed"
	case ledger.TypeDrift:
		if e.Old == e.New {
			return plain, "drift over in " + env
		}
		return bad, "drift in " + env
	case ledger.TypeRepair:
		return warn, "ledger repaired"
	case ledger.TypeStamp:
		return stampWords(e)
	}
	return plain, strings.TrimSpace(string(e.Type) + " " + inWhere(env))
}

// stampWords says what another host says.
func stampWords(e *entry) (tone, what string) {
	switch there := e.Environment + ", elsewhere"; e.Kind {
	case ledger.KindDeployed:
		return plain, "deployed in " + there
	case ledger.KindStatus:
		return plain, e.State + " in " + there
	case ledger.KindWithdrawal:
		return warn, "withdrawn in " + there
	case ledger.KindFork:
		return bad, "the ledger of " + there + ", contradicts itself"
	default:
		return warn, "another ledger tells of " + there
	}
}

func inWhere(environment string) string {
	if environment == "" {
		return ""
	}
	return "in " + environment
}

func deployedWords(e *entry) (tone, what string) {
	env := e.Environment
	switch e.Action {
	case ledger.ActionRelease:
		what = e.Branch + " released to " + env
	case ledger.ActionReplace:
		what = e.Branch + " released anew to " + env
	case ledger.ActionRemove:
		what = e.Branch + " taken out of " + env
	case ledger.ActionReset:
		what = env + " started over"
	}
	switch policy.Kind(e.Kind) {
	case policy.Promote:
		return good, orWord(what, "promoted to "+env)
	case policy.Rollback:
		return warn, orWord(what, env+" rolled back to it")
	case policy.Redeploy:
		return plain, orWord(what, "deployed again to "+env)
	case policy.Overridden:
		return warn, orWord(what, "deployed to "+env) + " by override"
	case policy.Remove, policy.Reset:
		return warn, what
	}
	return good, orWord(what, "deployed to "+env)
}

func orWord(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func statusWords(e *entry) (tone, what string) {
	switch e.State {
	case ledger.StateSuccess:
		tone = good
	case ledger.StateFailure, ledger.StateError:
		tone = bad
	case ledger.StatePending:
		tone = wait
	default:
		tone = plain
	}
	said := e.State
	if said == ledger.StatePending {
		said = "started"
	}
	return tone, "deployment to " + e.Environment + ": " + said
}

// more is what there is to tell beyond the first line.
func more(e *entry) (out []string) {
	if len(e.Codes) > 0 {
		out = append(out, strings.Join(e.Codes, ", "))
	}
	if len(e.Overrode) > 0 {
		out = append(out, "overrode "+strings.Join(e.Overrode, ", "))
	}
	if e.Type == ledger.TypeDrift {
		out = append(out, "seen at "+orNothing(e.New)+", on record "+orNothing(e.Old))
	}
	if e.Type == ledger.TypeStatus {
		out = append(out, fmt.Sprintf("of record %d", e.Record))
	}
	if !e.Until.IsZero() {
		out = append(out, "until "+at(e.Until).Text)
	}
	for _, text := range []string{e.Reason, e.Message} {
		if text != "" {
			out = append(out, text)
		}
	}
	return out
}
