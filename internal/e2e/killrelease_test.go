package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A releaseKiller kills one process of many releases, each time a little later.
//
//	killrelease HOOK ATTEMPTS
//
// It works on shop.git of "site -release", whose dev takes branches. The
// attempts take turns: release a branch, release another, release that anew
// from other commits, take it out, start over. After each, reconcile is run:
// the ref must be where it was and nothing be on record, or be where the one
// new record says, with all its objects; every intent is settled once.
type releaseKiller struct {
	killer
	branch, head string               // the last that was pushed
	lives        [turns]time.Duration // how long the process lives in each turn
}

// Turns of a releaseKiller.
const (
	turnFirst = iota
	turnSecond
	turnAnew
	turnOut
	turnOver
	turns
)

func cmdKillrelease(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: killrelease HOOK ATTEMPTS")
	}
	attempts, err := strconv.Atoi(args[1])
	ts.Check(err)
	k := releaseKiller{killer: killer{ts: ts, hook: args[0], attempts: attempts,
		repo: repository(ts, "shop.git"), ref: "refs/heads/release/dev"}}
	ts.Check(k.learn())
	for i := range attempts {
		// The moments of each turn are spread over all its time.
		delay := k.lives[i%turns] * time.Duration(2*(i/turns)+1) / time.Duration(2*((attempts+turns-1)/turns))
		hit, err := k.attempt(i, delay)
		if err != nil {
			ts.Fatalf("attempt %d, turn %d, %s killed after %v: %v", i, i%turns, k.hook, delay, err)
		}
		if hit {
			k.hits++
		}
	}
	fmt.Fprintf(ts.Stdout(), "%d attempts within %v, %d killed, %d moved\n", attempts, k.lives, k.hits, k.moves)
	// On a machine with much else to do most attempts come too late.
	if k.hits < 4 || k.moves == attempts {
		ts.Fatalf("%d of %d attempts met %s alive, %d moved: this shows nothing", k.hits, attempts, k.hook, k.moves)
	}
}

// learn sets lives by one undisturbed push for each turn, each of which must move
// the ref.
func (k *releaseKiller) learn() error {
	for i := range turns {
		if _, err := k.attempt(i, never); err != nil {
			return fmt.Errorf("a push that nobody disturbs: %w", err)
		}
		if k.moves != i+1 {
			return fmt.Errorf("a push that nobody disturbs, turn %d, did not move the ref", i)
		}
		k.lives[i] = k.life
	}
	// One that is far too short was measured on a process about to become
	// another.
	longest := slices.Max(k.lives[:])
	for i := range k.lives {
		k.lives[i] = max(k.lives[i], longest/3)
	}
	k.moves = 0
	return nil
}

// prepare makes what a turn pushes, and the arguments of git push.
func (k *releaseKiller) prepare(i int) error {
	remote, command := "origin", "refs/release/dev/"
	turn := i % turns
	if turn == turnFirst || turn == turnSecond || turn == turnAnew {
		if turn != turnAnew {
			k.branch = fmt.Sprintf("JIRA-%d", time.Now().UnixNano())
		}
		if err := k.ts.Exec("git", "checkout", "-q", "--detach", k.ts.Getenv("A")); err != nil {
			return err
		}
		file := strings.ToLower(k.branch) + ".txt"
		if err := os.WriteFile(k.ts.MkAbs(file), []byte(time.Now().String()+"\n"), 0o644); err != nil {
			return err
		}
		k.head = commit(k.ts, []string{file}, "K", fmt.Sprintf("attempt %d of %s", i, k.branch))
		// Only a published branch may take the place of what was released of it.
		if err := k.ts.Exec("git", "push", "-q", "-f", remote, k.head+":refs/heads/"+k.branch); err != nil {
			return err
		}
	}
	switch turn {
	case turnOut:
		k.args = []string{remote, ":" + command + k.branch}
	case turnOver:
		k.args = []string{"-o", "reason=again", remote, k.ts.Getenv("A") + ":" + command + "reset"}
	default:
		k.args = []string{remote, k.head + ":" + command + k.branch}
	}
	return nil
}

// attempt makes one push, kills the process after a delay if it still lives,
// and checks what is left.
func (k *releaseKiller) attempt(i int, delay time.Duration) (hit bool, err error) {
	if err := k.prepare(i); err != nil {
		return false, err
	}
	before, records, err := k.state()
	if err != nil {
		return false, err
	}
	if hit, err = k.push(delay); err != nil {
		return hit, err
	}
	if err := waitIdle(k.repo); err != nil {
		return hit, err
	}
	if err := unlock(k.repo); err != nil {
		return hit, err
	}
	if err := k.ts.Exec("pathgate", "reconcile", "--policy", k.ts.Getenv("WORK")+"/policy.toml"); err != nil {
		return hit, fmt.Errorf("reconcile: %w", err)
	}
	after, now, err := k.state()
	if err != nil {
		return hit, err
	}
	switch {
	case after == before && len(now) == len(records):
		return hit, nil
	case after == before && i%turns == turnOver && after == k.ts.Getenv("A") && len(now) == len(records)+1:
		// It was at the base already, and that it starts over is on record.
	case after == before:
		return hit, fmt.Errorf("the ref stays at %s, and there are %d new records", after, len(now)-len(records))
	case len(now) != len(records)+1:
		return hit, fmt.Errorf("the ref moved once, %d records say so", len(now)-len(records))
	}
	k.moves++
	return hit, k.whole(i%turns, after, now[len(now)-1])
}

// state reads the environment's ref and its deployments.
func (k *releaseKiller) state() (at string, deployed []entry, err error) {
	if at, err = readRef(k.repo, k.ref); err != nil {
		return "", nil, err
	}
	entries, err := readLedger(filepath.Join(k.ts.Getenv("WORK"), "ledger", "ledger.jsonl"))
	if err != nil {
		return "", nil, fmt.Errorf("ledger: %w", err)
	}
	settled := map[string]int{}
	for _, e := range entries {
		switch e.text("type") {
		case "intent":
			settled[e.text("seq")] += 0
		case "deployed", "abandoned":
			settled[e.text("intent")]++
		case "drift":
			return "", nil, fmt.Errorf("record %s tells of a drift", e.text("seq"))
		}
		if e.text("type") == "deployed" && e.text("ref") == k.ref {
			deployed = append(deployed, e)
		}
	}
	for intent, n := range settled {
		if n != 1 {
			return "", nil, fmt.Errorf("intent %s is settled %d times", intent, n)
		}
	}
	if len(deployed) > 0 && deployed[len(deployed)-1].text("new") != at {
		return "", nil, fmt.Errorf("the ref is at %s, the last record at %s", at, deployed[len(deployed)-1].text("new"))
	}
	return at, deployed, nil
}

// whole checks that a turn was done completely: the record says it, all objects
// are there, and the branch is in or out.
func (k *releaseKiller) whole(turn int, at string, e entry) error {
	want := []string{"release", "release", "replace", "remove", "reset"}[turn]
	if have := e.text("action"); have != want && (turn != turnAnew || have != "release") {
		return fmt.Errorf("record %s has the action %q, want %q", e.text("seq"), have, want)
	}
	if err := k.git("rev-list", "--objects", "--quiet", at); err != nil {
		return fmt.Errorf("objects of %s: %w", at, err)
	}
	in := k.git("merge-base", "--is-ancestor", k.head, at) == nil
	brought := turn != turnOut && turn != turnOver
	if in != brought {
		return fmt.Errorf("record %s, a %s: %s contains %s: %t", e.text("seq"), want, at, k.head, in)
	}
	if brought && (e.text("branch") != k.branch || e.text("head") != k.head) {
		return fmt.Errorf("record %s is of %s at %s, want %s at %s", e.text("seq"), e.text("branch"), e.text("head"), k.branch, k.head)
	}
	return nil
}

func (k *releaseKiller) git(args ...string) error {
	cmd := exec.Command("git", append([]string{"--git-dir=" + k.repo}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_CONFIG_GLOBAL=/dev/null")
	return cmd.Run()
}
