package export

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
)

// way makes a ledger in which prd deployed what dev had; its records are
// 1 ledger, 2 and 3 intent and deployment of dev, 4 and 5 of prd, and then the
// statuses of 5.
func way(t *testing.T, deploy string, states ...string) string {
	t.Helper()
	dir := create(t)
	l, err := ledger.Open(context.Background(), dir, ledger.Options{Root: "/srv"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	put := func(e ledger.Entry) {
		t.Helper()
		if err := l.Append(&e); err != nil {
			t.Fatal(err)
		}
	}
	move := func(environment, kind string, intent uint64, deploy string, evidence ...uint64) {
		e := ledger.Entry{Type: ledger.TypeIntent, Push: "p", Service: "shop", Environment: environment,
			Repository: "shop/" + environment + ".git", Ref: "refs/heads/main", Old: idZero, New: idB, Commit: idB, Tree: idA,
			Subject: hostile, Kind: kind, Principal: hostile, Via: "GL_USER", Evidence: evidence,
			Policy: strings.Repeat("c", 64), Deploy: deploy, Token: "t" + environment}
		put(e)
		e.Type, e.Intent, e.Token = ledger.TypeDeployed, intent, ""
		put(e)
	}
	move("dev", "deploy", 2, "")
	move("prd", "promote", 4, deploy, 3)
	for _, state := range states {
		put(ledger.Entry{Type: ledger.TypeStatus, Record: 5, State: state, Service: "shop", Environment: "prd",
			Repository: "shop/prd.git", Ref: "refs/heads/main", Commit: idB, Principal: "ci", Via: "local"})
	}
	return dir
}

// TestDeployment holds a statement against the in-toto specification and the
// description of the predicate.
func TestDeployment(t *testing.T) {
	dir := way(t, ledger.DeployCommand, "pending", "success")
	out, err := Deployment(dir, 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := readSchema(t, "statement-v1.txt").check(out); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	m := event(t, out)
	lines := map[uint64]string{}
	if err := ledger.Read(dir, 0, func(l *ledger.Line) error { lines[l.Entry.Seq] = string(l.Raw); return nil }); err != nil {
		t.Fatal(err)
	}
	sum := func(n uint64) string { return sumOf([]byte(lines[n])) }
	subject := m["subject"].([]any)[0].(map[string]any)
	evidence := at(t, m, "predicate.evidence").([]any)[0].(map[string]any)
	for what, pair := range map[string][2]any{
		"type": {m["_type"], StatementType}, "predicate type": {m["predicateType"], PredicateType},
		"subject": {at(t, subject, "digest.gitCommit"), idB}, "name": {subject["name"], "shop"},
		"line": {at(t, m, "predicate.record.line"), lines[5]}, "hash": {at(t, m, "predicate.record.sha256"), sum(5)},
		"evidence": {evidence["sha256"], sum(3)}, "outcome": {at(t, m, "predicate.outcome.state"), "success"},
		"outcome's record": {at(t, m, "predicate.outcome.record"), 7.0}, "as of": {at(t, m, "predicate.asOf.sha256"), sum(7)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}
	if bytes.ContainsAny(out, "\n\x1b\u202e") {
		t.Errorf("%q", out)
	}
	if again, err := Deployment(dir, 5); err != nil || !bytes.Equal(again, out) {
		t.Errorf("another time it is %s, %v", again, err)
	}
}

func TestStatedOutcome(t *testing.T) {
	for states, want := range map[string]string{"": "none", "command": "pending", "command pending": "pending",
		"command pending failure": "failure", "command superseded": "superseded", "external failure success": "success",
		"external success failure": "failure"} {
		words := append(strings.Fields(states), "")
		out, err := Deployment(way(t, words[0], words[1:max(len(words)-1, 1)]...), 5)
		if err != nil {
			t.Fatal(err)
		}
		if got := at(t, event(t, out), "predicate.outcome.state"); got != want {
			t.Errorf("%s: %v, want %s", states, got, want)
		}
	}
}

func TestNotStated(t *testing.T) {
	dir := way(t, "")
	for n, want := range map[uint64]error{1: ErrNoDeployment, 4: ErrNoDeployment, 6: ErrNoRecord} {
		if out, err := Deployment(dir, n); !errors.Is(err, want) || out != nil {
			t.Errorf("record %d: %s, %v", n, out, err)
		}
	}
	journal := filepath.Join(dir, ledger.JournalName)
	b, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	// Another commit before it: the line after it does not follow any more.
	if err := os.WriteFile(journal, bytes.Replace(b, []byte(idA), []byte(idB), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := Deployment(dir, 5); !errors.Is(err, ErrNotBorneOut) || out != nil {
		t.Errorf("of a changed ledger: %s, %v", out, err)
	}
}

// TestPAE is the example of the DSSE protocol.
func TestPAE(t *testing.T) {
	if got := string(PAE("http://example.com/HelloWorld", []byte("hello world"))); got != "DSSEv1 29 http://example.com/HelloWorld 11 hello world" {
		t.Error(got)
	}
}

// TestEnvelope signs with ssh-keygen, for the right purpose and for others.
func TestEnvelope(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	keygen := func(stdin []byte, args ...string) []byte {
		t.Helper()
		cmd := exec.Command("ssh-keygen", args...)
		cmd.Stdin = bytes.NewReader(stdin)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("ssh-keygen %v: %v", args, err)
		}
		return out
	}
	keygen(nil, "-q", "-t", "ed25519", "-N", "", "-f", key)
	payload := []byte(`{"a":1}`)
	signature := keygen(PAE(PayloadType, payload), "-q", "-Y", "sign", "-n", SSHNamespace, "-f", key)
	out, err := Envelope(payload, signature)
	if err != nil {
		t.Fatal(err)
	}
	m := event(t, out)
	first := m["signatures"].([]any)[0].(map[string]any)
	if m["payloadType"] != PayloadType || m["payload"] != base64.StdEncoding.EncodeToString(payload) ||
		first["sig"] != base64.StdEncoding.EncodeToString(signature) {
		t.Errorf("%s", out)
	}
	if print := string(keygen(nil, "-l", "-f", key)); !strings.Contains(print, " "+first["keyid"].(string)+" ") {
		t.Errorf("keyid %v of %s", first["keyid"], print)
	}
	for what, bad := range map[string][]byte{
		"another purpose": keygen(payload, "-q", "-Y", "sign", "-n", "git", "-f", key),
		"nothing":         nil,
		"no armour":       []byte("x"),
		"cut":             signature[:len(signature)/2],
		"changed":         bytes.Replace(signature, []byte("U1NIU0lH"), []byte("U1NIU0lI"), 1),
		"short":           []byte(sshArmour + base64.StdEncoding.EncodeToString([]byte(sshMagic+"\x00\x00\x01\x00")) + "\n" + sshArmourEnd),
		"long":            append(bytes.Repeat([]byte{'\n'}, maxSSHArmour), signature...),
	} {
		if out, err := Envelope(payload, bad); err == nil {
			t.Errorf("%s: %s", what, out)
		}
	}
}
