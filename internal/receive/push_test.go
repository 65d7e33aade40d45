package receive

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// hookVariable makes the test binary act as a hook.
const hookVariable = "PATHGATE_TEST_HOOK"

func TestMain(m *testing.M) {
	switch os.Getenv(hookVariable) {
	case "":
		os.Exit(m.Run())
	case "token":
		token, err := FindToken()
		report("token", token, err)
		in, err := Read(os.Stdin)
		report("updates", len(in.Updates), err)
		options, err := Options(os.Getenv)
		report("options", options, err)
	case "proc":
		token, err := FindToken()
		report("token", token, err)
		if err := actProcReceive(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "leave":
	}
	os.Exit(0)
}

// report prints to the client by way of stderr.
func report(what string, value any, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s failed: %v\n", what, err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "%s=%v\n", what, value)
}

// actProcReceive answers each ref by its last component.
func actProcReceive() error {
	p, err := StartProcReceive(os.Stdin, os.Stdout)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "atomic=%v options=%q\n", p.Atomic, p.Options)
	for _, u := range p.Updates {
		switch filepath.Base(string(u.Ref)) {
		case "fall":
			p.FallThrough(u.Ref)
		case "deny":
			p.Deny(u.Ref, "no\nnot\x1b[31m this "+strings.Repeat("x", 500))
		case "ok":
			p.OK(u.Ref)
		case "move":
			if out, err := exec.Command("git", "update-ref", "refs/heads/moved", string(u.New)).CombinedOutput(); err != nil {
				return fmt.Errorf("update-ref: %s", out)
			}
			p.Moved(u.Ref, Move{Ref: "refs/heads/moved", Old: u.Old, New: u.New, Forced: true})
		}
	}
	return p.Close()
}

// site is a bare repository and a clone with one commit.
type site struct {
	t         *testing.T
	bare, dir string
}

func newSite(t *testing.T) site {
	t.Helper()
	dir := t.TempDir()
	s := site{t: t, bare: filepath.Join(dir, "r.git"), dir: filepath.Join(dir, "w")}
	s.git("", "init", "-q", "--bare", s.bare)
	s.git("", "init", "-q", s.dir)
	s.git(s.dir, "commit", "-q", "--allow-empty", "-m", "one")
	s.git(s.bare, "config", "receive.procReceiveRefs", "refs/deploy")
	s.git(s.bare, "config", "receive.advertisePushOptions", "true")
	return s
}

func (s site) try(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s site) git(dir string, args ...string) string {
	s.t.Helper()
	out, err := s.try(dir, args...)
	if err != nil {
		s.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

// hook installs the test binary as a hook; format has one %s for its command.
func (s site) hook(name, mode, format string) {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	script := "#!/bin/sh\n" + fmt.Sprintf(format, hookVariable+"="+mode+" '"+self+"'") + "\n"
	if err := os.WriteFile(filepath.Join(s.bare, "hooks", name), []byte(script), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

// tokens are the values that the hooks of a push printed.
func tokens(out string) []string {
	var list []string
	for line := range strings.Lines(out) {
		if _, v, ok := strings.Cut(strings.TrimSpace(line), "token="); ok {
			list = append(list, strings.TrimSpace(v))
		}
	}
	return list
}

// The hooks of one push share a token, through wrapper shells and whatever way
// receive-pack was started; another push has another.
func TestTokenOfRealPush(t *testing.T) {
	s := newSite(t)
	env := "exec env %s"
	s.hook("pre-receive", "token", env)
	s.hook("proc-receive", "proc", env)
	s.hook("post-receive", "token", env)
	last := ""
	for i, pack := range []string{"git-receive-pack", "git receive-pack", "git -c core.x=y receive-pack"} {
		if i == 2 {
			s.hook("post-receive", "token", "sh -c \"env %s; true\"; true")
		}
		out := s.git(s.dir, "push", "--receive-pack="+pack, s.bare, fmt.Sprintf("HEAD:refs/heads/b%d", i), "HEAD:refs/deploy/ok")
		got := tokens(out)
		if len(got) != 3 || got[0] != got[1] || got[1] != got[2] || got[0] == last {
			t.Fatalf("%s: tokens %q\n%s", pack, got, out)
		}
		last = got[0]
		if life := Token(last).Life(); life != Dead {
			t.Errorf("%s: %s after the push", pack, life)
		}
	}
}

// A hook that leaves without reading its input does not break the push.
func TestHookNeedNotDrain(t *testing.T) {
	s := newSite(t)
	s.hook("pre-receive", "leave", "exec env %s")
	var batch strings.Builder
	head := strings.TrimSpace(s.git(s.dir, "rev-parse", "HEAD"))
	for i := range 2000 {
		fmt.Fprintf(&batch, "create refs/heads/%s%d %s\n", strings.Repeat("x", 100), i, head)
	}
	cmd := exec.Command("git", "update-ref", "--stdin")
	cmd.Dir, cmd.Stdin = s.dir, strings.NewReader(batch.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.git(s.dir, "push", "-q", s.bare, "refs/heads/*:refs/heads/*")
	if n := strings.Count(s.git(s.bare, "for-each-ref"), "\n"); n < 2000 {
		t.Fatalf("%d refs moved", n)
	}
}

func TestProcReceiveWithRealGit(t *testing.T) {
	s := newSite(t)
	s.hook("proc-receive", "proc", "exec env %s")
	push := func(args ...string) (string, error) {
		return s.try(s.dir, append([]string{"push", "--porcelain"}, args...)...)
	}
	out, err := push("-o", "a=b", "-o", "c d", s.bare, "HEAD:refs/heads/main", "HEAD:refs/deploy/fall", "HEAD:refs/deploy/deny", "HEAD:refs/deploy/silent")
	if err == nil {
		t.Fatalf("a denied push succeeded:\n%s", out)
	}
	for _, want := range []string{
		`atomic=false options=["a=b" "c d"]`,
		"*\tHEAD:refs/heads/main\t[new branch]",
		"*\tHEAD:refs/deploy/fall\t[new reference]",
		`!	HEAD:refs/deploy/deny	[remote rejected] (no\nnot\x1b[31m this xxx`,
		"!\tHEAD:refs/deploy/silent\t[remote rejected] (pathgate gave no answer)",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	refs := s.git(s.bare, "for-each-ref", "--format=%(refname)")
	if refs != "refs/deploy/fall\nrefs/heads/main\n" {
		t.Errorf("refs are:\n%s", refs)
	}
	out, err = push(s.bare, "HEAD:refs/deploy/move")
	if err != nil || !strings.Contains(out, "HEAD:refs/heads/moved") || !strings.Contains(out, "options=[]") {
		t.Errorf("move: %v\n%s", err, out)
	}
	out, err = push("--atomic", "-o", "x", s.bare, "HEAD:refs/heads/two", "HEAD:refs/deploy/deny")
	if err == nil || !strings.Contains(out, `atomic=true options=["x"]`) {
		t.Errorf("atomic: %v\n%s", err, out)
	}
	if refs := s.git(s.bare, "for-each-ref", "refs/heads/two"); refs != "" {
		t.Errorf("an atomic push that was denied moved %s", refs)
	}
}

// Updates that git's proc-receive hands over are as strict as pre-receive's.
func TestProcReceiveRefuses(t *testing.T) {
	hello := []string{"version=1\x00push-options atomic\n", ""}
	cmd := zero + " " + one + " refs/deploy/x"
	tests := []struct {
		name  string
		lines []string
		code  policy.Code
	}{
		{"nothing", nil, policy.MalformedInput},
		{"version 2", []string{"version=2", ""}, policy.MalformedInput},
		{"flush first", []string{"", ""}, policy.MalformedInput},
		{"long greeting", []string{"version=1", "x", ""}, policy.MalformedInput},
		{"no commands", hello, policy.MalformedInput},
		{"no end", append(hello[:2:2], cmd), policy.MalformedInput},
		{"no options", append(hello[:2:2], cmd, ""), policy.MalformedInput},
		{"newline", append(hello[:2:2], cmd+"\n", "", ""), policy.MalformedInput},
		{"twice", append(hello[:2:2], cmd, cmd, "", ""), policy.MalformedInput},
		{"bad ID", append(hello[:2:2], "x"+cmd, "", ""), policy.MalformedInput},
		{"long command", append(hello[:2:2], cmd+strings.Repeat("x", 5000), "", ""), policy.TooLarge},
		{"long option", append(hello[:2:2], cmd, "", strings.Repeat("x", 1025), ""), policy.TooLarge},
		{"many options", append(hello[:2:2], append(append([]string{cmd, ""}, strings.Fields(strings.Repeat("o ", 33))...), "")...), policy.TooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := StartProcReceive(strings.NewReader(encode(tt.lines)), &strings.Builder{})
			wantCode(t, err, tt.code)
		})
	}
	for _, raw := range []string{"0001", "0004", "zzzz", "ffff", "-001", "000", "0009ERR x"} {
		_, err := StartProcReceive(strings.NewReader(raw), &strings.Builder{})
		wantCode(t, err, policy.MalformedInput)
	}
}

func TestProcReceiveMisuse(t *testing.T) {
	for _, answer := range []func(*ProcReceive){
		func(p *ProcReceive) { p.OK("refs/deploy/other") },
		func(p *ProcReceive) { p.OK("refs/deploy/x"); p.FallThrough("refs/deploy/x") },
	} {
		var out strings.Builder
		in := encode([]string{"version=1", "", zero + " " + one + " refs/deploy/x", ""})
		p, err := StartProcReceive(strings.NewReader(in), &out)
		if err != nil {
			t.Fatal(err)
		}
		out.Reset()
		answer(p)
		if err := p.Close(); err == nil || out.Len() != 0 {
			t.Fatalf("got %v and sent %q", err, out.String())
		}
	}
}

// encode makes pkt-lines; an empty payload is a flush.
func encode(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		if l == "" {
			b.WriteString("0000")
			continue
		}
		fmt.Fprintf(&b, "%04x%s", len(l)+4, l)
	}
	return b.String()
}
