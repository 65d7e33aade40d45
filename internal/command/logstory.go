package command

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// A storyWriter prints a ticket's entries as a table that can be read like a
// story.
type storyWriter struct {
	g     *grid
	story *story
	last  map[string]bool // the environments that end the path
	pol   *policy.Policy
}

// base is what an entry's environment is made from, in words.
func (w storyWriter) base(e *ledger.Entry) string {
	if env, ok := w.pol.Environment(policy.EnvironmentName(e.Environment)); ok && env.Release != nil {
		return explain.Branch(env.Release.Base)
	}
	return "the base"
}

// join puts a separator between the words that are not empty.
func join(separator string, words ...string) string {
	words = slices.DeleteFunc(words, func(s string) bool { return s == "" })
	return strings.Join(words, separator)
}

func newStoryWriter(w io.Writer, s *story, pol *policy.Policy) storyWriter {
	return storyWriter{newGrid(w, "time", "environment", "what happened", "by", "record"), s, lastOf(pol), pol}
}

func (w storyWriter) write(line *ledger.Line) error {
	e := &line.Entry
	w.g.row(explain.Time(e.Time), where(e), w.happened(e), e.Principal, fmt.Sprint(e.Seq))
	return nil
}

func (w storyWriter) flush() error { return w.g.w.Flush() }

// happened says in words what an entry means for the ticket.
func (w storyWriter) happened(e *ledger.Entry) string {
	words := ""
	switch e.Type {
	case ledger.TypeDeployed:
		words = w.moved(e)
	case ledger.TypeRefused:
		words = fmt.Sprintf("refused [%s]", strings.Join(e.Codes, ", "))
		if said := join(": ", shown(e), text.Clean(e.Reason, 100)); said != "" {
			words += ": " + said
		}
		return words
	case ledger.TypeStatus:
		words = fmt.Sprintf("%s of record %d", outcomeName(e.State), e.Record)
		if e.Message != "" {
			words += ": " + text.Clean(e.Message, 60)
		}
	case ledger.TypeApproval, ledger.TypeVeto:
		words = map[string]string{ledger.KindApprove: "approved", ledger.KindReject: "rejected",
			ledger.KindVeto: "vetoed", ledger.KindLift: "veto lifted"}[e.Kind] + " " + shown(e)
	case ledger.TypeAbandoned:
		words = "came to nothing: " + branchWords(e)
	case ledger.TypeStamp:
		return shown(e) + " " + stampWords(e)
	default:
		words = string(e.Type) + " " + shown(e)
	}
	if e.Reason != "" {
		words += fmt.Sprintf(" %q", text.Clean(e.Reason, 60))
	}
	return words
}

func outcomeName(state string) string {
	switch state {
	case ledger.StatePending:
		return "deployment begun"
	case ledger.StateSuccess:
		return "deployment succeeded"
	case ledger.StateFailure:
		return "deployment failed"
	}
	return "deployment ended as " + state
}

// moved says what a deployment did.
func (w storyWriter) moved(e *ledger.Entry) string {
	id, turned := shown(e), w.story.turns[e.Seq]
	own := w.story.branches[ticketObject{e.Service, e.Branch}]
	switch turned {
	case goes:
		return w.left(e)
	case merged:
		return "in " + w.base(e) + " by now, and off the list"
	}
	switch e.Action {
	case ledger.ActionRelease, ledger.ActionReplace:
		words := "released"
		if !own {
			words = "released with " + e.Branch
		} else if e.Branch != w.story.ticket {
			words = "released as " + e.Branch
		}
		words += " at " + policy.ObjectID(e.Head).Short()
		if e.Head != e.Commit {
			words += " as merge " + id
		}
		if e.Action == ledger.ActionReplace {
			words += ", in place of an earlier commit"
		}
		return words
	case ledger.ActionRemove:
		return e.Branch + " taken out, now " + id
	case "":
		if turned == comes {
			return "back in, by " + kindOf(e) + " " + id
		}
	}
	words := "deployed as "
	if w.last[e.Environment] {
		words = "in production as "
	}
	words += id
	if e.Kind == string(policy.Rollback) || e.Kind == string(policy.Redeploy) || e.Kind == ledger.KindOverride {
		words += ", " + e.Kind
	}
	return words + w.company(e)
}

// kindOf says what a push was, so that the commit that it brought can follow.
func kindOf(e *ledger.Entry) string {
	switch e.Kind {
	case string(policy.Rollback):
		return "a rollback to"
	case ledger.KindOverride:
		return "an override with"
	}
	return "a " + e.Kind + " of"
}

// left says how the ticket left an environment.
func (w storyWriter) left(e *ledger.Entry) string {
	id := shown(e)
	own := w.story.branches[ticketObject{e.Service, e.Branch}]
	switch {
	case e.Action == ledger.ActionReset:
		return "taken out: started over from " + id
	case e.Action == "":
		return "taken out, by " + kindOf(e) + " " + id
	case e.Action == ledger.ActionRemove && own:
		return "taken out, now " + id
	case e.Action == ledger.ActionRemove:
		return "taken out with " + e.Branch + ", now " + id
	}
	return fmt.Sprintf("taken out: %s at %s does not bring it, now %s", e.Branch, policy.ObjectID(e.Head).Short(), id)
}

// company names other tickets that came along.
func (w storyWriter) company(e *ledger.Entry) string {
	var others []string
	for _, ticket := range e.Tickets {
		if ticket != w.story.ticket {
			others = append(others, ticket)
		}
	}
	if len(others) == 0 {
		return ""
	}
	return text.Clean(", with "+strings.Join(others, " "), 60)
}
