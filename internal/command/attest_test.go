package command

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAttest signs a deployment, and verifies it with the commands that the
// help prints.
func TestAttest(t *testing.T) {
	s := newRailSite(t)
	s.redeployed(1) // records 2 and 3
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ops", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	mustRail(t, err)
	mustRail(t, os.WriteFile(filepath.Join(dir, "allowed_signers"), append([]byte(`ops@example.com namespaces="pathgate-attest" `), public...), 0o600))

	out, errs, status := run("--policy", s.policy, "attest", "3", "--key", key)
	if errs != "" {
		t.Errorf("ssh-keygen says what nobody asked for: %s", errs)
	}
	if status != exitYes || strings.Count(out, "\n") != 1 {
		t.Fatalf("status %d\n%s%s", status, out, errs)
	}
	_, recipe, _ := strings.Cut(attestHelp, "for record 118:\n\n")
	recipe, _, _ = strings.Cut(recipe, "\n\n")
	verify := func(envelope string) error {
		mustRail(t, os.WriteFile(filepath.Join(dir, "118.json"), []byte(envelope), 0o600))
		cmd := exec.Command("sh", "-ec", recipe)
		cmd.Dir = dir
		said, err := cmd.CombinedOutput()
		if good := bytes.Contains(said, []byte(`Good "pathgate-attest" signature for ops@example.com`)); good != (err == nil) {
			t.Errorf("%v: %s", err, said)
		}
		return err
	}
	if err := verify(out); err != nil {
		t.Errorf("the help's commands: %v", err)
	}
	var envelope map[string]any
	mustRail(t, json.Unmarshal([]byte(out), &envelope))
	plain, _, status := run("--policy", s.policy, "attest", "3")
	if stated, err := os.ReadFile(filepath.Join(dir, "statement.json")); status != exitYes || err != nil || plain != string(stated)+"\n" {
		t.Errorf("without a key: status %d, %v\n%s", status, err, plain)
	}
	payload := envelope["payload"].(string)
	if verify(strings.Replace(out, payload, "AAAA"+payload[4:], 1)) == nil {
		t.Error("another payload verifies")
	}
}

func TestAttestNot(t *testing.T) {
	s := newRailSite(t)
	s.redeployed(1)
	for args, want := range map[string]int{"2": exitNo, "1": exitNo, "99": exitNo, "0": exitUsage, "x": exitUsage, "": exitUsage,
		"3 --key /nonexistent/key": exitFault} {
		out, errs, status := run(append([]string{"--policy", s.policy, "attest"}, strings.Fields(args)...)...)
		if status != want || out != "" || errs == "" {
			t.Errorf("attest %s: status %d, want %d\n%s%s", args, status, want, out, errs)
		}
	}
}
