// Package explain writes everything that a developer reads.
//
// A refusal says what happened, why with the values, where the commit is now,
// which rule of the policy file asked, under which record it is kept, and what
// to type next. Lines are lower case and at most 72 columns; git itself colours
// those that begin with error, warning, hint or success. All values are made
// safe to print here, whoever made them.
package explain

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// width is the widest line, in columns, before git puts "remote: " in front.
const width = 72

// clock is how times are shown: the minute is enough for a person.
const clock = "2006-01-02 15:04 UTC"

// Time formats a time as pathgate shows it to people.
func Time(t time.Time) string { return t.UTC().Format(clock) }

// page collects lines, so that they reach the client in one write and are not
// torn apart by what other hooks print.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) {
	p.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " "))
	p.WriteByte('\n')
}

// hint prints an explanation and below it commands, ready to be pasted.
func (p *page) hint(why string, commands ...string) {
	p.line("hint: %s", why)
	for _, command := range commands {
		p.line("hint:   %s", command)
	}
}

// send writes the page. Whoever should read it may have gone; that is no
// reason to fail.
func (p *page) send(w io.Writer) { _, _ = io.WriteString(w, p.String()) }

// subject is a commit's first line in quotes, cut so that a line that already
// has used columns stays within the width.
func subject(s string, used int) string {
	room := width - used - len(` ""`)
	if s == "" || room < 8 {
		return ""
	}
	return ` "` + clip(s, room) + `"`
}

// clip makes s printable and at most columns wide, counting a character as one
// column.
func clip(s string, columns int) string {
	s = text.Clean(s, 4*columns)
	if utf8.RuneCountInString(s) <= columns {
		return s
	}
	runes := []rune(s)
	return string(runes[:columns-3]) + "..."
}

// reason prints a text of unknown length, indented, in as many lines as it
// needs; a text without end is cut.
func (p *page) reason(s, otherwise string) {
	if s == "" {
		s = otherwise
	}
	line := " "
	for _, word := range strings.Fields(text.Clean(s, 400)) {
		word = clip(word, width-2)
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width && line != " " {
			p.line("%s", line)
			line = " "
		}
		line += " " + word
	}
	p.line("%s", line)
}

// principal is a name short enough for a table.
func principal(name string) string {
	if name == "" {
		return "nobody"
	}
	return clip(name, 16)
}

// Branch shortens a ref name the way git does when it prints a push.
func Branch(ref policy.RefName) string {
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		if short, ok := strings.CutPrefix(string(ref), prefix); ok {
			return clip(short, 40)
		}
	}
	return clip(string(ref), 40)
}
