package command

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/witness"
)

// What a witness saw too long ago, or in the future, or with evidence against
// it, is not sound.
func TestWitnessState(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		ago, maxAge time.Duration
		forks       int
		want        string
	}{
		{time.Minute, 0, 0, "sound"},
		{1000 * time.Hour, 0, 0, "sound"},
		{time.Hour, time.Hour, 0, "sound"},
		{time.Hour + time.Second, time.Hour, 0, "SILENT"},
		{-4 * time.Minute, time.Hour, 0, "sound"},
		{-6 * time.Minute, time.Hour, 0, "SEEN IN THE FUTURE"},
		{time.Minute, time.Hour, 1, "CONTRADICTED"},
	} {
		k := &witness.Known{Seen: now.Add(-c.ago), Forks: c.forks}
		if got := witnessState(k, now, c.maxAge); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// The ways to say it wrongly, and a witness that knows nothing.
func TestWitnessWords(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	for _, c := range []struct {
		line   string
		status int
		want   string
	}{
		{"witness status", exitFault, "no such file"},
		{"witness init witness+example", exitFault, "cannot be the name of a key"},
		{"witness init witness.example", exitYes, "witness.example+"},
		{"witness init witness.example", exitNo, "a key is never written over"},
		{"witness status", exitNo, "knows no ledger"},
		{"witness status --max-age -1s", exitUsage, "must not be negative"},
		{"witness size", exitUsage, "wants LEDGER"},
		{"witness size x", exitUsage, "must be the ID of a ledger"},
		{"witness add /none", exitFault, "no such file"},
		{"witness add --first /none", exitUsage, "--log VKEY"},
		{"witness check", exitUsage, "wants FOLDER"},
		{"witness check /none", exitFault, "there is no ledger"},
		{"witness serve", exitUsage, "no verb of pathgate witness"},
	} {
		out, errs, status := run(append(strings.Fields(c.line), "--state", dir)...)
		if status != c.status || !strings.Contains(out+errs, c.want) {
			t.Errorf("%s: status %d\n%s%s", c.line, status, out, errs)
		}
	}
}
