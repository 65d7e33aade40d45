package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
)

const (
	testLedger = "0123456789abcdef0123456789abcdef"
	idA        = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB        = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	idZero     = "0000000000000000000000000000000000000000"
	hostile    = "a|b=c\\d\"e <script>=HYPERLINK(\"x\") src=1.2.3.4\n\r\t\x1b[31m\u202e\u2028\u0085\x00é\U0001F600\U000E0001|\\"
)

// entries has one entry of each type and kind, with all that a client can
// choose chosen by an attacker.
func entries() []ledger.Entry {
	push := ledger.Entry{Push: hostile, Service: "shop", Environment: "prd", Repository: "shop/prd.git", Ref: "refs/heads/" + hostile,
		Old: idA, New: idB, Commit: idB, Tree: idA, Subject: hostile, Kind: "promote", Principal: hostile, Via: "GL_USER",
		Address: "192.0.2.7", Policy: strings.Repeat("c", 64), Rules: []string{"a.pushers=yes", "environments.prd.after:stg=prior-not-deployed"}}
	with := func(t ledger.Type, change func(*ledger.Entry)) ledger.Entry {
		e := push
		e.Type = t
		if change != nil {
			change(&e)
		}
		return e
	}
	all := []ledger.Entry{
		{Type: ledger.TypeLedger, Ledger: testLedger, Version: 1, Root: strings.Repeat("d", 64)},
		with(ledger.TypeIntent, nil),
		with(ledger.TypeRefused, func(e *ledger.Entry) { e.Codes = []string{"prior-not-deployed", "locked"}; e.Reason = hostile }),
		with(ledger.TypeFault, func(e *ledger.Entry) { e.Codes = []string{"fault"}; e.Reason = hostile; e.Address = "" }),
		with(ledger.TypeDeployed, func(e *ledger.Entry) { e.Old = idZero; e.Address = "2001:db8::1" }),
		with(ledger.TypeDeployed, func(e *ledger.Entry) { e.Deploy = ledger.DeployCommand; e.Address = hostile }),
		with(ledger.TypeDeployed, func(e *ledger.Entry) { e.Kind = "rollback"; e.Address = "::ffff:192.0.2.9" }),
		with(ledger.TypeDeployed, func(e *ledger.Entry) {
			e.Kind = ledger.KindOverride
			e.Overrode = []string{hostile}
			e.Reason = hostile
		}),
		with(ledger.TypeDeployed, func(e *ledger.Entry) { e.Kind = ledger.KindRemove; e.Action = ledger.ActionRemove; e.Branch = hostile }),
		with(ledger.TypeDeployed, func(e *ledger.Entry) { e.Kind = ledger.KindReset; e.Action = ledger.ActionReset; e.Reason = hostile }),
		with(ledger.TypeDeployed, func(e *ledger.Entry) { e.Kind = "redeploy"; e.Old = idB }),
		with(ledger.TypeAbandoned, func(e *ledger.Entry) { e.Intent = 2 }),
		with(ledger.TypeRefused, func(e *ledger.Entry) { e.New, e.Commit = idZero, ""; e.Codes = []string{"deletion"} }),
		{Type: ledger.TypeDrift, Service: "shop", Environment: "prd", Repository: "shop/prd.git", Ref: "refs/heads/main", Old: idA, New: idB},
		with(ledger.TypeAdopt, nil), {Type: ledger.TypeRepair, Principal: "root", Via: "local", Reason: hostile},
		with(ledger.TypeApproval, func(e *ledger.Entry) { e.Kind = ledger.KindApprove }),
		with(ledger.TypeApproval, func(e *ledger.Entry) { e.Kind = ledger.KindReject }),
		with(ledger.TypeLock, nil), with(ledger.TypeUnlock, nil),
		with(ledger.TypeVeto, func(e *ledger.Entry) { e.Kind = ledger.KindVeto }),
		with(ledger.TypeVeto, func(e *ledger.Entry) { e.Kind = ledger.KindLift }),
		with(ledger.TypePolicy, func(e *ledger.Entry) { e.Kind, e.Part, e.Parts, e.Lines = ledger.KindText, 1, 1, []string{hostile} }), with("novelty", nil), {Type: "bare"}, {Type: ledger.TypeLock, Repository: "only"},
	}
	for _, state := range []string{ledger.StatePending, ledger.StateSuccess, ledger.StateFailure, ledger.StateError, ledger.StateSuperseded} {
		all = append(all, with(ledger.TypeStatus, func(e *ledger.Entry) {
			e.State, e.Record, e.URL, e.Message, e.Kind = state, 6, "https://x/?"+hostile, hostile, ""
		}))
	}
	for _, kind := range []string{ledger.KindDeployed, ledger.KindStatus, ledger.KindWithdrawal, ledger.KindFork, ledger.KindSuccessor} {
		all = append(all, with(ledger.TypeStamp, func(e *ledger.Entry) {
			e.Kind, e.Record, e.Origin, e.Checkpoint, e.Key = kind, 118, strings.Repeat("0a", 16), "118 AAAA", "SHA256:x"
			e.Stamped, e.Lines, e.Reason = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), []string{hostile, "c2ln"}, hostile
		}))
	}
	for i := range all {
		all[i].Seq = uint64(i + 1)
		all[i].Time = time.Date(2026, 11, 21, 9, 14, i, 123456000, time.UTC)
	}
	return all
}

// read gives entries as the ledger would: written, and read back. Each comes a
// second time as an attacker with the file in hand would write it: what the
// ledger escapes stands there as it is.
func read(t testing.TB) []*ledger.Line {
	t.Helper()
	var lines []*ledger.Line
	for _, e := range entries() {
		for _, edited := range []bool{false, true} {
			copied := e
			raw, err := ledger.Encode(&copied)
			if err != nil {
				t.Fatal(err)
			}
			raw = bytes.TrimSuffix(raw, []byte{'\n'})
			if edited {
				for _, r := range []string{"\u202e", "\u2028", "\u0085", "\U000E0001", "\u007f"} {
					raw = bytes.ReplaceAll(raw, []byte(strings.ReplaceAll(text.Clean(r, 100), `\`, `\\`)), []byte(r))
				}
			}
			decoded, err := ledger.Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, &ledger.Line{Entry: decoded, Raw: raw})
		}
	}
	return lines
}

// sample exports the lines of read.
func sample(t testing.TB, f Format) [][]byte {
	t.Helper()
	x, err := New(f, Options{Ledger: testLedger, Version: "1.2|3=\\"})
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for i, line := range read(t) {
		if f == CDEvents && i%2 == 1 {
			continue // the same records again
		}
		b := x.Append([]byte("before"), line)
		b = bytes.TrimPrefix(b, []byte("before"))
		if len(b) == 0 {
			if f != CDEvents {
				t.Fatalf("%s: nothing of %s", f, line.Raw)
			}
			continue
		}
		if b[len(b)-1] != '\n' || !text.Printable(string(b[:len(b)-1])) {
			t.Fatalf("%s: not one printable line: %q", f, b)
		}
		out = append(out, b[:len(b)-1])
	}
	if i := len(out); f != CDEvents && i >= 6 { // one of each pair, so that numbers are records
		var first [][]byte
		for i := 0; i < len(out); i += 2 {
			first = append(first, out[i])
		}
		return append(first, out...)
	}
	return out
}

// TestSchemas holds every event against the published schema of its format.
func TestSchemas(t *testing.T) {
	for f, table := range map[Format]string{ECS: "ecs-9.4.0.txt", OCSF: "ocsf-1.8.0.txt", CDEvents: "cdevents-0.5.1.txt"} {
		s := readSchema(t, table)
		events := sample(t, f)
		for _, line := range events {
			if err := s.check(line); err != nil {
				t.Errorf("%s: %v\n%s", f, err, line)
			}
		}
		if out := os.Getenv("PATHGATE_EXPORT_SAMPLES"); out != "" { // for a check with the schemas themselves
			if err := os.WriteFile(filepath.Join(out, string(f)), bytes.Join(events, []byte{'\n'}), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// event reads a line of JSON for what the tests look at.
func event(t *testing.T, line []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func at(t *testing.T, m map[string]any, path string) any {
	t.Helper()
	var v any = m
	for _, name := range strings.Split(path, ".") {
		members, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("no %s in %v", path, m)
		}
		v = members[name]
	}
	return v
}

// TestCustom shows that all of the ledger's line is in the event, as it was.
func TestCustom(t *testing.T) {
	lines := read(t)
	for f, path := range map[Format]string{ECS: "pathgate", OCSF: "unmapped.pathgate"} {
		x, err := New(f, Options{Ledger: testLedger})
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range lines {
			out := x.Append(nil, line)
			var want map[string]any
			if err := json.Unmarshal(line.Raw, &want); err != nil {
				t.Fatal(err)
			}
			if got := at(t, event(t, out), path); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v\nis not\n%v", f, got, want)
			}
			if edited := i%2 == 1; !edited && !bytes.Contains(out, line.Raw) {
				t.Errorf("%s changed the bytes of %s", f, line.Raw)
			}
		}
	}
}

// TestMeaning holds the fields that rules are written on.
func TestMeaning(t *testing.T) {
	ecs, ocsf := sample(t, ECS), sample(t, OCSF)
	for n, want := range map[int]string{
		1:  "configuration creation ledger success 3 | 1 1 1",
		2:  "api allowed intent-promote unknown 2 | 3 1 0",
		3:  "api denied refused-promote failure 5 | 3 3 2",
		4:  "api denied fault-promote failure 7 | 3 4 2",
		5:  "configuration creation deployed-promote success 3 | 1 1 1",
		6:  "configuration change deployed-promote success 3 | 3 1 1",
		7:  "configuration change deployed-rollback success 4 | 3 2 1",
		8:  "configuration change deployed-override success 8 | 3 4 1",
		13: "api denied refused-promote failure 5 | 4 3 2",
		14: "configuration change drift unknown 8 | 3 4 0",
		21: "configuration creation veto-veto success 5 | 1 3 1",
		22: "configuration deletion veto-lift success 5 | 4 3 1",
		23: "configuration change policy success 5 | 3 3 1",
		24: "configuration info novelty-promote unknown 3 | 99 1 0",
		27: "process start status-pending unknown 2 | 3 1 0",
		29: "process end status-failure failure 6 | 3 3 2",
	} {
		e, o := event(t, ecs[n-1]), event(t, ocsf[n-1])
		ev := at(t, e, "event").(map[string]any)
		got := fmt.Sprintf("%v %v %v %v %v | %v %v %v", ev["category"].([]any)[0], ev["type"].([]any)[0], ev["action"], ev["outcome"],
			ev["severity"], o["activity_id"], o["severity_id"], o["status_id"])
		if got != want {
			t.Errorf("record %d: %s, want %s", n, got, want)
		}
		if id := fmt.Sprintf("%s-%d", testLedger, n); ev["id"] != id || at(t, o, "metadata.uid") != id {
			t.Errorf("record %d has the ID %v", n, ev["id"])
		}
		if want := sumOf(read(t)[2*n-2].Raw); ev["hash"] != want || at(t, o, "unmapped.line_sha256") != want {
			t.Errorf("record %d has the hash %v", n, ev["hash"])
		}
	}
	refused := event(t, ecs[2])
	clean := text.Clean(hostile, 1000)
	for path, want := range map[string]any{"user.name": clean, "source.ip": "192.0.2.7", "rule.name": "environments.prd.after:stg",
		"rule.category": "prior-not-deployed", "event.code": "prior-not-deployed", "event.reason": clean, "@timestamp": "2026-11-21T09:14:02.123456Z",
		"service.name": "shop", "service.environment": "prd", "event.sequence": 3.0} {
		if got := at(t, refused, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	if got := at(t, event(t, ocsf[2]), "time"); got != 1795252442123.0 {
		t.Errorf("time is %v", got)
	}
}

// TestCDEvents tells when a service is said to run what.
func TestCDEvents(t *testing.T) {
	var got []string
	for _, line := range sample(t, CDEvents) {
		m := event(t, line)
		kind := strings.TrimSuffix(strings.TrimPrefix(at(t, m, "type").(string), "dev.cdevents.service."), ".0.3.0")
		got = append(got, fmt.Sprintf("%v %s", at(t, m, "data.customData.pathgate.seq"), kind))
		for _, name := range []string{"id", "source", "type"} {
			if at(t, m, name) != at(t, m, "data.context."+name) {
				t.Errorf("%s: not the same", name)
			}
		}
		if at(t, m, "data.subject.content.artifactId") != "pkg:generic/shop@"+idB || at(t, m, "subject") != "shop" {
			t.Errorf("%s", line)
		}
	}
	// Record 6 has an outcome: what is told is its success, record 28. What came
	// after that is of no account.
	want := []string{"5 deployed", "7 rolledback", "8 upgraded", "9 upgraded", "10 upgraded", "11 deployed", "28 upgraded"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestOutcomes tells which outcomes make a deployment.
func TestOutcomes(t *testing.T) {
	for states, want := range map[string]int{
		"command pending": 0, "command pending success": 1, "command pending failure success": 0, "command superseded success": 0,
		"command success success": 1, "external failure success": 1, "external success failure success": 1, "external pending error": 0,
	} {
		x, err := New(CDEvents, Options{Ledger: testLedger})
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(states)
		e := ledger.Entry{Seq: 9, Type: ledger.TypeDeployed, Service: "s", Environment: "e", Commit: idB, Deploy: words[0]}
		x.Observe(&ledger.Line{Entry: e})
		told := 0
		for _, state := range words[1:] {
			e := ledger.Entry{Seq: 10, Type: ledger.TypeStatus, State: state, Record: 9, Service: "s", Environment: "e", Commit: idB}
			told += bytes.Count(x.Append(nil, &ledger.Line{Entry: e, Raw: []byte("{}")}), []byte{'\n'})
		}
		if told != want || !x.NeedsHistory() {
			t.Errorf("%s: %d events, want %d", states, told, want)
		}
	}
}

func TestNew(t *testing.T) {
	if _, err := New("table", Options{Ledger: testLedger}); err == nil {
		t.Error("no error for an unknown format")
	}
	if _, err := New(ECS, Options{}); err == nil {
		t.Error("no error without a ledger")
	}
}

func TestSegment(t *testing.T) {
	if got := segment("a-B.9_~ /%é"); got != "a-B.9_~%20%2F%25%C3%A9" {
		t.Error(got)
	}
}

// create makes a ledger in a new folder.
func create(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := ledger.Create(dir, ledger.CreateOptions{Root: "/srv"}); err != nil {
		t.Fatal(err)
	}
	return dir
}
