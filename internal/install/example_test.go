package install_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A server is a temporary folder in which examples/three-repositories has been
// set up, and a client of it.
type server struct {
	t       *testing.T
	dir     string
	env     []string
	work    string
	command string // pathgate
}

// newServer does what the example's README.md says, but in a temporary folder
// and as the current user.
func newServer(t *testing.T) *server {
	prefix := installed(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: dir, work: filepath.Join(dir, "work"), command: filepath.Join(prefix, "bin", "pathgate")}
	s.env = []string{"PATH=" + filepath.Join(prefix, "bin") + ":" + os.Getenv("PATH"), "HOME=" + dir,
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "PATHGATE_USER="}
	policy := read(t, repository(t), "examples", "three-repositories", "policy.toml")
	policy = strings.ReplaceAll(policy, `"/srv/git"`, `"`+dir+`/srv"`)
	policy = strings.ReplaceAll(policy, `"/var/lib/pathgate"`, `"`+dir+`/ledger"`)
	if err := os.WriteFile(s.policy(), []byte(policy), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "srv"), 0o755); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) policy() string { return filepath.Join(s.dir, "policy.toml") }

func (s *server) setUp(args ...string) (string, int) {
	s.t.Helper()
	script := filepath.Join(repository(s.t), "examples", "three-repositories", "setup.sh")
	out, status, err := execute(s.dir, s.env, script, append([]string{"--policy", s.policy()}, args...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out, status
}

// transport makes an ssh that does what sshd does with an example's
// authorized_keys: it runs the forced command of the person who logs in by a
// shell, with what the client asked for in SSH_ORIGINAL_COMMAND.
func (s *server) transport(example string) {
	s.t.Helper()
	script := "#!/bin/sh\nuser=${1%@*}\nexport SSH_ORIGINAL_COMMAND=\"$2\"\ncase $user in\n"
	keys := read(s.t, repository(s.t), "examples", example, "authorized_keys")
	for line := range strings.Lines(keys) {
		rest, ok := strings.CutPrefix(line, `command="`)
		if !ok {
			continue
		}
		command, key, ok := strings.Cut(rest, `",restrict ssh-ed25519 `)
		if !ok {
			s.t.Fatalf("a line of authorized_keys is not understood: %s", line)
		}
		command = strings.Replace(command, "/usr/local/bin/pathgate", s.command, 1)
		command = strings.Replace(command, "/etc/pathgate/policy.toml", s.policy(), 1)
		_, address, _ := strings.Cut(key, "... ")
		user, _, _ := strings.Cut(address, "@")
		script += fmt.Sprintf("%s) exec sh -c '%s' ;;\n", user, command)
	}
	script += "esac\nexit 255\n"
	ssh := filepath.Join(s.dir, "ssh")
	if err := os.WriteFile(ssh, []byte(script), 0o755); err != nil {
		s.t.Fatal(err)
	}
	s.env = append(s.env, "GIT_SSH="+ssh, "GIT_SSH_VARIANT=simple")
}

func (s *server) git(args ...string) string {
	s.t.Helper()
	return must(s.t, s.work, s.env, "git", args...)
}

func (s *server) push(args ...string) (string, int) {
	s.t.Helper()
	out, status, err := execute(s.work, s.env, "git", append([]string{"push"}, args...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out, status
}

// client makes the clone with a remote for each person and environment.
func (s *server) client(people ...string) {
	must(s.t, s.dir, s.env, "git", "init", "-q", "-b", "main", s.work)
	for _, person := range people {
		for _, environment := range []string{"dev", "stg", "prd"} {
			s.git("remote", "add", person+"-"+environment,
				fmt.Sprintf("%s@host:%s/srv/shop/%s.git", person, s.dir, environment))
		}
	}
	s.git("-c", "user.name=Ana", "-c", "user.email=ana@example.com", "commit", "-q", "--allow-empty", "-m", "first")
}

func TestThreeRepositories(t *testing.T) {
	s := newServer(t)
	if out, status := s.setUp("shop", "books"); status != 0 {
		t.Fatalf("setup.sh: status %d\n%s", status, out)
	}
	s.transport("three-repositories")
	s.client("ana", "ben", "eve")

	out, status := s.push("ana-prd", "main")
	if status == 0 || !strings.Contains(out, "[prior-not-deployed]") {
		t.Errorf("a push to prd at once: status %d\n%s", status, out)
	}
	for _, remote := range []string{"ana-dev", "ben-stg", "ana-prd"} {
		if out, status := s.push(remote, "main"); status != 0 {
			t.Fatalf("push to %s: status %d\n%s", remote, status, out)
		}
	}
	if out, status := s.push("eve-dev", "main"); status == 0 {
		t.Errorf("somebody without a key pushed\n%s", out)
	}
	log := must(t, s.dir, s.env, s.command, "log", "--policy", s.policy(), "--type", "deployed", "--format", "csv")
	for _, want := range []string{",ana,ssh,", ",ben,ssh,"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}
	// The forced command lets a key do nothing else.
	out, status, err := execute(s.dir, s.env, filepath.Join(s.dir, "ssh"), "ana@host", "cat /etc/passwd")
	if err != nil || status == 0 || strings.Contains(out, "root:") {
		t.Errorf("the key ran a command: status %d, %v\n%s", status, err, out)
	}
	must(t, s.dir, s.env, s.command, "doctor", "--policy", s.policy())
	must(t, s.dir, s.env, s.command, "reconcile", "--quiet", "--policy", s.policy())

	if out, status := s.setUp("shop"); status != 0 {
		t.Errorf("setup.sh again: status %d\n%s", status, out)
	}
	for _, name := range []string{"../up", "-x", "a b", "", "a;b"} {
		if out, status := s.setUp("--", name); status == 0 {
			t.Errorf("setup.sh took the service %q\n%s", name, out)
		}
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, "srv"))
	if err != nil || len(entries) != 2 {
		t.Errorf("the root holds %v, %v; want two services", entries, err)
	}
}

func TestThreeRepositoriesPolicyIsSound(t *testing.T) {
	prefix := installed(t)
	policy := filepath.Join(repository(t), "examples", "three-repositories", "policy.toml")
	data := filepath.Join(t.TempDir(), "policy.toml")
	if err := os.WriteFile(data, []byte(read(t, policy)), 0o644); err != nil {
		t.Fatal(err)
	}
	out := must(t, t.TempDir(), nil, filepath.Join(prefix, "bin", "pathgate"), "check", data)
	for _, want := range []string{"{service}/prd.git", "/srv/git", "/var/lib/pathgate", "PATHGATE_USER"} {
		if !strings.Contains(out, want) {
			t.Errorf("pathgate check does not say %q:\n%s", want, out)
		}
	}
}

// TestUnits checks that the timer runs a command that exists, and has systemd
// look at both files where there is one.
func TestUnits(t *testing.T) {
	prefix := installed(t)
	dir := filepath.Join(repository(t), "examples", "three-repositories")
	stand := t.TempDir()
	for _, name := range []string{"pathgate-reconcile.service", "pathgate-reconcile.timer"} {
		text := read(t, dir, name)
		if _, command, ok := strings.Cut(text, "\nExecStart=/usr/local/bin/pathgate "); ok {
			command, _, _ = strings.Cut(command, "\n")
			help := must(t, stand, nil, filepath.Join(prefix, "bin", "pathgate"), append(strings.Fields(command), "--help")...)
			if !strings.Contains(help, "pathgate reconcile [flags]") {
				t.Errorf("the service runs %q:\n%s", command, help)
			}
		} else if strings.HasSuffix(name, ".service") {
			t.Errorf("%s does not run pathgate:\n%s", name, text)
		}
		// The program and the account are not there on this machine.
		text = strings.ReplaceAll(text, "/usr/local/bin/pathgate", "/bin/true")
		text = strings.ReplaceAll(text, "User=git", "User=root")
		if err := os.WriteFile(filepath.Join(stand, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		return
	}
	out, status, err := execute(stand, nil, "systemd-analyze", "verify", "./pathgate-reconcile.service", "./pathgate-reconcile.timer")
	if err != nil || status != 0 || strings.Contains(out, "pathgate-reconcile") {
		t.Errorf("systemd-analyze: status %d, %v\n%s", status, err, out)
	}
}
