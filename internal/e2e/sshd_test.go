package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdSSHD serves a real sshd on loopback for this script. Each person gets a
// key; the kind says what the key may do:
//
//	pathgate  a forced command that runs pathgate shell by $WORK/policy.toml
//	gitshell  a forced command that sets PATHGATE_USER and runs git-shell
//	shell     a forced command that sets PATHGATE_USER and runs any command
//	bare      no forced command: an account with a shell
func cmdSSHD(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: sshd PERSON[:KIND]...")
	}
	tools := map[string]string{}
	for _, name := range []string{"sshd", "ssh", "ssh-keygen", "git-shell"} {
		path, err := lookPath(name)
		if err != nil {
			skip(ts, name+" is missing: install openssh-server, openssh-client and git")
		}
		tools[name] = path
	}
	s := server{ts: ts, dir: filepath.Join(ts.Getenv("WORK"), "ssh"), tools: tools}
	ts.Check(os.MkdirAll(s.dir, 0o700))
	s.key("host")
	var authorized strings.Builder
	for _, arg := range args {
		person, kind, _ := strings.Cut(arg, ":")
		s.key(person)
		authorized.WriteString(s.authorize(person, kind))
	}
	ts.Check(os.WriteFile(filepath.Join(s.dir, "authorized_keys"), []byte(authorized.String()), 0o600))
	s.start()
	s.client(args)
}

func lookPath(name string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return exec.LookPath(name)
}

// A server is a script's sshd.
type server struct {
	ts    *testscript.TestScript
	dir   string
	tools map[string]string
	port  string
}

func (s *server) key(name string) {
	s.ts.Check(s.ts.Exec(s.tools["ssh-keygen"], "-q", "-t", "ed25519", "-N", "", "-C", name,
		"-f", filepath.Join(s.dir, name)))
}

func (s *server) authorize(person, kind string) string {
	public, err := os.ReadFile(filepath.Join(s.dir, person+".pub"))
	s.ts.Check(err)
	var run string
	switch kind {
	case "", "pathgate":
		return fmt.Sprintf(`command="%s shell --policy %s --user %s",restrict %s`,
			filepath.Join(built.prefix, "bin", "pathgate"), filepath.Join(s.ts.Getenv("WORK"), "policy.toml"), person, public)
	case "gitshell":
		run = s.tools["git-shell"]
	case "shell":
		run = "/bin/sh"
	case "bare":
		return string(public)
	default:
		s.ts.Fatalf("unknown kind of login %q", kind)
	}
	return fmt.Sprintf(`command="PATHGATE_USER=%s exec %s -c \"$SSH_ORIGINAL_COMMAND\"",restrict %s`,
		person, run, public)
}

const sshdConfig = `HostKey %[1]s/host
AuthorizedKeysFile %[1]s/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
LogLevel VERBOSE
SetEnv GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=%[2]s LC_ALL=C TZ=UTC
`

// start listens, and starts an sshd for each connection, as inetd would: so the
// port is this script's from the first moment on, and nobody waits for a server.
func (s *server) start() {
	if os.Geteuid() == 0 {
		// sshd's own start script makes this folder for privilege separation.
		s.ts.Check(os.MkdirAll("/run/sshd", 0o755))
	}
	config := filepath.Join(s.dir, "sshd_config")
	text := fmt.Sprintf(sshdConfig, s.dir, s.ts.Getenv("GIT_CONFIG_GLOBAL"))
	s.ts.Check(os.WriteFile(config, []byte(text), 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.ts.Check(err)
	_, s.port, err = net.SplitHostPort(l.Addr().String())
	s.ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the script is over
			}
			running.Go(func() { s.serve(ctx, conn.(*net.TCPConn), config) })
		}
	})
	s.ts.Defer(func() {
		l.Close()
		cancel()
		running.Wait()
	})
}

// serve lets an sshd have one connection. What goes wrong is in the log, and the
// client sees it.
func (s *server) serve(ctx context.Context, conn *net.TCPConn, config string) {
	f, err := conn.File()
	conn.Close()
	if err != nil {
		return
	}
	cmd := exec.CommandContext(ctx, s.tools["sshd"], "-i", "-f", config, "-E", filepath.Join(s.dir, "log"))
	cmd.Env, cmd.Stdin, cmd.Stdout = []string{"PATH=" + os.Getenv("PATH")}, f, f
	err = cmd.Start()
	f.Close()
	if err == nil {
		_ = cmd.Wait()
	}
}

// client writes an ssh configuration in which each person is a host, so that
// a URL says who pushes.
func (s *server) client(args []string) {
	me, err := user.Current()
	s.ts.Check(err)
	public, err := os.ReadFile(filepath.Join(s.dir, "host.pub"))
	s.ts.Check(err)
	known := filepath.Join(s.dir, "known_hosts")
	s.ts.Check(os.WriteFile(known, []byte("[127.0.0.1]:"+s.port+" "+string(public)), 0o600))
	var b strings.Builder
	for _, arg := range args {
		person, _, _ := strings.Cut(arg, ":")
		fmt.Fprintf(&b, "Host %s\n\tHostName 127.0.0.1\n\tPort %s\n\tUser %s\n\tIdentityFile %s\n",
			person, s.port, me.Username, filepath.Join(s.dir, person))
		fmt.Fprintf(&b, "\tIdentitiesOnly yes\n\tIdentityAgent none\n\tUserKnownHostsFile %s\n\tBatchMode yes\n\tLogLevel ERROR\n", known)
	}
	config := filepath.Join(s.dir, "config")
	s.ts.Check(os.WriteFile(config, []byte(b.String()), 0o600))
	s.ts.Setenv("GIT_SSH_COMMAND", "ssh -F "+config)
}
