package command

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// stamped is a stamp whose signature is nobody's.
func stamped(t *testing.T, kind, commit string, line ledger.Entry) *ledger.Entry {
	t.Helper()
	line.Seq, line.Time, line.Prev = 118, time.Date(2026, 11, 21, 9, 14, 0, 0, time.UTC), strings.Repeat("0", 64)
	line.Service, line.Environment, line.Repository, line.Ref = "shop", "stg", "shop/stg.git", "refs/heads/main"
	line.New, line.Principal, line.Subject = line.Commit, "ana", "fix the till"
	subject := line.Subject
	if kind == ledger.KindWithdrawal {
		subject = "" // the line has that of another commit
	}
	raw, err := ledger.Encode(&line)
	mustRail(t, err)
	return &ledger.Entry{Type: ledger.TypeStamp, Kind: kind, Service: "shop", Environment: "stg", Repository: "shop/stg.git", Ref: "refs/heads/main",
		Commit: commit, State: line.State, Subject: subject, Principal: "ana", Record: 118, Stamped: line.Time, Origin: strings.Repeat("0a1b2c3d", 4),
		Checkpoint: "120 " + base64.StdEncoding.EncodeToString(make([]byte, 32)), Key: "SHA256:" + base64.RawStdEncoding.EncodeToString(make([]byte, 32)),
		Lines: []string{strings.TrimSuffix(string(raw), "\n"), "c2ln"}}
}

// The log tells of each kind of stamp in words, in every format, and verify looks
// at the signatures.
func TestLogStamps(t *testing.T) {
	s := newRailSite(t)
	other := strings.Repeat("b", 40)
	deployed := ledger.Entry{Type: ledger.TypeDeployed, Commit: s.commit, Kind: "deploy"}
	s.append(stamped(t, ledger.KindDeployed, s.commit, deployed))
	s.append(stamped(t, ledger.KindStatus, s.commit, ledger.Entry{Type: ledger.TypeStatus, State: ledger.StateSuccess, Record: 117, Commit: s.commit}))
	s.append(stamped(t, ledger.KindWithdrawal, other, ledger.Entry{Type: ledger.TypeDeployed, Commit: s.commit, Kind: "rollback"}))
	fork := stamped(t, ledger.KindFork, s.commit, deployed)
	fork.Reason = "ledger 0a1b has two lines of number 118"
	s.append(fork)
	successor := stamped(t, ledger.KindSuccessor, s.commit, deployed)
	successor.Reason, successor.Principal = "INC-42", "op"
	s.append(successor)
	s.says(0, "log --type stamp", "shop/stg", "deployed there 2026-11-21 09:14 UTC, record 118 of ledger 0a1b2c3d, fix the till\n",
		"success there 2026-11-21 09:14 UTC, record 118 of ledger 0a1b2c3d\n", "withdrawn there 2026-11-21 09:14 UTC, record 118 of ledger 0a1b2c3d\n",
		"fork, record 118 of ledger 0a1b2c3d, ledger 0a1b has two lines of number 118\n", "ledger 0a1b2c3d tells from now on, INC-42\n")
	s.says(0, "log --type stamp --format csv", ","+fork.Origin+",120 AAAA", ",SHA256:AAAA", ",2026-11-21T09:14:00.000000Z\n")
	s.says(0, "log --type stamp --format ecs", `"action":"stamp-withdrawal"`, `"kind":"alert"`)
	s.says(0, "log --type stamp --format ocsf", `"stamp-fork"`)
	s.says(0, "log --type stamp --format cef", "ledger elsewhere contradicts itself")
	s.says(0, "log --type stamp --format json", `"origin":"`+fork.Origin+`"`, `"lines":["{\"seq\":118,`)
	s.says(1, "ledger verify", "does not hold: line 2: its signature does not hold: ")
}
