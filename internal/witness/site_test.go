package witness_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/command"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/ledger/ledgertest"
	"github.com/pathgate/pathgate/internal/tlog"
)

// TestMain is the command pathgate where the test binary goes by that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "pathgate" {
		os.Exit(command.Run(os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
	}
	os.Exit(m.Run())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Two hosts are two folders: what one has of the other is a command.
type hosts struct {
	t                *testing.T
	server, witness  string // folders
	id, key, scripts string
	env              []string
}

const policyText = `version = 1
root = "DIR/srv"
ledger = "DIR/ledger"
[identity]
source = "ssh"
[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
`

func newHosts(t *testing.T) *hosts {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	h := &hosts{t: t, server: filepath.Join(dir, "server"), witness: filepath.Join(dir, "witness")}
	h.scripts, err = filepath.Abs("../../examples/witness")
	must(t, err)
	bin := filepath.Join(dir, "bin")
	for _, d := range []string{bin, h.server, filepath.Join(h.server, "srv")} {
		must(t, os.MkdirAll(d, 0o755))
	}
	self, err := os.Executable()
	must(t, err)
	must(t, os.Symlink(self, filepath.Join(bin, "pathgate")))
	policy := filepath.Join(h.server, "policy.toml")
	must(t, os.WriteFile(policy, []byte(strings.ReplaceAll(policyText, "DIR", h.server)), 0o644))
	h.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "PATHGATE_POLICY="+policy, "PATHGATE_PAUSE=0",
		"PATHGATE_WITNESS="+h.witness, "GORACE=atexit_sleep_ms=0",
		"PATHGATE_FETCH=cp", "S="+h.server, "W="+h.witness, "X="+h.scripts)
	h.found()
	h.sh(0, "pathgate witness init witness.example --state $W > $S/witness.vkey")
	return h
}

// found makes a new ledger and its key.
func (h *hosts) found() {
	h.t.Helper()
	dir := filepath.Join(h.server, "ledger")
	must(h.t, os.RemoveAll(dir))
	must(h.t, os.RemoveAll(filepath.Join(h.server, "checkpoint.key")))
	must(h.t, ledger.Create(dir, ledger.CreateOptions{Root: filepath.Join(h.server, "srv")}))
	h.fill(12)
	var err error
	h.id, err = ledger.IDOf(dir)
	must(h.t, err)
	h.key = strings.TrimSpace(h.sh(0, "pathgate ledger keygen --policy $PATHGATE_POLICY"))
}

func (h *hosts) fill(n int) {
	h.t.Helper()
	must(h.t, ledgertest.Fill(filepath.Join(h.server, "ledger"), filepath.Join(h.server, "srv"), n))
}

// sh runs a line of shell and checks its status and parts of what it prints.
func (h *hosts) sh(status int, line string, parts ...string) string {
	h.t.Helper()
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", line)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(h.env, "ID="+h.id, "KEY="+h.key), &out, &out
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		h.t.Errorf("%s: status %d, want %d\n%s", line, got, status, out.String())
	}
	for _, p := range parts {
		if !strings.Contains(out.String(), p) {
			h.t.Errorf("%s: %q is not in:\n%s", line, p, out.String())
		}
	}
	return out.String()
}

// push is what cron does on the ledger's host, as SSH would pass it on.
func (h *hosts) push(status int, parts ...string) {
	h.t.Helper()
	h.sh(status, `$X/push.sh "$LEDGER" $S/cosigned sh -c 'SSH_ORIGINAL_COMMAND=$1 exec $X/witness-command.sh $LEDGER $W' ssh`, parts...)
}

// pull is what cron does on the witness's host.
func (h *hosts) pull(status int, parts ...string) {
	h.t.Helper()
	h.sh(status, `$X/pull.sh "$LEDGER" $S/ledger/ledger.jsonl`, parts...)
}

func (h *hosts) journal() string {
	h.t.Helper()
	b, err := os.ReadFile(filepath.Join(h.server, "ledger", ledger.JournalName))
	must(h.t, err)
	return string(b)
}

// put is what an intruder does: another journal, and no index to betray it.
func (h *hosts) put(journal string) {
	h.t.Helper()
	dir := filepath.Join(h.server, "ledger")
	must(h.t, os.WriteFile(filepath.Join(dir, ledger.JournalName), []byte(journal), 0o640))
	for _, name := range []string{"index.db", "index.snapshot"} {
		must(h.t, os.RemoveAll(filepath.Join(dir, name)))
	}
}

var prev = regexp.MustCompile(`"prev":"[0-9a-f]{64}"`)

// rehashed is a journal whose chain holds again.
func rehashed(journal string) string {
	lines := strings.SplitAfter(journal, "\n")
	for i := 1; i < len(lines)-1; i++ {
		sum := sha256.Sum256([]byte(strings.TrimSuffix(lines[i-1], "\n")))
		lines[i] = prev.ReplaceAllLiteralString(lines[i], fmt.Sprintf(`"prev":"%s"`, hex.EncodeToString(sum[:])))
	}
	return strings.Join(lines, "")
}

// begin makes the ledger known, and both ways go on from there.
func (h *hosts) begin() *hosts {
	h.t.Helper()
	h.env = append(h.env, "LEDGER="+h.id)
	h.push(1, "not a ledger that is known", "[unknown]")
	h.sh(0, "pathgate ledger checkpoint --policy $PATHGATE_POLICY > $S/first && pathgate witness add --state $W --first --log $KEY $S/first")
	h.push(0)
	h.fill(6)
	h.push(0)
	h.fill(6)
	h.pull(0)
	h.fill(6)
	h.push(0)
	return h
}

// The scripts, and what their result is worth to others.
func TestScripts(t *testing.T) {
	h := newHosts(t).begin()
	h.sh(0, "pathgate witness size --state $W pathgate/ledger/$ID", "31\n")
	h.sh(0, "pathgate witness size --state $W "+strings.Repeat("0", 32), "0\n")
	h.sh(0, "pathgate ledger verify --policy $PATHGATE_POLICY --checkpoint $S/cosigned --key $KEY", "1 checkpoint, signatures good")
	h.sh(0, "pathgate ledger verify --policy $PATHGATE_POLICY --checkpoint $W/ledgers/$ID/checkpoint", "goes on from 1 checkpoint")
	h.sh(0, "pathgate ledger prove 4 --checkpoint $S/cosigned --policy $PATHGATE_POLICY > $S/4.proof && "+
		"pathgate ledger verify-proof $S/4.proof --key $KEY --key $S/witness.vkey", "witness  witness.example, ")
	h.sh(0, "pathgate witness status --state $W --max-age 1h", h.id, "31 ", "sound")
	h.sh(2, "SSH_ORIGINAL_COMMAND='add --first' $X/witness-command.sh $ID $W", "it is size or add")
	h.sh(1, "pathgate witness init again --state $W", "is there already")
	h.sh(2, "pathgate witness init $(sed -n 1p $S/first) --state $W.2", "a name of its own")
	h.sh(2, "pathgate witness add --state $W --first < $S/first", "--log VKEY")
	h.sh(2, "pathgate witness size --state $W ../..", "must be the ID of a ledger")
	h.sh(3, "pathgate witness size --state $W.none $ID", "no such file")
	h.sh(3, "pathgate witness check --state $W $W", "there is no ledger")
	h.sh(3, "pathgate witness add --state $W --log $S/checkpoint.key $S/first", "holds a secret key")

	// A server that keeps silent is noticed; one that cannot speak, too.
	time.Sleep(1100 * time.Millisecond)
	h.sh(1, "pathgate witness status --state $W --max-age 1s", "SILENT")
	h.sh(0, "mv $S/checkpoint.key $S/away")
	h.push(1, "THE LEDGER DOES NOT SPEAK", "[nothing]")
	h.sh(0, "mv $S/away $S/checkpoint.key")
	h.push(0)

	// A witness that was put back from a backup is told by what it signed.
	h.sh(0, "cp -R $W $W.backup")
	h.fill(4)
	h.push(0)
	h.sh(0, "rm -r $W && mv $W.backup $W")
	h.push(1, "THE WITNESS HAS FORGOTTEN: it signed for 35 records, and knows 31")
	h.sh(1, "pathgate ledger checkpoint --old 35 --policy $PATHGATE_POLICY | pathgate witness add --state $W", "[behind]")
	h.sh(0, "cp $S/cosigned $W/ledgers/$ID/checkpoint")
	h.push(0)
}

// Each attack of somebody who has the server and the ledger's key is caught,
// by a proof and by a copy, and the sound ledger goes on after it.
func TestAttacks(t *testing.T) {
	h := newHosts(t).begin()
	sound := h.journal()
	lines := strings.SplitAfter(sound, "\n")
	first := func(n int) string { return strings.Join(lines[:n], "") }
	edit := func(line int) string {
		edited := append([]string(nil), lines...)
		edited[line-1] = strings.Replace(edited[line-1], "ana", "eva", 1)
		return strings.Join(edited, "")
	}
	for _, c := range []struct {
		name, journal string
		more          int
		push, pull    string
	}{
		{"a restored old backup", first(9), 0, "[cut]", "[cut]"},
		{"a truncated tail", first(30), 0, "[cut]", "[cut]"},
		{"a restored old backup that went on", first(9), 40, "[fork]", "[fork]"},
		{"a line edited", edit(10), 0, "[nothing]", "[fork]"},
		{"the last line edited", edit(31), 0, "[fork]", "[fork]"},
		{"a line edited, all hashes right", rehashed(edit(10)), 0, "[fork]", "[fork]"},
		{"a history written anew, all hashes right", first(1), 50, "[fork]", "[fork]"},
	} {
		h.put(c.journal)
		if c.more > 0 {
			h.fill(c.more)
		}
		h.push(1, "ALARM", c.push, "the witness refuses")
		h.pull(1, "ALARM", c.pull, "31 records", "keep ")
		if h.put(sound); t.Failed() {
			t.Fatal(c.name)
		}
		h.push(0)
		h.pull(0)
	}
	h.sh(1, "pathgate witness status --state $W", "CONTRADICTED")
	h.sh(0, "mv $W/forks $S/dealt-with && pathgate witness status --state $W", "sound")

	// Of two that are signed, anyone can tell that they contradict each other.
	forks, err := filepath.Glob(filepath.Join(h.server, "dealt-with", h.id+"-*"))
	must(t, err)
	log, err := tlog.NewVerifier(h.key)
	must(t, err)
	signed := 0
	for _, dir := range forks {
		b, err := os.ReadFile(filepath.Join(dir, "offered"))
		must(t, err)
		if u, err := tlog.ParseUpdate(b); err == nil {
			b = u.Checkpoint
		}
		if _, _, err := tlog.Open(b, log); err == nil {
			signed++
		}
	}
	if len(forks) < 10 || signed < 5 {
		t.Errorf("%d pieces of evidence, %d signed", len(forks), signed)
	}

	// An index that the intruder left makes the ledger refuse to sign at all.
	h.push(0)
	must(t, os.WriteFile(filepath.Join(h.server, "ledger", ledger.JournalName), []byte(first(9)), 0o640))
	h.push(1, "ALARM", "[nothing]")
	h.put("{}\n" + sound)
	h.pull(1, "ALARM", "[other]")
	h.found() // thrown away and made anew, with another key
	h.sh(0, "rm $S/cosigned")
	h.push(1, "ANOTHER LEDGER STANDS IN ITS PLACE", "[other]")
	h.pull(1, "ANOTHER LEDGER STANDS IN ITS PLACE", "[other]")
}

// A witness that only fetches needs no key, and may be given one later.
func TestPullOnly(t *testing.T) {
	h := newHosts(t)
	h.env = append(h.env, "LEDGER="+h.id)
	h.pull(1, "not a ledger that is known")
	h.sh(0, "pathgate witness check --state $W --first $S/ledger", "pathgate/ledger/"+h.id+"\n13\n")
	h.sh(1, "pathgate witness check --state $W --first $S/ledger", "[known]")
	h.fill(5)
	h.pull(0)
	h.pull(0)
	h.push(1, "this ledger, or its key, was never seen here")
	h.sh(0, "pathgate ledger checkpoint --policy $PATHGATE_POLICY > $S/first && pathgate witness add --state $W --first --log $KEY $S/first", "\n18\n")
	h.sh(0, "cp -R $S/ledger $S/fetched")
	h.fill(1)
	h.push(0)
	// A copy that was fetched before that was not cut.
	h.sh(1, "pathgate witness check --state $W --known 18 $S/fetched", "refused: not the newest", "[stale]")
	h.sh(1, "pathgate witness check --state $W --known 19 $S/fetched", "[cut]")
	h.sh(1, "pathgate witness check --state $W $S/fetched", "[cut]", "known     19 records", "offered   18 records")
	// A line that is being written is not seen yet.
	f, err := os.OpenFile(filepath.Join(h.server, "ledger", ledger.JournalName), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(`{"seq":20,`)
	must(t, errors.Join(err, f.Close()))
	h.pull(0)
	h.sh(0, "pathgate witness size --state $W $ID", "19\n")
	h.put(strings.Repeat("x", 20000))
	h.pull(1, "[other]")
	h.sh(1, "pathgate witness check --state $W $S/ledger", "[malformed]")
}
