package ledger

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

func hashOf(b []byte) hash { return sha256.Sum256(b) }

// The test binary is also the process that appends.
const appenderVariable = "PATHGATE_LEDGER_TEST_APPEND"

func TestMain(m *testing.M) {
	if dir := os.Getenv(appenderVariable); dir != "" {
		os.Exit(appender(dir, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// appender deploys n commits, one opening of the ledger each, and prints a
// record's number when it was acknowledged.
func appender(dir string, args []string) int {
	name, n := args[0], 0
	fmt.Sscan(args[1], &n)
	for i := range n {
		l, err := Open(context.Background(), dir, Options{Root: testRoot})
		if err != nil {
			fmt.Println(err)
			return 1
		}
		commit := oid(name + strconv.Itoa(i))
		in := entryFor(TypeIntent, "dev", "refs/heads/"+name, commit, "deploy")
		err = l.Append(in)
		if err == nil {
			d := entryFor(TypeDeployed, "dev", "refs/heads/"+name, commit, "deploy")
			d.Intent = in.Seq
			err = l.Append(d)
			fmt.Println(d.Seq, commit)
		}
		l.Close()
		if err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return 0
}

func startAppender(t *testing.T, dir, name string, n int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.Command(os.Args[0], name, strconv.Itoa(n))
	c.Env = append(os.Environ(), appenderVariable+"="+dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewScanner(out)
}

// acknowledged reads what the appender printed; an unfinished last line was
// not heard.
func acknowledged(t *testing.T, out *bufio.Scanner, into map[string]string) {
	t.Helper()
	for out.Scan() {
		seq, commit, ok := strings.Cut(out.Text(), " ")
		if _, err := strconv.Atoi(seq); err != nil || !ok {
			t.Errorf("the appender says: %s", out.Text())
			return
		}
		if len(commit) == 40 {
			into[seq] = commit
		}
	}
}

// onRecord wants all that was acknowledged to be there.
func onRecord(t *testing.T, r *rig, acked map[string]string) {
	t.Helper()
	all := r.entries()
	for seq, commit := range acked {
		n, _ := strconv.Atoi(seq)
		if n > len(all) || all[n-1].Commit != commit || all[n-1].Type != TypeDeployed {
			t.Fatalf("record %s of %s was acknowledged and is not there", seq, commit)
		}
	}
}

func TestTwoProcesses(t *testing.T) {
	r := newRig(t)
	const n = 40
	acked := map[string]string{}
	a, outA := startAppender(t, r.dir, "a", n)
	b, outB := startAppender(t, r.dir, "b", n)
	acknowledged(t, outA, acked)
	acknowledged(t, outB, acked)
	if err := a.Wait(); err != nil {
		t.Error(err)
	}
	if err := b.Wait(); err != nil {
		t.Error(err)
	}
	if len(acked) != 2*n {
		t.Errorf("%d acknowledged, want %d", len(acked), 2*n)
	}
	onRecord(t, r, acked)
	if rep := r.verified(); rep.Records != 1+4*n {
		t.Errorf("%d records", rep.Records)
	}
}

// Killed at any moment, an appender loses nothing that it acknowledged, and
// the next one goes on.
func TestKilledAppender(t *testing.T) {
	r := newRig(t)
	r.o.Now = time.Now
	acked := map[string]string{}
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 20 {
		c, out := startAppender(t, r.dir, fmt.Sprintf("k%d", i), 1000000)
		if i%4 == 3 {
			r.remove(IndexName)
		}
		timer := time.AfterFunc(time.Duration(20+random.IntN(60))*time.Millisecond, func() { c.Process.Kill() })
		acknowledged(t, out, acked)
		c.Wait()
		timer.Stop()
		r.open().Close()
	}
	if len(acked) == 0 {
		t.Error("no appender got anywhere")
	}
	onRecord(t, r, acked)
	r.verified()
}
