package release

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// Bounds of what a message quotes, in bytes.
const (
	maxSubjectName = 100
	maxValue       = 300
)

// A message is that of a merge commit.
type message struct {
	subject  string // of clean parts
	body     string // of clean parts
	trailers []trailer
	record   uint64 // of an earlier release that is merged again; 0: none
}

type trailer struct{ key, value string }

// text is the whole message. record is that of the action at hand, if this is
// its last commit and the number is known, else 0.
func (m message) text(record uint64) string {
	var b strings.Builder
	b.WriteString(m.subject + "\n\n" + m.body + "\n\n")
	trailers := m.trailers
	switch {
	case m.record != 0:
		trailers = append(trailers[:len(trailers):len(trailers)], number("Pathgate-Record", m.record), number("Pathgate-Rebuild", record))
	default:
		trailers = append(trailers[:len(trailers):len(trailers)], number("Pathgate-Record", record))
	}
	for _, t := range trailers {
		if value := strings.TrimSpace(text.Clean(t.value, maxValue)); value != "" {
			b.WriteString(t.key + ": " + value + "\n")
		}
	}
	return b.String()
}

func number(key string, n uint64) trailer {
	if n == 0 {
		return trailer{}
	}
	return trailer{key, strconv.FormatUint(n, 10)}
}

// short is a ref's name without refs/heads/, fit for a message.
func short(ref policy.RefName) string {
	return name(strings.TrimPrefix(string(ref), "refs/heads/"))
}

func name(s string) string { return text.Clean(s, maxSubjectName) }

// branchMessage is for the merge of a branch.
func (b *builder) branchMessage(r Branch) message {
	m := message{
		subject: fmt.Sprintf("Release %s into %s", name(r.Name), name(string(b.req.Environment))),
		body:    fmt.Sprintf("This merges commit %s of %s into %s.", r.Head.Short(), name(r.Name), short(b.req.Ref)),
		trailers: []trailer{
			{"Pathgate-Environment", string(b.req.Environment)},
			{"Pathgate-Branch", r.Name},
			{"Pathgate-Ticket", r.Ticket},
			{"Pathgate-Commit", string(r.Head)},
			{"Pathgate-Pusher", r.Principal},
		},
		record: r.Announced,
	}
	if why := b.why(); why != "" {
		m.body += "\n" + why
	}
	return m
}

// why tells why the environment is built anew, if it is.
func (b *builder) why() string {
	anew := fmt.Sprintf("%s was built anew from %s", short(b.req.Ref), short(b.req.BaseRef))
	switch b.plan.Action {
	case ActionReplace:
		return fmt.Sprintf("%s, as %s was rewritten since its release.", anew, name(b.req.Branch.Name))
	case ActionRemove:
		return fmt.Sprintf("%s, as %s was taken out by %s.", anew, name(b.req.Branch.Name), name(b.req.Pusher))
	}
	return ""
}

// baseMessage is for the merge of base into an environment that fell behind.
func (b *builder) baseMessage() message {
	return message{
		subject: fmt.Sprintf("Merge %s into %s", short(b.req.BaseRef), short(b.req.Ref)),
		body: fmt.Sprintf("%s has gone on since %s was last made. This comes before the\nrelease of %s.",
			short(b.req.BaseRef), short(b.req.Ref), name(b.req.Branch.Name)),
		trailers: []trailer{
			{"Pathgate-Environment", string(b.req.Environment)},
			{"Pathgate-Base", string(b.req.BaseRef)},
			{"Pathgate-Commit", string(b.req.Base)},
			{"Pathgate-Pusher", b.req.Pusher},
		},
	}
}
