package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// waits says that the client goes away at m.
func (p *push) waits(m moment) bool { return p.hangup == m || p.kill == m }

// file is the file that the client waits for before it goes, if any.
func (p *push) file() string {
	for _, m := range []moment{p.hangup, p.kill} {
		if m != "" && m != "sent" && m != "sideband" {
			return string(m)
		}
	}
	return ""
}

// leave goes away as the flags say.
func (p *push) leave(m moment) error {
	if p.kill == m {
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			return err
		}
		select {} // the signal is on its way
	}
	return errGone
}

// send writes the request, the push options and the pack.
func (p *push) send(in io.Writer) error {
	w := bufio.NewWriterSize(in, 1<<16)
	deletesOnly, err := p.request(w)
	if err != nil {
		return err
	}
	if len(p.options) > 0 {
		for _, option := range p.options {
			if err := writePacket(w, option); err != nil {
				return err
			}
		}
		if err := writeFlush(w); err != nil {
			return err
		}
	}
	if !deletesOnly && !p.nopack {
		if err := p.writePack(w); err != nil {
			return err
		}
	}
	return w.Flush()
}

// writePack has git make a pack: of what -pack says, else an empty one.
func (p *push) writePack(w io.Writer) error {
	args := []string{"pack-objects", "--revs", "--stdout", "-q"}
	if p.thin {
		args = append(args, "--thin")
	}
	repo, revs, _ := strings.Cut(p.pack, "=")
	if repo == "" {
		repo = p.repo
	}
	cmd := exec.Command("git", append([]string{"-C", repo}, args...)...)
	if revs != "" {
		cmd.Stdin = strings.NewReader(strings.ReplaceAll(revs, ",", "\n") + "\n")
	}
	cmd.Stdout = w
	cmd.Stderr = p.stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("make the pack: %w", err)
	}
	return nil
}

// readRefs reads the advertisement.
func (p *push) readRefs(r *bufio.Reader) error {
	p.refs = map[string]string{}
	for {
		line, flush, err := readPacket(r)
		if err != nil {
			return err
		}
		if flush {
			break
		}
		line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), "\x00")
		id, ref, ok := strings.Cut(line, " ")
		if !ok {
			return fmt.Errorf("the server says %q", line)
		}
		p.zero = strings.Repeat("0", len(id))
		p.refs[ref] = id
	}
	if p.zero == "" {
		return errors.New("the advertisement is empty")
	}
	return nil
}

// readAnswer reads until the server ends, and tells what it says.
func (p *push) readAnswer(r *bufio.Reader) error {
	if !strings.Contains(p.caps, "side-band-64k") {
		return p.readReport(r)
	}
	report, inner := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := p.readReport(bufio.NewReader(report))
		report.CloseWithError(err)
		done <- err
	}()
	err := p.demultiplex(r, inner)
	inner.CloseWithError(io.EOF)
	reported := <-done
	if err != nil {
		return err
	}
	return reported
}

// demultiplex sends the three bands of the sideband to where they belong.
func (p *push) demultiplex(r *bufio.Reader, report io.Writer) error {
	remote := &prefixer{w: p.stderr}
	defer remote.end()
	for {
		line, flush, err := readPacket(r)
		if flush || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if line == "" {
			return errors.New("an empty sideband packet")
		}
		switch line[0] {
		case 1:
			if _, err := io.WriteString(report, line[1:]); err != nil {
				return err
			}
		case 2:
			remote.write(line[1:])
			if line[1:] != "" && p.waits("sideband") {
				return p.leave("sideband")
			}
		default:
			return fmt.Errorf("the server died: %q", line[1:])
		}
	}
}

// A prefixer writes lines as git does: with "remote: " before each.
type prefixer struct {
	w    io.Writer
	rest string
}

func (p *prefixer) write(text string) {
	p.rest += text
	for {
		line, rest, ok := strings.Cut(p.rest, "\n")
		if !ok {
			return
		}
		fmt.Fprintln(p.w, strings.TrimRight("remote: "+line, " "))
		p.rest = rest
	}
}

func (p *prefixer) end() {
	if p.rest != "" {
		p.write("\n")
	}
}

// readReport reads report-status and prints its lines; what would harm a
// terminal is printed as an escape.
func (p *push) readReport(r *bufio.Reader) error {
	if !strings.Contains(p.caps, "report-status") {
		p.ok = true
		return nil
	}
	p.ok = true
	lines := 0
	for {
		line, flush, err := readPacket(r)
		if flush {
			return nil
		}
		if err != nil {
			p.ok = false
			return fmt.Errorf("read the report after %d lines: %w", lines, err)
		}
		lines++
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "ok ") && !strings.HasPrefix(line, "option ") && line != "unpack ok" {
			p.ok = false
		}
		quoted := strconv.Quote(line)
		fmt.Fprintln(p.stdout, quoted[1:len(quoted)-1])
	}
}

func writePacket(w io.Writer, line string) error {
	if len(line)+4 > 65520 {
		return fmt.Errorf("a line of %d bytes does not fit into a packet", len(line))
	}
	_, err := fmt.Fprintf(w, "%04x%s", len(line)+4, line)
	return err
}

func writeFlush(w io.Writer) error {
	_, err := io.WriteString(w, "0000")
	return err
}

func readPacket(r *bufio.Reader) (line string, flush bool, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", false, err
	}
	n, err := strconv.ParseUint(string(head[:]), 16, 16)
	if err != nil {
		return "", false, fmt.Errorf("packet length %q: %w", head[:], err)
	}
	if n == 0 {
		return "", true, nil
	}
	if n < 4 {
		return "", false, fmt.Errorf("packet length %d", n)
	}
	buf := make([]byte, n-4)
	if _, err := io.ReadFull(r, buf); err != nil {
		return "", false, err
	}
	return string(buf), false, nil
}
