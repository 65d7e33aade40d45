package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdSSHD starts a real sshd on loopback for this script. Each person gets a
// key; the kind says what the key may do:
//
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
	case "", "gitshell":
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

const sshdConfig = `ListenAddress 127.0.0.1
Port %[1]s
HostKey %[2]s/host
AuthorizedKeysFile %[2]s/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
LogLevel VERBOSE
SetEnv GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=%[3]s LC_ALL=C TZ=UTC
`

// start starts sshd and waits until it answers. Another process may take the
// free port first, so it tries again.
func (s *server) start() {
	if os.Geteuid() == 0 {
		// sshd's own start script makes this folder for privilege separation.
		s.ts.Check(os.MkdirAll("/run/sshd", 0o755))
	}
	var err error
	for range 5 {
		if err = s.try(); err == nil {
			return
		}
	}
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	s.ts.Fatalf("start sshd: %v\n%s", err, log)
}

func (s *server) try() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, s.port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	config := filepath.Join(s.dir, "sshd_config")
	text := fmt.Sprintf(sshdConfig, s.port, s.dir, s.ts.Getenv("GIT_CONFIG_GLOBAL"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	cmd := exec.Command(s.tools["sshd"], "-D", "-f", config, "-E", filepath.Join(s.dir, "log"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed in the end, or the log tells why it ended
		close(ended)
	}()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case <-ended:
			return fmt.Errorf("it ended: %v", cmd.ProcessState)
		default:
		}
		conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err != nil {
			continue
		}
		conn.Close()
		s.ts.Defer(func() {
			_ = cmd.Process.Kill()
			<-ended
		})
		return nil
	}
	_ = cmd.Process.Kill()
	<-ended
	return fmt.Errorf("nothing listens on port %s", s.port)
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
