package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// patience is how long anything that is waited for may take, on a machine that is
// busy with much else.
const patience = 2 * time.Minute

// A Server is a primary, and its standby if there is one.
type Server struct {
	Primary *Node
	Standby *Node // nil without Options.Standby
	// CA is a file with the certificate of the authority that vouches for the
	// servers at 127.0.0.1 and localhost.
	CA string
	// PassFile is a file in the form of ~/.pgpass with the roles' passwords,
	// mode 0600, of whoever runs the test.
	PassFile string

	dir  string
	made atomic.Int64 // databases
	pass string

	disks []*Disk
}

// Launch is Start for what is no test. Stop ends what it started.
func Launch(o Options) (*Server, error) {
	programs, err := bin()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	s := &Server{dir: dir, CA: filepath.Join(dir, "ca.crt"), PassFile: filepath.Join(dir, "pass")}
	if err := s.launch(o, programs); err != nil {
		logs := s.Logs()
		s.Stop()
		return nil, fmt.Errorf("start PostgreSQL: %w\n%s", err, logs)
	}
	return s, nil
}

func (s *Server) launch(o Options, programs string) error {
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	who, err := account()
	if err != nil {
		return err
	}
	if err := authority(s.dir, who); err != nil {
		return err
	}
	secret := make([]byte, 12)
	rand.Read(secret)
	s.pass = hex.EncodeToString(secret)
	if err := os.WriteFile(s.PassFile, []byte(s.PassLines()), 0o600); err != nil {
		return err
	}
	s.Primary = &Node{name: "primary", dir: filepath.Join(s.dir, "a"), programs: programs, who: who, certs: s.dir}
	if err := s.Primary.initialise(o); err != nil {
		return err
	}
	if err := s.Primary.start(); err != nil {
		return err
	}
	for _, role := range [...]string{Owner, Hooks, Auditor} {
		if err := s.Primary.Exec("postgres", fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", role, s.pass)); err != nil {
			return err
		}
	}
	if !o.Standby {
		return nil
	}
	return s.follow(programs)
}

// follow makes the standby, and the primary wait for it.
func (s *Server) follow(programs string) error {
	s.Standby = &Node{name: "standby", dir: filepath.Join(s.dir, "b"), programs: programs, who: s.Primary.who, certs: s.dir}
	if err := s.Standby.copyOf(s.Primary); err != nil {
		return err
	}
	if err := s.Standby.start(); err != nil {
		return err
	}
	for _, sql := range [...]string{
		"ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (standby)'",
		"SELECT pg_reload_conf()",
	} {
		if err := s.Primary.Exec("postgres", sql); err != nil {
			return err
		}
	}
	return s.Primary.wait("the standby to be waited for", func(c *pgconn.PgConn) (bool, error) {
		rows, err := c.Exec(context.Background(), "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").ReadAll()
		return err == nil && len(rows[0].Rows) == 1, err
	})
}

// Stop kills the servers and removes all they had.
func (s *Server) Stop() {
	for _, n := range [...]*Node{s.Primary, s.Standby} {
		if n != nil {
			n.Kill()
		}
	}
	for _, d := range s.disks {
		d.unmount()
	}
	_ = os.RemoveAll(s.dir) // it is a temporary folder
}

// Kill ends the primary and all its processes with SIGKILL, as a power cut does.
func (s *Server) Kill() { s.Primary.Kill() }

// Promote makes the standby a primary, which waits for nobody, and returns when
// it takes writes.
func (s *Server) Promote() error {
	if s.Standby == nil {
		return errors.New("promote: there is no standby")
	}
	rows, err := s.Standby.Query("postgres", fmt.Sprintf("SELECT pg_promote(true, %d)", int(patience.Seconds())))
	if err == nil && rows[0][0] != "t" {
		err = fmt.Errorf("promote: the standby was none after %v", patience)
	}
	return err
}

// Create makes a new, empty database that belongs to Owner and returns its name.
func (s *Server) Create() (string, error) { return s.Clone("template0") }

// Clone makes a new database with all that another one has, which nobody may be
// connected to.
func (s *Server) Clone(template string) (string, error) {
	name := fmt.Sprintf("ledger%d", s.made.Add(1))
	if err := s.Primary.Exec("postgres", fmt.Sprintf("CREATE DATABASE %s OWNER %s TEMPLATE %s", name, Owner, template)); err != nil {
		return "", err
	}
	return name, nil
}

// PassLines is the content of PassFile, for users who need a file of their own.
func (s *Server) PassLines() string {
	var b strings.Builder
	for _, role := range [...]string{Owner, Hooks, Auditor} {
		fmt.Fprintf(&b, "*:*:*:%s:%s\n", role, s.pass)
	}
	return b.String()
}

// URL is what a role reaches a database by: TLS with the server's name checked,
// all hosts of the server in a row, of which the one that takes writes counts.
// With addresses (host:port, as of a Proxy) it is those in place of the hosts.
func (s *Server) URL(role, database string, addresses ...string) string {
	return s.link(role, database, addresses, url.Values{"sslmode": {"verify-full"}, "sslrootcert": {s.CA}})
}

// PlainURL is URL without TLS, for faults that look into what is sent.
func (s *Server) PlainURL(role, database string, addresses ...string) string {
	return s.link(role, database, addresses, url.Values{"sslmode": {"disable"}})
}

func (s *Server) link(role, database string, addresses []string, values url.Values) string {
	if len(addresses) == 0 {
		addresses = []string{s.Primary.Address()}
		if s.Standby != nil {
			addresses = append(addresses, s.Standby.Address())
		}
	}
	values.Set("passfile", s.PassFile)
	values.Set("target_session_attrs", "read-write")
	values.Set("connect_timeout", "10") // a busy machine may take longer than the default
	u := url.URL{Scheme: "postgres", User: url.User(role), Host: strings.Join(addresses, ","), Path: "/" + database}
	// A comma in a list of hosts and a slash in a file's name stay as they are:
	// people write them so.
	query := strings.ReplaceAll(values.Encode(), "%2F", "/")
	return u.String() + "?" + query
}

// Logs is what the servers have written, for whoever looks for the cause of a
// failure.
func (s *Server) Logs() string {
	var b strings.Builder
	for _, n := range [...]*Node{s.Primary, s.Standby} {
		if n == nil {
			continue
		}
		text, err := os.ReadFile(n.log())
		fmt.Fprintf(&b, "log of the %s:\n%s", n.name, text)
		if err != nil {
			fmt.Fprintln(&b, err)
		}
	}
	return b.String()
}
