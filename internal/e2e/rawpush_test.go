package e2e

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
)

// rawpush is a receive-pack client for what git's own will not send. It speaks
// protocol version 0 (gitprotocol-pack(5)).
//
//	rawpush [flags] REPO COMMAND...
//
// A COMMAND is OLD:NEW:REF. OLD and NEW are object IDs, 0 for the zero ID, or
// "-", the value that the server advertises for REF. REF may hold Go's
// backslash escapes: refs/heads/x\nforged, \xff, \u202e. Nothing is checked, a
// ref may come any number of times.
//
// It prints the lines of report-status to stdout, "remote: " lines to stderr,
// and ends with status 0 if all refs were taken, 1 if not, 3 if it could not
// tell.
func rawpush(args []string, stdout, stderr io.Writer) int {
	p := &push{stdout: stdout, stderr: stderr, caps: "report-status side-band-64k"}
	if err := p.parse(args); err != nil {
		fmt.Fprintln(stderr, "rawpush:", err)
		return 2
	}
	if err := p.run(); err != nil {
		fmt.Fprintln(stderr, "rawpush:", err)
		return 3
	}
	if !p.ok {
		return 1
	}
	return 0
}

// A push is one conversation with git-receive-pack.
type push struct {
	stdout, stderr io.Writer
	repo           string
	commands       []string // OLD:NEW:REF as given
	options        []string
	caps           string
	atomic         bool
	pack           string // REPO=REV,REV,^REV
	nopack, thin   bool
	many           string // COUNT:OLD:NEW:REFPREFIX
	server         string // command line instead of git-receive-pack
	hangup, kill   moment

	refs map[string]string // advertised
	zero string
	ok   bool
}

// A moment is when the client goes away: "sent", when all is sent; "sideband",
// when the first text from the server comes; else the path of a file, when
// that appears.
type moment string

func (p *push) parse(args []string) error {
	flags := flag.NewFlagSet("rawpush", flag.ContinueOnError)
	flags.SetOutput(p.stderr)
	flags.Func("option", "a push option, with escapes; may be repeated", func(s string) error {
		option, err := unescape(s)
		p.options = append(p.options, option)
		return err
	})
	flags.StringVar(&p.caps, "caps", p.caps, "capabilities to ask for")
	flags.BoolVar(&p.atomic, "atomic", false, "ask for an atomic push")
	flags.StringVar(&p.pack, "pack", "", "send a pack made in a repository: REPO=REV,^REV")
	flags.BoolVar(&p.thin, "thin", false, "make the pack thin")
	flags.BoolVar(&p.nopack, "nopack", false, "send no pack at all")
	flags.StringVar(&p.many, "many", "", "send so many further commands: COUNT:OLD:NEW:REFPREFIX")
	flags.StringVar(&p.server, "server", "", "shell command that speaks for the server")
	flags.StringVar((*string)(&p.hangup), "hangup", "", "close the connection at this moment and wait for the server")
	flags.StringVar((*string)(&p.kill), "kill", "", "die by SIGKILL at this moment")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("usage: rawpush [flags] REPO OLD:NEW:REF...")
	}
	p.repo, p.commands = flags.Arg(0), flags.Args()[1:]
	return nil
}

func unescape(s string) (string, error) {
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		return "", fmt.Errorf("bad escape in %q: %w", s, err)
	}
	return text, nil
}

func (p *push) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", "receive-pack", p.repo)
	if p.server != "" {
		cmd = exec.CommandContext(ctx, "sh", "-c", p.server)
	}
	cmd.Stderr = p.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = p.talk(in, out)
	in.Close()
	if errors.Is(err, errGone) {
		out.Close()
		fmt.Fprintln(p.stdout, "hung up; the server:", ended(cmd.Wait()))
		p.ok = true
		return nil
	}
	if wait := cmd.Wait(); err == nil && wait != nil {
		err = fmt.Errorf("the server: %w", wait)
	}
	return err
}

func ended(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// errGone says that the client has hung up, as it was told to.
var errGone = errors.New("the client has gone")

func (p *push) talk(in io.WriteCloser, out io.Reader) error {
	r := bufio.NewReader(out)
	if err := p.readRefs(r); err != nil {
		return fmt.Errorf("read the advertisement: %w", err)
	}
	sent := make(chan error, 1)
	go func() {
		err := p.send(in)
		if err != nil {
			in.Close() // or both sides wait for each other
		}
		sent <- err
	}()
	// The server may answer, and even end, before it has read everything; its
	// answer is worth more than the broken pipe.
	if p.waits("sent") {
		if err := <-sent; err != nil {
			return fmt.Errorf("send: %w", err)
		}
		return p.leave("sent")
	}
	if file := p.file(); file != "" {
		if err := <-sent; err != nil {
			return fmt.Errorf("send: %w", err)
		}
		if err := waitFor(file, true); err != nil {
			return err
		}
		return p.leave(moment(file))
	}
	err := p.readAnswer(r)
	if failed := <-sent; err != nil && failed != nil {
		return fmt.Errorf("%w; %w", failed, err)
	}
	return err
}

// request writes all commands, as packet lines, and ends them with a flush.
func (p *push) request(w io.Writer) (deletesOnly bool, err error) {
	caps := p.caps
	if p.atomic {
		caps += " atomic"
	}
	if len(p.options) > 0 {
		caps += " push-options"
	}
	if len(p.zero) == 64 {
		caps += " object-format=sha256"
	}
	deletesOnly = true
	err = p.eachCommand(func(old, now, ref string) error {
		line := old + " " + now + " " + ref
		if caps != "" {
			line += "\x00" + caps
			caps = ""
		}
		deletesOnly = deletesOnly && now == p.zero
		return writePacket(w, line)
	})
	if err == nil {
		err = writeFlush(w)
	}
	return deletesOnly, err
}

func (p *push) eachCommand(f func(old, now, ref string) error) error {
	for _, command := range p.commands {
		parts := strings.SplitN(command, ":", 3)
		if len(parts) != 3 {
			return fmt.Errorf("command %q is not OLD:NEW:REF", command)
		}
		ref, err := unescape(parts[2])
		if err != nil {
			return err
		}
		if err := f(p.id(parts[0], ref), p.id(parts[1], ref), ref); err != nil {
			return err
		}
	}
	if p.many == "" {
		return nil
	}
	parts := strings.SplitN(p.many, ":", 4)
	count, err := strconv.Atoi(parts[0])
	if err != nil || len(parts) != 4 {
		return fmt.Errorf("-many %q is not COUNT:OLD:NEW:REFPREFIX", p.many)
	}
	for i := range count {
		ref := fmt.Sprintf("%s%06d", parts[3], i)
		if err := f(p.id(parts[1], ref), p.id(parts[2], ref), ref); err != nil {
			return err
		}
	}
	return nil
}

func (p *push) id(given, ref string) string {
	switch {
	case given == "-" && p.refs[ref] != "":
		return p.refs[ref]
	case given == "0", given == "-":
		return p.zero
	}
	return given
}
