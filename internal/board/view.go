package board

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A link is text that may lead to a page; Href is empty where there is none.
type link struct{ Text, Href, Title string }

// A moment is a time for people and for machines.
type moment struct{ Stamp, Text string }

func at(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	t = t.UTC()
	return moment{t.Format("2006-01-02T15:04:05Z"), t.Format("2006-01-02 15:04") + " UTC"}
}

// A note is one thing to know about an environment. Icon and Word say what Tone
// colours.
type note struct {
	Tone, Icon, Word, Text string
	At                     moment
	Where                  link // on the index, where it is about
}

// The tones of notes, chips and events.
const (
	good  = "good"
	bad   = "bad"
	warn  = "warn"
	wait  = "wait"
	plain = "plain"
)

// icon is the sign of a tone, so that colour is not needed.
func icon(tone string) string {
	switch tone {
	case good:
		return "✓"
	case bad:
		return "✕"
	case warn:
		return "!"
	case wait:
		return "…"
	}
	return "•"
}

func newNote(tone, word, text string, when time.Time) note {
	return note{Tone: tone, Icon: icon(tone), Word: word, Text: text, At: at(when)}
}

// A site is all that the pages are made from.
type site struct {
	opts  Options
	g     *gathering
	t     *tales
	paths []*path // services in order
	plots []Plot  // that Options.Metrics has made
	stats Result
}

// A view is the site as a page at root sees it: "" or "../".
type view struct {
	*site
	root string
}

func (v view) commit(id string) link {
	l := link{Text: policy.ObjectID(id).Short(), Title: id}
	if v.t.commits[id] != nil {
		l.Href = v.root + "commits/" + Slug(id) + ".html"
	}
	return l
}

func (v view) service(name string) link {
	l := link{Text: name}
	if v.pathOf(name) != nil {
		l.Href = v.root + "services/" + Slug(name) + ".html"
	}
	return l
}

// pathOf is the path of a service, nil if it has none.
func (s *site) pathOf(name string) *path {
	i, ok := slices.BinarySearchFunc(s.paths, name, func(p *path, name string) int { return cmp.Compare(p.name, name) })
	if !ok {
		return nil
	}
	return s.paths[i]
}

func (v view) ticket(name string) link {
	l := link{Text: name}
	if v.t.tickets[name] != nil {
		l.Href = v.root + "tickets/" + Slug(name) + ".html"
	}
	return l
}

func (v view) ticketLinks(names []string) (out []link) {
	for _, name := range names {
		out = append(out, v.ticket(name))
	}
	return out
}

// outside is an address that may be a link: http or https, and nobody's
// password in it. Everything else stays text.
func outside(address string) link {
	l := link{Text: address}
	if u, err := url.Parse(address); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil {
		l.Href = u.String()
	}
	return l
}

func branchOf(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }

// span says how long something is, in at most two units.
func span(d time.Duration) string {
	d = d.Round(time.Minute)
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0 && hours > 0:
		return fmt.Sprintf("%d d %d h", days, hours)
	case days > 0:
		return fmt.Sprintf("%d d", days)
	case hours > 0 && minutes > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	case hours > 0:
		return fmt.Sprintf("%d h", hours)
	}
	return fmt.Sprintf("%d min", minutes)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// saying is who said something, and why.
func saying(e *entry) string {
	text := "by " + e.Principal
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// A chip is an outcome in a word.
type chip struct{ Tone, Icon, Word string }

// chipOf is what became of a deployment.
func chipOf(d *deployment) chip {
	tone, word := plain, "no outcome asked"
	switch {
	case d.entry.Type == ledger.TypeAdopt:
		word = "adopted"
	case d.entry.Deploy == "":
	case d.state == "":
		tone, word = wait, "not started or reported yet"
	case d.state == ledger.StatePending:
		tone, word = wait, "running"
	case d.state == ledger.StateSuccess:
		tone, word = good, "success"
	case d.state == ledger.StateFailure, d.state == ledger.StateError:
		tone, word = bad, d.state
	default:
		word = d.state
	}
	return chip{tone, icon(tone), word}
}

// holdsAt lists the locks that bind an environment, or a ref, oldest first.
func (g *gathering) lockedAt(s spot) (out []*entry) {
	for _, lock := range g.locks {
		if lock.Environment == s.environment && (lock.Service == "" || lock.Service == s.service) &&
			(lock.Ref == "" || lock.Ref == s.ref) && holds(lock, g.now) {
			out = append(out, lock)
		}
	}
	return sorted(out)
}

// holds reports whether a lock has not run out.
func holds(lock *entry, now time.Time) bool {
	return lock.Until.IsZero() || now.Before(lock.Until)
}

// sorted puts entries in the order of the journal.
func sorted(all []*entry) []*entry {
	slices.SortFunc(all, func(a, b *entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return all
}
