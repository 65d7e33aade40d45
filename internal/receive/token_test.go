package receive

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseStat(t *testing.T) {
	tail := " S 41 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2"
	for _, comm := range []string{"git", "a b", ") S 1 (", "x) R 2 3", ""} {
		s, ok := parseStat([]byte("42 (" + comm + ")" + tail))
		if !ok || s != (stat{comm: comm, state: 'S', parent: 41, start: 987654}) {
			t.Errorf("comm %q: got %+v, %v", comm, s, ok)
		}
	}
	for _, raw := range []string{"", "42", "42 (git", ")(", "42 (git) S 1", "42 (git) S x" + tail[5:], "42 (git) SS" + tail[2:]} {
		if s, ok := parseStat([]byte(raw)); ok {
			t.Errorf("%q: got %+v", raw, s)
		}
	}
}

func TestSubcommand(t *testing.T) {
	tests := map[string]string{
		"receive-pack x":                     "receive-pack",
		"-c a=b receive-pack x":              "receive-pack",
		"--no-pager -C /x receive-pack":      "receive-pack",
		"push --receive-pack=x receive-pack": "push",
		"-c receive-pack":                    "",
		"":                                   "",
	}
	for args, want := range tests {
		if got := subcommand(strings.Fields(args)); got != want {
			t.Errorf("%q: got %q, want %q", args, got, want)
		}
	}
}

// fakeProc makes a /proc with processes written "pid ppid state comm|argv".
func fakeProc(t *testing.T, lines ...string) proc {
	t.Helper()
	root := t.TempDir()
	write := func(name, data string) {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("sys/kernel/random/boot_id", "b007-1\n")
	write("self/ns/x", "")
	if err := os.Symlink("pid:[77]", filepath.Join(root, "self/ns/pid")); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		head, argv, _ := strings.Cut(line, "|")
		f := strings.SplitN(head, " ", 4)
		write(f[0]+"/stat", fmt.Sprintf("%s (%s) %s %s 1 1 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 5%s 1 2", f[0], f[3], f[2], f[1], f[0]))
		write(f[0]+"/cmdline", strings.ReplaceAll(argv, " ", "\x00")+"\x00")
	}
	return proc{root: root, exists: func(pid int) bool { return pid == 666 }}
}

func TestFindInFakeProc(t *testing.T) {
	p := fakeProc(t,
		"10 1 S git-receive-pac|git-receive-pack x",
		"11 10 S sh|sh hook",
		"12 11 S a) b (|python hook",
		"20 1 S git|git -c a=b receive-pack x",
		"30 1 S git|git push x receive-pack",
		"31 30 S sh|sh -c git-receive-pack",
		"40 40 S loop|loop")
	for from, want := range map[int]Token{10: "b007-1/77/10/510", 12: "b007-1/77/10/510", 20: "b007-1/77/20/520"} {
		if got, err := p.token(from); err != nil || got != want {
			t.Errorf("from %d: got %q, %v", from, got, err)
		}
	}
	for _, from := range []int{31, 40, 99, 0} {
		if got, err := p.token(from); err == nil {
			t.Errorf("from %d: got %q, want an error", from, got)
		}
	}
}

func TestLife(t *testing.T) {
	p := fakeProc(t, "10 1 S git|git receive-pack", "11 1 Z git|", "12 1 X git|")
	tests := map[Token]Life{
		"b007-1/77/10/510":  Alive,
		"b007-1/77/10/511":  Dead, // the ID is used again
		"b007-1/77/11/511":  Dead, // zombie
		"b007-1/77/12/512":  Dead,
		"b007-1/77/99/599":  Dead,
		"b007-1/77/666/1":   Unknown, // hidden by hidepid
		"b007-1/78/10/510":  Unknown,
		"b007-2/77/10/510":  Dead,
		"b007-2/78/10/510":  Dead,
		"":                  Unknown,
		"b007-1/77/10":      Unknown,
		"b007-1/77/10/510/": Unknown,
		"b007-1/77/-1/510":  Unknown,
		"b007-1/77/0/510":   Unknown,
		"b007-1/77/x/510":   Unknown,
		"//10/510":          Unknown,
		"X/77/10/510":       Unknown,
	}
	for token, want := range tests {
		if got := p.life(token); got != want {
			t.Errorf("%q: got %s, want %s", token, got, want)
		}
	}
}

func TestLifeOfRealProcess(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := systemProc()
	s, err := p.stat(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	boot, space, err := p.here()
	if err != nil {
		t.Fatal(err)
	}
	token := Token(fmt.Sprintf("%s/%s/%d/%d", boot, space, cmd.Process.Pid, s.start))
	if got := token.Life(); got != Alive {
		t.Errorf("running: %s", got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if got := token.Life(); got != Dead {
		t.Errorf("killed: %s", got)
	}
	if _, err := FindToken(); err == nil {
		t.Error("found a receive-pack outside a push")
	}
}
