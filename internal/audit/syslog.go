package audit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/policy"
)

// A syslogSink sends datagrams, one for each message (RFC 5424; by UDP RFC
// 5426).
type syslogSink struct {
	conn net.Conn
	head header
	size int // of the largest message
	udp  bool
	sent int
	lost error // by UDP: why what was sent since the last flush may be lost
}

// Over UDP nothing holds a sender back. After so many messages it waits a
// little, so that a receiver does not drop what it has no room for.
const (
	burst     = 32
	burstWait = 2 * time.Millisecond
)

func openSyslog(ctx context.Context, a *policy.Audit) (*syslogSink, error) {
	s := &syslogSink{
		head: header{facility: a.Facility, host: hostField(hostname()), pid: os.Getpid()},
		size: localSize,
	}
	network := "unixgram"
	if a.Syslog.Network == "udp" {
		network, s.size, s.udp = "udp", udpSize, true
	}
	var err error
	s.conn, err = dial(ctx, network, a.Syslog.Address)
	return s, err
}

// write sends one message, a shorter one if the system takes none of that size.
func (s *syslogSink) write(ctx context.Context, m *message) error {
	if s.udp && s.sent > 0 && s.sent%burst == 0 {
		if err := pause(ctx, burstWait); err != nil {
			return err
		}
	}
	s.sent++
	for size := s.size; ; size = max(size/2, minSize) {
		err := send(ctx, s.conn, formatSyslog(m, s.head, size))
		if errors.Is(err, unix.EMSGSIZE) && size > minSize {
			continue
		}
		if s.udp && err != nil {
			s.lost = err // it may be about an earlier datagram
		}
		return err
	}
}

// flush asks whether the other host has refused what was sent by UDP; a
// datagram to a socket of this host has arrived.
func (s *syslogSink) flush(context.Context) error {
	if s.udp && s.lost == nil {
		s.lost = s.refused()
	}
	return s.lost
}

// refused returns what the network has answered to earlier datagrams: that
// nobody listens there, as far as it says so.
func (s *syslogSink) refused() error {
	conn, ok := s.conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	pending := 0
	ctlErr := raw.Control(func(fd uintptr) {
		pending, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	})
	if err = errors.Join(ctlErr, err); err == nil && pending != 0 {
		err = fmt.Errorf("send to %s: %w", s.conn.RemoteAddr(), syscall.Errno(pending))
	}
	return err
}

func (s *syslogSink) close() error { return s.conn.Close() }
