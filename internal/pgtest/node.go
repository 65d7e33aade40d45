package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A Node is one PostgreSQL server.
type Node struct {
	name     string
	dir      string // its data; what is beside has its name before a dot
	programs string
	certs    string
	who      *owner
	port     int
	process  *os.Process
	ended    chan struct{}
}

// Address is the host and port that the server listens on.
func (n *Node) Address() string { return fmt.Sprintf("127.0.0.1:%d", n.port) }

// Socket is the folder of the server's unix socket, at which whoever asks is
// let in as whoever he says he is.
func (n *Node) Socket() string { return n.dir + ".socket" }

// Port is the server's port, which is in the name of its unix socket too.
func (n *Node) Port() int { return n.port }

func (n *Node) log() string { return n.dir + ".log" }

// Exec runs one statement, or several with semicolons, in a database as the
// superuser postgres.
func (n *Node) Exec(database, sql string) error {
	_, err := n.Query(database, sql)
	return err
}

// Query is Exec that returns the last statement's rows as text; NULL is empty.
func (n *Node) Query(database, sql string) ([][]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	c, err := n.connect(ctx, database)
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	results, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %.200s: %w", n.name, sql, err)
	}
	var out [][]string
	if len(results) > 0 {
		for _, row := range results[len(results)-1].Rows {
			cells := make([]string, len(row))
			for i, cell := range row {
				cells[i] = string(cell)
			}
			out = append(out, cells)
		}
	}
	return out, nil
}

// connect logs in as the superuser at the unix socket. Nothing of the caller's
// environment counts.
func (n *Node) connect(ctx context.Context, database string) (*pgconn.PgConn, error) {
	c, err := pgconn.ParseConfig(fmt.Sprintf("host=%s port=%d user=postgres dbname=%s sslmode=disable", n.Socket(), n.port, database))
	if err != nil {
		return nil, err
	}
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("connect to the %s: %w", n.name, err)
	}
	return conn, nil
}

const settings = `
listen_addresses = '127.0.0.1'
max_connections = 100
shared_buffers = 64MB
max_wal_size = 1GB
ssl = on
ssl_cert_file = '%[1]s/server.crt'
ssl_key_file = '%[1]s/server.key'
password_encryption = 'scram-sha-256'
wal_level = replica
max_wal_senders = 4
hot_standby = on
log_line_prefix = '%%m [%%p] %%u@%%d '
restart_after_crash = off
fsync = %[2]s
`

// access is pg_hba.conf: passwords from outside, with TLS or without.
const access = `local all all trust
host replication all 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
`

// initialise makes the data of a primary.
func (n *Node) initialise(o Options) error {
	if err := n.run("initdb", "-D", n.dir, "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "--auth=trust"); err != nil {
		return err
	}
	fsync := "off"
	if o.Durable {
		fsync = "on"
	}
	text := fmt.Sprintf(settings, n.certs, fsync) + strings.Join(o.Settings, "\n") + "\n"
	if err := n.append("postgresql.conf", text); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(n.dir, "pg_hba.conf"), []byte(access), 0o600)
}

func (n *Node) append(file, text string) error {
	f, err := os.OpenFile(filepath.Join(n.dir, file), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// copyOf makes the data of a standby.
func (n *Node) copyOf(primary *Node) error {
	return n.run("pg_basebackup", "-D", n.dir, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d",
		fmt.Sprintf("host=127.0.0.1 port=%d user=postgres application_name=%s sslmode=disable", primary.port, n.name))
}

// run runs one of PostgreSQL's programs as its owner.
func (n *Node) run(program string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(n.programs, program), args...)
	n.as(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

func (n *Node) as(cmd *exec.Cmd) {
	cmd.Env = []string{"PATH=" + n.programs + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.Dir = n.certs
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if n.who.id != nil {
		cmd.SysProcAttr.Credential = n.who.id
	}
}

// start starts the server and waits until it lets people in. Somebody else may
// take its port first: then it tries another.
func (n *Node) start() error {
	if err := os.MkdirAll(n.Socket(), 0o755); err != nil {
		return err
	}
	if err := n.who.give(n.Socket()); err != nil {
		return err
	}
	var err error
	for range 5 {
		if n.port, err = freePort(); err != nil {
			return err
		}
		if err = n.try(); err == nil {
			return nil
		}
	}
	return err
}

// try starts the server on its port, and ends it if it does not come up.
func (n *Node) try() error {
	log, err := os.OpenFile(n.log(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(n.programs, "postgres"), "-D", n.dir, "-p", strconv.Itoa(n.port), "-k", n.Socket())
	n.as(cmd)
	cmd.SysProcAttr.Pdeathsig = 0 // it would be that of the thread
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	n.process, n.ended = cmd.Process, ended
	go func() {
		_ = cmd.Wait() // it is killed in the end, or its log says why it ended
		close(ended)
	}()
	err = n.wait("the server to start", func(*pgconn.PgConn) (bool, error) { return true, nil })
	if err != nil {
		n.Kill()
	}
	return err
}

// wait asks again and again until ready says yes.
func (n *Node) wait(what string, ready func(*pgconn.PgConn) (bool, error)) error {
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-n.ended:
			return fmt.Errorf("wait for %s: the %s has ended", what, n.name)
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		c, err := n.connect(ctx, "postgres")
		if err == nil {
			var ok bool
			ok, err = ready(c)
			_ = c.Close(ctx) // it was only asked
			if ok && err == nil {
				cancel()
				return nil
			}
		}
		cancel()
		last = err
	}
	return fmt.Errorf("wait for %s: in vain: %w", what, last)
}

// Running reports whether the server's first process lives.
func (n *Node) Running() bool {
	select {
	case <-n.ended:
		return false
	default:
		return n.process != nil
	}
}

// Restart starts a server that was killed, on the port that it had.
func (n *Node) Restart() error {
	if n.Running() {
		return fmt.Errorf("restart the %s: it runs", n.name)
	}
	if err := os.Remove(filepath.Join(n.dir, "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var err error
	for range 5 { // a process that was being made when it was killed ends by itself
		if err = n.try(); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// Kill ends the server and all its processes with SIGKILL, and returns when they
// are gone. They are found while the first one stands still, so that none is
// missed.
func (n *Node) Kill() {
	if n.process == nil || !n.Running() {
		return
	}
	_ = n.process.Signal(syscall.SIGSTOP) // what is gone already needs no signal
	children := childrenOf(n.process.Pid)
	_ = n.process.Kill()
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-n.ended
	for _, pid := range children {
		for end := time.Now().Add(patience); !gone(pid) && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	}
}

// Freeze stops all processes of the server without ending their connections,
// as a machine that hangs does; Thaw lets them go on.
func (n *Node) Freeze() { n.signal(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (n *Node) Thaw() { n.signal(syscall.SIGCONT) }

func (n *Node) signal(sig syscall.Signal) {
	_ = n.process.Signal(sig)
	for _, pid := range childrenOf(n.process.Pid) {
		_ = syscall.Kill(pid, sig)
	}
}
