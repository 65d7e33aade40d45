//go:build postgres

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/pgtest"
)

// A camp is hosts that share a ledger, each with its own folder, policy and,
// where root runs the test, user.
type camp struct {
	t      *testing.T
	dir    string
	prefix string
	server *pgtest.Server
	name   string // of the database
}

// A tent is one host.
type tent struct {
	*camp
	host string
	dir  string
	id   *syscall.Credential // nil: whoever runs the test
}

// A shot is one push that a client made.
type shot struct {
	host, service, environment, commit string
	took                               time.Duration
	out                                string
	ok                                 bool
}

const (
	hosts       = 4
	pushersEach = 2
	// pushDeadline is what no push may take: three hooks, each of which waits
	// for the ledger and asks what became of a lost COMMIT, of which pre-receive
	// may try again for a minute. A machine that is busy takes as long besides.
	pushDeadline = 3 * time.Minute
)

// run runs a program as the host's user; its output is returned on failure too.
func (h *tent) run(ctx context.Context, dir, program string, args ...string) (string, error) {
	if program == "pathgate" {
		program = filepath.Join(h.prefix, "bin", program)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + filepath.Join(h.prefix, "bin") + ":/usr/bin:/bin:/usr/sbin:/sbin", "HOME=" + h.dir,
		"LC_ALL=C", "TZ=UTC", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + filepath.Join(h.dir, "gitconfig"),
		"PATHGATE_USER=" + h.host}
	if h.id != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: h.id}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	return strings.TrimSpace(out.String()), err
}

func (h *tent) must(dir, program string, args ...string) string {
	h.t.Helper()
	out, err := h.run(h.t.Context(), dir, program, args...)
	if err != nil {
		h.t.Fatalf("%s: %s %v: %v\n%s", h.host, program, args, err, out)
	}
	return out
}

func (h *tent) policy() string { return filepath.Join(h.dir, "policy.toml") }

// copy is the folder of the host's copy of the ledger.
func (h *tent) copy() string { return filepath.Join(h.dir, "copy") }

// write writes a file that belongs to the host's user.
func (h *tent) write(name, text string, mode os.FileMode) {
	h.t.Helper()
	err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), mode)
	if err == nil && h.id != nil {
		err = os.Chown(filepath.Join(h.dir, name), int(h.id.Uid), int(h.id.Gid))
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// newCamp starts a database with a synchronous standby, and hosts on it.
func newCamp(t *testing.T) (*camp, []*tent) {
	t.Helper()
	prefix := sharedPrefix(t)
	c := &camp{t: t, prefix: prefix, server: pgtest.Start(t, pgtest.Options{Standby: true})}
	dir, err := os.MkdirTemp("", "camp")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		c.name, err = c.server.Create()
	}
	if err != nil {
		t.Fatal(err)
	}
	c.dir = dir
	t.Cleanup(func() { os.RemoveAll(dir) })
	var all []*tent
	for i := range hosts {
		all = append(all, c.pitch(i))
	}
	return c, all
}

// pitch makes one host: its repositories, its policy, the hooks.
func (c *camp) pitch(i int) *tent {
	c.t.Helper()
	h := &tent{camp: c, host: fmt.Sprintf("h%d", i+1)}
	h.dir = filepath.Join(c.dir, h.host)
	if err := os.Mkdir(h.dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		h.id = &syscall.Credential{Uid: uint32(21001 + i), Gid: uint32(21001 + i)}
		if err := os.Chown(h.dir, int(h.id.Uid), int(h.id.Gid)); err != nil {
			c.t.Fatal(err)
		}
	}
	h.write("gitconfig", gitconfig, 0o644)
	h.write("pass", c.server.PassLines(), 0o600)
	url := strings.Replace(c.server.URL(pgtest.Hooks, c.name), c.server.PassFile, filepath.Join(h.dir, "pass"), 1)
	h.write("policy.toml", fmt.Sprintf(sharedPolicy, fmt.Sprintf("copy = %q", h.copy()), h.host, h.dir, url), 0o644)
	if i == 0 {
		owner := strings.Replace(c.server.URL(pgtest.Owner, c.name), c.server.PassFile, filepath.Join(h.dir, "pass"), 1)
		h.must(h.dir, "pathgate", "ledger", "migrate", owner, "--writer", pgtest.Hooks, "--reader", pgtest.Auditor, "--policy", h.policy())
	}
	for j := range pushersEach {
		service := fmt.Sprintf("%s-%d", h.host, j)
		desk := filepath.Join(h.dir, "work"+service)
		h.must(h.dir, "git", "init", "-q", desk)
		h.must(desk, "git", "commit", "-q", "--allow-empty", "-m", "first")
		for _, environment := range [...]string{"dev", "stg"} {
			repo := h.repository(service, environment)
			h.must(h.dir, "git", "init", "-q", "--bare", repo)
			h.must(h.dir, "pathgate", "install", "--policy", h.policy(), repo)
		}
	}
	return h
}

func (h *tent) repository(service, environment string) string {
	return filepath.Join(h.dir, "srv", service, environment+".git")
}

// storm pushes one commit after the other, to dev and then to stg, until ctx
// ends. A push that has begun is waited for.
func (h *tent) storm(ctx context.Context, service string, tell func(shot)) {
	desk := filepath.Join(h.dir, "work"+service)
	for n := 0; ctx.Err() == nil; n++ {
		commit, err := h.run(h.t.Context(), desk, "git", "commit-tree", "-p", "HEAD", "-m", fmt.Sprintf("number %d", n), "HEAD^{tree}")
		if err != nil {
			h.t.Errorf("commit: %v: %s", err, commit)
			return
		}
		for _, environment := range [...]string{"dev", "stg"} {
			s := h.push(service, environment, commit)
			tell(s)
			if !s.ok {
				break
			}
		}
	}
}

func (h *tent) push(service, environment, commit string) shot {
	s := shot{host: h.host, service: service, environment: environment, commit: commit}
	ctx, cancel := context.WithTimeout(h.t.Context(), pushDeadline)
	defer cancel()
	begin := time.Now()
	out, err := h.run(ctx, filepath.Join(h.dir, "work"+service), "git", "push", h.repository(service, environment), "+"+commit+":refs/heads/main")
	s.took, s.out, s.ok = time.Since(begin), out, err == nil
	if ctx.Err() != nil {
		h.t.Errorf("a push by %s took longer than %v:\n%s", h.host, pushDeadline, out)
	}
	return s
}

// Eight pushers on four hosts; the primary is killed while they push, and the
// standby promoted. What a client saw succeed is on record, once; after
// reconcile every ref is where the ledger has it; no push hangs, and those that
// were refused say why.
func TestSharedFailover(t *testing.T) {
	c, all := newCamp(t)
	var mu sync.Mutex
	var shots []shot
	tell := func(s shot) {
		mu.Lock()
		defer mu.Unlock()
		shots = append(shots, s)
	}
	count := func(ok bool) (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, s := range shots {
			if s.ok == ok {
				n++
			}
		}
		return n
	}
	until := func(what string, done func() bool) {
		t.Helper()
		for end := time.Now().Add(pushDeadline); !done(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("waited in vain for %s: %v", what, last(shots))
			}
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var pushers sync.WaitGroup
	for _, h := range all {
		for j := range pushersEach {
			pushers.Go(func() { h.storm(ctx, fmt.Sprintf("%s-%d", h.host, j), tell) })
		}
	}
	until("pushes before the failure", func() bool { return count(true) >= 40 })
	c.server.Kill()
	until("refusals while there is no primary", func() bool { return count(false) >= 4 })
	if err := c.server.Promote(); err != nil {
		t.Fatal(err)
	}
	before := count(true)
	until("pushes after the failure", func() bool { return count(true) >= before+40 })
	stop()
	pushers.Wait()
	for _, h := range all {
		h.must(h.dir, "pathgate", "reconcile", "--policy", h.policy())
	}
	t.Logf("%d pushes succeeded, %d were refused", count(true), count(false))
	c.check(all, shots)
}

func last(shots []shot) string {
	if len(shots) == 0 {
		return "no push ended"
	}
	return shots[len(shots)-1].out
}

// check holds what the clients saw, and the refs, against the ledger.
func (c *camp) check(all []*tent, shots []shot) {
	t := c.t
	t.Helper()
	h := all[0]
	copied := filepath.Join(h.dir, "lines")
	url := strings.Replace(c.server.URL(pgtest.Auditor, c.name), c.server.PassFile, filepath.Join(h.dir, "pass"), 1)
	h.must(h.dir, "pathgate", "ledger", "copy", url, copied)
	entries, err := readLedger(filepath.Join(copied, "ledger.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	h.must(h.dir, "pathgate", "ledger", "verify", "--policy", h.policy())
	deployed, live := map[[3]string]int{}, map[[2]string]string{}
	settled := map[string]int{}
	for _, e := range entries {
		switch e.text("type") {
		case "intent":
			settled[e.text("seq")] += 0
		case "abandoned":
			settled[e.text("intent")]++
		case "drift":
			t.Errorf("record %s tells of a drift", e.text("seq"))
		case "deployed":
			settled[e.text("intent")]++
			at := [2]string{e.text("service"), e.text("environment")}
			live[at] = e.text("new")
			deployed[[3]string{at[0], at[1], e.text("new")}]++
			if want, _, _ := strings.Cut(at[0], "-"); e.text("host") != want {
				t.Errorf("record %s is of host %q, want %q", e.text("seq"), e.text("host"), want)
			}
		}
	}
	for intent, n := range settled {
		if n != 1 {
			t.Errorf("intent %s is settled %d times", intent, n)
		}
	}
	for _, s := range shots {
		n := deployed[[3]string{s.service, s.environment, s.commit}]
		switch {
		case s.ok && n != 1:
			t.Errorf("%s saw its push of %s to %s succeed, and %d records say so:\n%s", s.service, s.commit, s.environment, n, s.out)
		case !s.ok && n > 1:
			t.Errorf("%s saw its push of %s to %s fail, and %d records say it did not", s.service, s.commit, s.environment, n)
		case !s.ok:
			t.Log(s.took.Round(time.Millisecond), s.out)
			if err := saysWhy(s.out); err != nil {
				t.Errorf("%s, refused: %v:\n%s", s.service, err, s.out)
			}
		}
	}
	whole, err := os.ReadFile(filepath.Join(copied, "ledger.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range all {
		if own, err := os.ReadFile(filepath.Join(h.copy(), "ledger.jsonl")); err != nil || len(own) == 0 || !bytes.HasPrefix(whole, own) {
			t.Errorf("the copy of %s is no beginning of the ledger: %d bytes, %v", h.host, len(own), err)
		}
		for j := range pushersEach {
			service := fmt.Sprintf("%s-%d", h.host, j)
			for _, environment := range [...]string{"dev", "stg"} {
				if at := h.must(h.dir, "git", "-C", h.repository(service, environment), "rev-parse", "refs/heads/main"); at != live[[2]string{service, environment}] {
					t.Errorf("%s of %s is at %s, on record is %s", environment, service, at, live[[2]string{service, environment}])
				}
			}
		}
	}
}

// saysWhy checks that a refused push tells its pusher that it was pathgate, and
// why, without the database's address or password.
func saysWhy(out string) error {
	switch {
	case !strings.Contains(out, "[fault]"):
		return errors.New("it does not say that it is a fault")
	case !strings.Contains(out, "ledger"):
		return errors.New("it does not say what")
	case strings.Contains(out, "127.0.0.1") || strings.Contains(out, "postgres://"):
		return errors.New("it says where the database is")
	}
	return nil
}
