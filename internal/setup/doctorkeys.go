package setup

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// keysBytes is how much of a file of keys is read.
const keysBytes = 4 << 20

// authorized looks at the keys that log in as the repository's owner, once for
// each owner, and returns what it can say if all is well.
func (d *doctor) authorized() string {
	p := d.repo.owner.who()
	switch {
	case p.uid == 0:
		return "keys were not looked at, since the repository belongs to root"
	case p.home == "":
		return "keys were not looked at, since " + p.name + " has no home"
	}
	path := filepath.Join(p.home, ".ssh", "authorized_keys")
	if said, done := d.keys[path]; done {
		return said
	}
	d.keys[path] = d.keyFile(path)
	return d.keys[path]
}

// keyFile looks at one file of keys.
func (d *doctor) keyFile(path string) string {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return path + " was not looked at: it cannot be read"
	}
	defer f.Close()
	open, nameless, anywhere, err := unforced(io.LimitReader(f, keysBytes))
	if err != nil {
		return path + " was not looked at: it cannot be read"
	}
	if len(open)+len(nameless)+len(anywhere) == 0 {
		return "every key in " + path + " has a forced command that does"
	}
	tell := func(s Severity, lines []int, what, why string) {
		for _, n := range lines[:min(len(lines), most)] {
			d.findings = append(d.findings, find(s, "", fmt.Sprintf("%s:%d: %s", path, n, what), why, identityMend("ssh")))
		}
	}
	tell(Fail, open, "a key without a forced command", "whoever has it can push under any name and skip hooks")
	tell(Warn, nameless, "the forced command does not show that it sets PATHGATE_USER", "unless it does, pushes with that key are refused")
	tell(Warn, anywhere, "the forced command runs git-shell", "git-shell serves any path on the host, with the hooks and settings that lie there")
	return path + " has other keys"
}

// unforced reads authorized_keys (sshd(8)) and returns the numbers of the lines
// whose key has no forced command, of those whose forced command does not set
// PATHGATE_USER as far as one can see, and of those that git-shell serves.
func unforced(r io.Reader) (open, nameless, anywhere []int, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<10)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		forced, named, gitShell := false, false, false
		for _, option := range optionsOf(line) {
			name, value, _ := strings.Cut(option, "=")
			switch strings.ToLower(name) {
			case "command":
				forced = true
				named = named || setsUser(value)
				gitShell = strings.Contains(value, "git-shell")
			case "environment":
				named = named || setsUser(value)
			}
		}
		switch {
		case !forced:
			open = append(open, n)
		case !named:
			nameless = append(nameless, n)
		case gitShell:
			anywhere = append(anywhere, n)
		}
	}
	return open, nameless, anywhere, lines.Err()
}

// setsUser reports whether a value gives PATHGATE_USER a name, itself or by
// "pathgate shell".
func setsUser(value string) bool {
	_, after, found := strings.Cut(value, "PATHGATE_USER=")
	if _, shell, is := strings.Cut(value, "pathgate shell "); is {
		_, after, found = strings.Cut(shell, "--user")
		after = strings.TrimLeft(after, "= ")
	}
	return found && after != "" && !strings.ContainsRune(" ;&|", rune(after[0]))
}

// optionsOf are the options before a key, without quotes; none if the line
// begins with the type of the key.
func optionsOf(line string) []string {
	var list []string
	var option strings.Builder
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line) && line[i+1] == '"':
			option.WriteByte('"')
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
			option.WriteByte(c)
		case c == ',':
			list = append(list, option.String())
			option.Reset()
		case c == ' ' || c == '\t':
			return append(list, option.String())
		default:
			option.WriteByte(c)
		}
	}
	return append(list, option.String())
}
