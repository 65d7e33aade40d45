package audit

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// A sink takes messages. It is for one goroutine.
type sink interface {
	// write takes one message, whole or not at all. It may keep it until flush.
	write(context.Context, *message) error
	// flush makes sure of all that was written since the last one, as far as
	// the sink can tell. After an error none of that counts as taken.
	flush(context.Context) error
	close() error
}

// An outlet is a sink that the policy names, not opened yet.
type outlet struct {
	name string // of its cursor
	open func(context.Context) (sink, error)
}

// outlets are the sinks of a policy. socket is journald's.
func outlets(a *policy.Audit, dir, socket string) []outlet {
	var out []outlet
	if a.File != "" {
		out = append(out, outlet{"file", func(context.Context) (sink, error) { return openFile(a.File, dir) }})
	}
	if a.Syslog.Network != "" {
		out = append(out, outlet{"syslog", func(ctx context.Context) (sink, error) { return openSyslog(ctx, a) }})
	}
	if a.Journald {
		out = append(out, outlet{"journald", func(ctx context.Context) (sink, error) { return openJournald(ctx, a.Facility, socket) }})
	}
	return out
}

// dial connects a datagram socket.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// patience is how long a datagram may wait for a receiver that has no room, where
// the context sets no time.
const patience = 10 * time.Second

// send writes one datagram before the context ends.
func send(ctx context.Context, conn net.Conn, b []byte) error {
	end, limited := ctx.Deadline()
	if !limited {
		end = time.Now().Add(patience)
	}
	if err := conn.SetWriteDeadline(end); err != nil {
		return err
	}
	n, err := conn.Write(b)
	if err == nil && n != len(b) {
		err = fmt.Errorf("%d of %d bytes were sent", n, len(b))
	}
	return err
}

// hostname is this host's name, empty if it has none.
func hostname() string {
	name, _ := os.Hostname() // RFC 5424 has a sign for hosts without one
	return name
}

// pause waits, or ends with the context.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
