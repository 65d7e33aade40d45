package receive

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A Token names the receive-pack process that serves a push, and so ties the
// hooks of one push together: "bootid/pidns/pid/starttime", where bootid is
// the kernel's boot ID, pidns the inode of the PID namespace, pid the process
// in that namespace and starttime its start in clock ticks after boot. No
// other process of any boot has the same token. Linux only.
type Token string

// Life says whether the process of a token still runs.
type Life string

// The values of Life. Unknown is no answer: the process may run.
const (
	Alive   Life = "alive"
	Dead    Life = "dead"
	Unknown Life = "unknown"
)

// FindToken finds the receive-pack that runs this process as a hook, directly
// or through wrapper shells, at most 16 levels up. No receive-pack there, or a
// /proc that cannot be read, is an error.
func FindToken() (Token, error) {
	return systemProc().token(os.Getppid())
}

// Life looks whether the token's receive-pack still runs. A zombie is dead,
// and so is a process of another boot. A process of another PID namespace, one
// that /proc hides, and a token of another form are Unknown.
func (t Token) Life() Life {
	return systemProc().life(t)
}

func (p proc) token(from int) (Token, error) {
	pid, s, err := p.find(from)
	if err != nil {
		return "", fmt.Errorf("find the receive-pack of this push: %w", err)
	}
	boot, space, err := p.here()
	if err != nil {
		return "", fmt.Errorf("find the receive-pack of this push: %w", err)
	}
	return Token(fmt.Sprintf("%s/%s/%d/%d", boot, space, pid, s.start)), nil
}

// here gives the boot ID and the inode of our PID namespace.
func (p proc) here() (boot, space string, err error) {
	raw, err := p.read(64, "sys", "kernel", "random", "boot_id")
	if err != nil {
		return "", "", err
	}
	boot = strings.TrimSpace(string(raw))
	if !only(boot, "0123456789abcdef-") {
		return "", "", errors.New("the boot ID has an unknown form")
	}
	link, err := os.Readlink(p.root + "/self/ns/pid")
	if err != nil {
		return "", "", err
	}
	space, ok := strings.CutPrefix(link, "pid:[")
	space, closed := strings.CutSuffix(space, "]")
	if !ok || !closed || !only(space, "0123456789") {
		return "", "", errors.New("the PID namespace has an unknown form")
	}
	return boot, space, nil
}

func (p proc) life(t Token) Life {
	parts := strings.Split(string(t), "/")
	if len(parts) != 4 || !only(parts[0], "0123456789abcdef-") || !only(parts[1], "0123456789") {
		return Unknown
	}
	pid, err := strconv.ParseUint(parts[2], 10, 31)
	if err != nil || pid == 0 {
		return Unknown
	}
	start, err := strconv.ParseUint(parts[3], 10, 64)
	if err != nil {
		return Unknown
	}
	boot, space, err := p.here()
	switch {
	case err != nil:
		return Unknown
	case parts[0] != boot:
		return Dead
	case parts[1] != space:
		return Unknown
	}
	return p.process(int(pid), start)
}

// process looks for the process with this ID and start.
func (p proc) process(pid int, start uint64) Life {
	s, err := p.stat(pid)
	switch {
	case errors.Is(err, errNoProcess):
		if p.exists(pid) {
			return Unknown
		}
		return Dead
	case err != nil:
		return Unknown
	case s.start != start, s.state == 'Z', s.state == 'X', s.state == 'x':
		return Dead
	}
	return Alive
}

// only reports whether s is not empty and made of the given characters.
func only(s, characters string) bool {
	return s != "" && strings.Trim(s, characters) == "" && len(s) <= 64
}
