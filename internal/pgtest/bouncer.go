package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A Bouncer is a pgbouncer in transaction mode, as one stands on a git host: by
// a unix socket it lets people in who know the role's password, and it goes on
// to the server by TLS with the name checked, and by password.
type Bouncer struct {
	server  *Server
	dir     string // of the socket, and of all it has
	process *os.Process
	ended   chan struct{}
}

// bouncerPort is only in the name of the socket: pgbouncer listens on no address.
const bouncerPort = 6432

// bouncerSettings is pgbouncer.ini: see pgbouncer(5). Two server connections for
// each pool, so that two hooks at once need not wait for each other. None is asked
// whether it still answers, which would be a round trip that no hook makes.
const bouncerSettings = `[databases]
* = host=%[1]s port=%[2]s
[pgbouncer]
listen_addr =
listen_port = %[3]d
unix_socket_dir = %[4]s
unix_socket_mode = 0777
pool_mode = transaction
default_pool_size = 2
server_check_delay = 600
auth_type = scram-sha-256
auth_file = %[4]s/users
server_tls_sslmode = verify-full
server_tls_ca_file = %[5]s
logfile = %[4]s/log
pidfile =
`

// BounceTo starts a pgbouncer before a server, or before an address (host:port,
// as of a Proxy) that leads there, for a test, and ends it with it. Where
// pgbouncer is missing the test is skipped, or fails if PATHGATE_TEST_ALL is set.
func (s *Server) BounceTo(tb testing.TB, address string) *Bouncer {
	tb.Helper()
	b, err := s.Bounce(address)
	if errors.Is(err, ErrAbsent) && os.Getenv("PATHGATE_TEST_ALL") == "" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Log(b.Log())
		}
		b.Stop()
	})
	return b
}

// Bounce is BounceTo for what is no test. Stop ends what it started.
func (s *Server) Bounce(address string) (*Bouncer, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			return nil, fmt.Errorf("pgbouncer is missing: install pgbouncer: %w", errAbsent{})
		}
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("start pgbouncer: %w", err)
	}
	dir, err := os.MkdirTemp("", "pgb") // short, as a socket's name must be
	if err != nil {
		return nil, fmt.Errorf("start pgbouncer: %w", err)
	}
	b := &Bouncer{server: s, dir: dir, ended: make(chan struct{})}
	if err := b.start(program, fmt.Sprintf(bouncerSettings, host, port, bouncerPort, dir, s.CA)); err != nil {
		log := b.Log()
		b.Stop()
		return nil, fmt.Errorf("start pgbouncer: %w\n%s", err, log)
	}
	return b, nil
}

// errAbsent is ErrAbsent without its text, which is of PostgreSQL.
type errAbsent struct{}

func (errAbsent) Error() string        { return "no such program" }
func (errAbsent) Is(target error) bool { return target == ErrAbsent }

func (b *Bouncer) start(program, settings string) error {
	users := ""
	for _, role := range [...]string{Owner, Hooks, Auditor} {
		users += fmt.Sprintf("%q %q\n", role, b.server.pass)
	}
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return err
	}
	ini, who := filepath.Join(b.dir, "ini"), b.server.Primary.who
	for name, text := range map[string]string{ini: settings, filepath.Join(b.dir, "users"): users} {
		if err := errors.Join(os.WriteFile(name, []byte(text), 0o600), who.give(name)); err != nil {
			return err
		}
	}
	if err := who.give(b.dir); err != nil {
		return err
	}
	cmd := exec.Command(program, "-q", ini)
	b.server.Primary.as(cmd)
	cmd.SysProcAttr.Pdeathsig = 0 // it would be that of the thread
	if err := cmd.Start(); err != nil {
		return err
	}
	b.process = cmd.Process
	go func() {
		_ = cmd.Wait() // it is killed in the end, or its log says why it ended
		close(b.ended)
	}()
	return b.wait()
}

// wait returns when somebody can connect to the socket.
func (b *Bouncer) wait() error {
	socket := filepath.Join(b.dir, fmt.Sprintf(".s.PGSQL.%d", bouncerPort))
	var d net.Dialer
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		c, err := d.DialContext(ctx, "unix", socket)
		if err == nil {
			return c.Close()
		}
		select {
		case <-b.ended:
			return errors.New("it has ended")
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Stop ends pgbouncer and removes all it had.
func (b *Bouncer) Stop() {
	if b.process != nil {
		_ = b.process.Signal(syscall.SIGKILL) // what has ended needs no signal
		<-b.ended
	}
	_ = os.RemoveAll(b.dir) // it is a temporary folder
}

// Log is what pgbouncer has written.
func (b *Bouncer) Log() string {
	text, err := os.ReadFile(filepath.Join(b.dir, "log"))
	if err != nil {
		return "log of pgbouncer: " + err.Error()
	}
	return "log of pgbouncer:\n" + string(text)
}

// URL is what a role reaches a database by through the bouncer. Pairs are
// settings and their values, beside the socket and the passwords' file.
func (b *Bouncer) URL(role, database string, pairs ...string) string {
	values := url.Values{"passfile": {b.server.PassFile}}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return fmt.Sprintf("postgres://%s@%s:%d/%s?%s", role, url.QueryEscape(b.dir), bouncerPort, database, values.Encode())
}
