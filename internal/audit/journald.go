package audit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// journalSocket is where systemd-journald listens for its native protocol.
const journalSocket = "/run/systemd/journal/socket"

// A journaldSink sends entries by the journal's native protocol:
// https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
type journaldSink struct {
	conn     *net.UnixConn
	facility int
}

func openJournald(ctx context.Context, facility int, socket string) (*journaldSink, error) {
	conn, err := dial(ctx, "unixgram", socket)
	if err != nil {
		return nil, err
	}
	local, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("connect to %s: not a socket of this host", socket)
	}
	return &journaldSink{local, facility}, nil
}

// write sends one entry, in a datagram, or if that is too large in a file in
// memory, whose descriptor the datagram then brings.
func (s *journaldSink) write(ctx context.Context, m *message) error {
	b := formatJournal(m, s.facility)
	err := send(ctx, s.conn, b)
	if errors.Is(err, unix.EMSGSIZE) || errors.Is(err, unix.ENOBUFS) {
		return s.sendFile(b)
	}
	return err
}

// sendFile hands over a sealed memfd, which journald takes for as good as the
// datagram. The deadline is the one that send has set.
func (s *journaldSink) sendFile(b []byte) error {
	fd, err := unix.MemfdCreate("pathgate", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return fmt.Errorf("make a file in memory: %w", err)
	}
	defer unix.Close(fd)
	for rest := b; len(rest) > 0; {
		n, err := unix.Write(fd, rest)
		if err != nil {
			return fmt.Errorf("write a file in memory: %w", err)
		}
		rest = rest[n:]
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return fmt.Errorf("seal a file in memory: %w", err)
	}
	return s.sendDescriptor(fd)
}

// sendDescriptor is a sendmsg(2) without bytes, which net.UnixConn does not make
// on a connected socket.
func (s *journaldSink) sendDescriptor(fd int) error {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	var sendErr error
	err = raw.Write(func(socket uintptr) bool {
		sendErr = retry(func() error { return unix.Sendmsg(int(socket), nil, unix.UnixRights(fd), nil, 0) })
		return !errors.Is(sendErr, unix.EAGAIN)
	})
	if err = errors.Join(err, sendErr); err != nil {
		return fmt.Errorf("hand over a file in memory: %w", err)
	}
	return nil
}

func (s *journaldSink) flush(context.Context) error { return nil }

func (s *journaldSink) close() error { return s.conn.Close() }

// formatJournal writes a message as fields of the journal: those that
// systemd.journal-fields(7) knows, PATHGATE_ and the name of each field of the
// line, and the whole line in PATHGATE_LINE.
func formatJournal(m *message, facility int) []byte {
	e := m.entry
	b := make([]byte, 0, 4096)
	b = appendJournal(b, "MESSAGE", summary(e))
	b = appendJournal(b, "PRIORITY", strconv.Itoa(severity(e)))
	b = appendJournal(b, "SYSLOG_FACILITY", strconv.Itoa(facility))
	b = appendJournal(b, "SYSLOG_IDENTIFIER", "pathgate")
	b = appendJournal(b, "PATHGATE_TIME", e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"))
	for _, f := range fields(m) {
		b = appendJournal(b, "PATHGATE_"+strings.ToUpper(f.name), clean(f.value))
	}
	return appendJournal(b, "PATHGATE_LINE", string(m.raw))
}

// appendJournal adds a field. A value with a newline goes with its length before
// it, as the protocol has it.
func appendJournal(b []byte, name, value string) []byte {
	b = append(b, name...)
	if !strings.Contains(value, "\n") {
		return append(append(append(b, '='), value...), '\n')
	}
	b = append(b, '\n')
	b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	return append(append(b, value...), '\n')
}
