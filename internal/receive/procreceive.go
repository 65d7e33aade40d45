package receive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// MaxReasonBytes bounds the reason that a denied ref is answered with.
const MaxReasonBytes = 200

// A ProcReceive is one run of the proc-receive hook (githooks(5)): the updates
// whose refs receive.procReceiveRefs lists, and our answer to each. The
// answers are sent by Close, all in one; until then git knows nothing.
type ProcReceive struct {
	Updates []Update
	Options []string // push options, if the client sent any
	Atomic  bool     // the client asked for all or nothing

	w       io.Writer
	asked   map[policy.RefName]bool   // the refs of Updates
	answers map[policy.RefName]string // pkt-line payloads, one a line
	misuse  error                     // an answer that nobody asked for
}

// A Move is what a hook did for a command ref: it moved Ref from Old to New.
type Move struct {
	Ref    policy.RefName
	Old    policy.ObjectID
	New    policy.ObjectID
	Forced bool // New does not descend from Old
}

// StartProcReceive speaks version 1 of the protocol with git on a hook's
// standard input and output: features, updates, push options. The same bounds
// hold as for Read and Options. An *InputError says that the push is at fault.
// After any error nothing may be answered: a hook that exits non-zero without
// an answer makes git refuse every update that it was asked about.
func StartProcReceive(r io.Reader, w io.Writer) (*ProcReceive, error) {
	p := &ProcReceive{w: w, asked: make(map[policy.RefName]bool), answers: make(map[policy.RefName]string)}
	in := &packets{scan: pktline.NewScanner(bufio.NewReader(io.LimitReader(r, MaxInputBytes)))}
	options, err := p.greet(in)
	if err != nil {
		return nil, err
	}
	if err := p.readUpdates(in); err != nil {
		return nil, err
	}
	if options {
		if err := p.readOptions(in); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// greet reads "version=1\0<features>" and answers it. It reports whether push
// options will follow the updates.
func (p *ProcReceive) greet(in *packets) (options bool, err error) {
	line, flush, err := in.next()
	if err != nil {
		return false, err
	}
	line = strings.TrimSuffix(line, "\n")
	version, features, _ := strings.Cut(line, "\x00")
	if flush || version != "version=1" {
		return false, malformed(0, "git offers no version 1 of the proc-receive protocol")
	}
	list := strings.Fields(features)
	options = slices.Contains(list, "push-options")
	p.Atomic = slices.Contains(list, "atomic")
	if _, flush, err = in.next(); err != nil {
		return false, err
	}
	if !flush {
		return false, malformed(0, "git's greeting has no end")
	}
	reply := "version=1\n"
	if options {
		reply = "version=1\x00push-options\n"
	}
	return options, send(p.w, reply)
}

func (p *ProcReceive) readUpdates(in *packets) error {
	var scan scanner
	for {
		line, flush, err := in.next()
		if err != nil || flush {
			return err
		}
		number := len(p.Updates) + 1
		if number > MaxUpdates {
			return tooLarge(0, "the push changes more than 50000 refs")
		}
		if len(line) >= MaxLineBytes {
			return tooLarge(number, "the command is longer than 4 KiB")
		}
		u, reason := scan.update(line)
		if reason == "" && p.asked[u.Ref] {
			reason = "the ref is named twice" // answers go by name
		}
		if reason != "" {
			return malformed(number, reason)
		}
		p.asked[u.Ref] = true
		p.Updates = append(p.Updates, u)
	}
}

func (p *ProcReceive) readOptions(in *packets) error {
	for {
		option, flush, err := in.next()
		if err != nil || flush {
			return err
		}
		if err := admit(len(p.Options)); err != nil {
			return err
		}
		if len(option) > MaxOptionBytes {
			return tooLarge(len(p.Options)+1, "the push option is longer than 1 KiB")
		}
		p.Options = append(p.Options, option)
	}
}

// OK answers that the hook has done what ref asks for.
func (p *ProcReceive) OK(ref policy.RefName) {
	p.answer(ref, "ok "+string(ref))
}

// FallThrough answers that git shall move ref itself.
func (p *ProcReceive) FallThrough(ref policy.RefName) {
	p.answer(ref, "ok "+string(ref)+"\noption fall-through")
}

// Deny answers that ref is refused. The reason becomes one line of printable
// text of at most MaxReasonBytes.
func (p *ProcReceive) Deny(ref policy.RefName, reason string) {
	reason = strings.TrimSpace(text.Clean(reason, MaxReasonBytes))
	if reason == "" {
		reason = "refused"
	}
	p.answer(ref, "ng "+string(ref)+" "+reason)
}

// Moved answers that the hook has moved another ref for the command ref. git
// then tells the client, post-receive and the reflog of the ref that moved.
func (p *ProcReceive) Moved(command policy.RefName, m Move) {
	lines := []string{
		"ok " + string(command),
		"option refname " + string(m.Ref),
		"option old-oid " + string(m.Old),
		"option new-oid " + string(m.New),
	}
	if m.Forced {
		lines = append(lines, "option forced-update")
	}
	p.answer(command, strings.Join(lines, "\n"))
}

// Made answers that the hook has done what a command asks for, and that this
// moved something from m.Old to m.New. git tells the client so by the command's
// own name, and not by that of the ref that moved: git 2.39 would try to move
// the client's tracking ref for it to a commit that the client may not have, and
// print an error.
func (p *ProcReceive) Made(command policy.RefName, m Move) {
	lines := []string{"ok " + string(command), "option old-oid " + string(m.Old), "option new-oid " + string(m.New)}
	if m.Forced {
		lines = append(lines, "option forced-update")
	}
	p.answer(command, strings.Join(lines, "\n"))
}

// Refused reports whether an update was denied.
func (p *ProcReceive) Refused() bool {
	for _, lines := range p.answers {
		if strings.HasPrefix(lines, "ng ") {
			return true
		}
	}
	return false
}

// Answered reports whether ref has an answer.
func (p *ProcReceive) Answered(ref policy.RefName) bool {
	_, ok := p.answers[ref]
	return ok
}

func (p *ProcReceive) answer(ref policy.RefName, lines string) {
	if _, twice := p.answers[ref]; twice || !p.asked[ref] {
		p.misuse = fmt.Errorf("answer for %q: not asked for, or answered before", ref)
		return
	}
	p.answers[ref] = lines
}

// Close sends the answers, in the order of the updates. An update without an
// answer is denied. An answer given twice or for a ref that git did not ask
// about is an error, and then nothing is sent; neither is it after an error of
// the writer known to be complete, so that a caller must not take the push for
// refused.
func (p *ProcReceive) Close() error {
	if p.misuse != nil {
		return p.misuse
	}
	for _, u := range p.Updates {
		if _, ok := p.answers[u.Ref]; !ok {
			p.Deny(u.Ref, "pathgate gave no answer")
		}
	}
	var lines []string
	for _, u := range p.Updates {
		lines = append(lines, strings.Split(p.answers[u.Ref], "\n")...)
	}
	return send(p.w, lines...)
}

// send writes the payloads and a flush packet in one write.
func send(w io.Writer, payloads ...string) error {
	var b bytes.Buffer
	e := pktline.NewEncoder(&b)
	if err := e.EncodeString(payloads...); err != nil {
		return fmt.Errorf("answer git's proc-receive: %w", err)
	}
	if err := e.Flush(); err != nil {
		return fmt.Errorf("answer git's proc-receive: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("answer git's proc-receive: %w", err)
	}
	return nil
}

// packets reads pkt-lines. go-git's scanner checks the lengths; it takes a
// flush for an empty payload, and the end of input for no error.
type packets struct{ scan *pktline.Scanner }

func (p *packets) next() (payload string, flush bool, err error) {
	if p.scan.Scan() {
		b := p.scan.Bytes()
		return string(b), len(b) == 0, nil
	}
	err = p.scan.Err()
	var line *pktline.ErrorLine
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "", false, malformed(0, "git's request ends in the middle or is larger than 16 MiB")
	case errors.Is(err, pktline.ErrInvalidPktLen), errors.As(err, &line):
		return "", false, malformed(0, "git's request is not in pkt-lines")
	}
	return "", false, fmt.Errorf("read git's proc-receive request: %w", err)
}
