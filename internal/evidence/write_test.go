package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// march is a month of shop, judged by policies on record.
func march(t testing.TB) (*journal, *policy.Policy) {
	j := newJournal(t)
	j.judgeBy(1)
	decided := func(approvals string) []string { return []string{afterRule, successRule, approveRule + approvals} }
	// c1: approved by another, and by the requester.
	stg := j.tested("c1")
	j.approve("bo", "c1", ledger.KindApprove)
	j.approve("ana", "c1", ledger.KindApprove)
	one := j.push("prd", "c1", ledger.Entry{Principal: "ana", Evidence: []uint64{stg}, Rules: decided("yes")})
	j.ended(one, "prd", "c1", ledger.StateSuccess)
	// c2: approved by one who may not; dan overrides, it fails, dan goes back.
	stg = j.tested("c2")
	j.approve("eve", "c2", ledger.KindApprove)
	j.add(on("prd", ledger.Entry{Type: ledger.TypeRefused, Commit: id("c2"), New: id("c2"), Kind: "promote", Principal: "bo",
		Rules: decided("needs-approval"), Codes: []string{"needs-approval"}, Policy: j.hash}))
	two := j.push("prd", "c2", ledger.Entry{Principal: "dan", Kind: ledger.KindOverride, Overrode: []string{"approvals"},
		Reason: "=INC-7, no \"bills\" at all", Evidence: []uint64{stg}, Rules: decided("overridden:needs-approval"), Tickets: []string{"INC-7", "WEB-1"}})
	j.ended(two, "prd", "c2", ledger.StateFailure)
	back := j.push("prd", "c1", ledger.Entry{Principal: "dan", Kind: "rollback", Rules: []string{"environments.prd.rollback=yes", "environments.prd.deploy=yes"}})
	j.ended(back, "prd", "c1", ledger.StateSuccess)
	j.judgeBy(2)
	// c3: asked for by bo, whose other name approved, and chi.
	stg = j.tested("c3")
	j.approve("bo@example.com", "c3", ledger.KindApprove)
	j.approve("chi", "c3", ledger.KindApprove)
	three := j.push("prd", "c3", ledger.Entry{Principal: "bo", Evidence: []uint64{stg}, Rules: decided("yes"), Subject: "+1 for <b>all</b>"})
	j.ended(three, "prd", "c3", ledger.StatePending)
	return j, j.judgeBy(3)
}

// writes writes evidence into a new folder.
func (j *journal) writes(pol *policy.Policy, change func(*Options)) (string, Result) {
	j.t.Helper()
	o := j.options(pol, filepath.Join(j.t.TempDir(), "out"))
	if change != nil {
		change(&o)
	}
	r, err := Write(context.Background(), o)
	must(j.t, err)
	return o.Out, r
}

// A row is one of a CSV file, by the names of its columns.
type row map[string]string

// rows reads a CSV file.
func rows(t testing.TB, out, name string) (all []row) {
	t.Helper()
	b := read(t, out, name)
	if strings.Count(b, "\n") != strings.Count(b, "\r\n") {
		t.Errorf("%s has lines that do not end in CR LF", name)
	}
	lines, err := csv.NewReader(strings.NewReader(b)).ReadAll()
	must(t, err)
	for _, line := range lines[1:] {
		r := make(row)
		for i, cell := range line {
			r[lines[0][i]] = cell
		}
		all = append(all, r)
	}
	return all
}

func read(t testing.TB, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	must(t, err)
	return string(b)
}

// wants compares some cells of the rows.
func wants(t *testing.T, have []row, want ...row) {
	t.Helper()
	if len(have) != len(want) {
		t.Fatalf("%d rows, want %d: %v", len(have), len(want), have)
	}
	for i, w := range want {
		for name, cell := range w {
			if got, ok := have[i][name]; got != cell || !ok {
				t.Errorf("row %d: %s is %q, want %q", i, name, got, cell)
			}
		}
	}
}

func TestMarch(t *testing.T) {
	j, pol := march(t)
	var o Options
	out, r := j.writes(pol, func(given *Options) { key(t, given); o = *given })
	if len(r.Findings) > 0 || r.Changes != 4 || r.Exceptions != 4 || r.Approvals != 5 || !r.Signed || r.Tree.N != int64(j.seq) {
		t.Fatalf("%+v", r)
	}
	wants(t, rows(t, out, "changes.csv"),
		row{"record": "11", "subject": "do c1", "requester": "ana", "requester_via": "ssh", "requester_address": "192.0.2.7", "intent_record": "10",
			"approvals_required": "1", "approvers": "bo", "approval_records": "8", "approved_by_another": "yes", "tests_passed": "yes", "evidence_records": "6",
			"tests_before": "stg: deployed 2026-03-01T09:36:00.000000Z, record 6, success, last outcome 2026-03-01T09:42:00.000000Z, record 7",
			"rules":        "environments.prd.after:stg=yes; environments.prd.requires:stg=yes; environments.prd.approvals=yes",
			"outcome":      "success", "outcome_record": "12", "outcome_by": "ci", "outcome_message": "214 checks", "backed_out": "no",
			"back_out_plan": "none: nothing was deployed here before", "policy_serial": "1", "policy_record": "2", "overrode": ""},
		row{"record": "21", "subject": "do c2", "kind": "override", "requester": "dan", "reason": "'=INC-7, no \"bills\" at all", "tickets": "INC-7; WEB-1",
			"approvers": "", "approved_by_another": "no", "overrode": "approvals", "outcome": "failure", "backed_out": "yes", "back_out_record": "24",
			"back_out_by": "dan", "back_out_kind": "rollback", "previous_commit": id("c1"), "previous_record": "11", "back_out_plan": "done"},
		row{"record": "24", "kind": "rollback", "commit": id("c1"), "tests_passed": "none", "approved_by_another": "no", "backed_out": "no",
			"back_out_plan": "what was live before was itself taken back: deploy another commit"},
		row{"record": "35", "back_out_plan": "roll back: git push REMOTE " + id("c1") + ":refs/deploy/main", "subject": "'+1 for <b>all</b>", "requester": "bo", "approvers": "chi", "outcome": "pending", "policy_serial": "2", "previous_record": "24"})
	wants(t, rows(t, out, "exceptions.csv"),
		row{"kind": "override", "record": "21", "who": "dan", "what": "went past approvals", "rules": "approvals", "reason": "'=INC-7, no \"bills\" at all"},
		row{"kind": "policy change", "record": "2", "who": "bo"}, row{"kind": "policy change", "record": "26"}, row{"kind": "policy change", "record": "37"})
	wants(t, rows(t, out, "approvals.csv"),
		row{"change_record": "11", "record": "8", "who": "bo", "not_the_requester": "yes", "counts": "yes", "statement": "approve", "live_then": ""},
		row{"record": "9", "who": "ana", "not_the_requester": "no", "counts": "no", "why_not": "by the requester, or the requester is not known"},
		row{"change_record": "21", "who": "eve", "counts": "no", "why_not": "not among those who may approve", "live_then": id("c1")},
		row{"change_record": "35", "who": "bo@example.com", "not_the_requester": "no", "counts": "no"},
		row{"who": "chi", "not_the_requester": "yes", "counts": "yes"})
	checkProofs(t, out, &o, r.Proofs)
	checkManifest(t, out, r)
	if got := read(t, out, "policies", pol.Hash+".toml"); got != pol.Text {
		t.Errorf("the policy reads %q", got)
	}
	for _, words := range []string{"4 changes to production.", "2 of 4 have no approval on record by another person", "1 of 4 failed; 1 of 4 were backed out.",
		"override 1, policy change 3", "refused: needs-approval 1.", o.VerifierKey, "verify-proof proofs/11.tlog-proof", "the newest record is of 2026-03-01 12:42:00 UTC"} {
		if !strings.Contains(read(t, out, "README.txt"), words) {
			t.Errorf("README.txt does not say %q:\n%s", words, read(t, out, "README.txt"))
		}
	}
	if v := read(t, out, "verification.txt"); !strings.Contains(v, "The ledger holds: 37 records") || !strings.Contains(v, "same result: 10 decisions") {
		t.Errorf("verification.txt:\n%s", v)
	}
}

// checkProofs checks all proofs as an outsider does, and that each record that
// a table names has one.
func checkProofs(t *testing.T, out string, o *Options, n int) {
	t.Helper()
	log, err := tlog.NewVerifier(o.VerifierKey)
	must(t, err)
	signed := read(t, out, "checkpoint.txt")
	if _, _, err := tlog.Open([]byte(signed), log); err != nil {
		t.Error(err)
	}
	files, err := os.ReadDir(filepath.Join(out, "proofs"))
	must(t, err)
	if len(files) != n || n == 0 {
		t.Errorf("%d proofs, want %d", len(files), n)
	}
	for _, file := range files {
		p, err := tlog.ParseProof([]byte(read(t, out, "proofs", file.Name())))
		must(t, err)
		_, _, err = p.Check(log)
		must(t, err)
		e, err := ledger.Decode(p.Line)
		if err != nil || fmt.Sprintf("%d.tlog-proof", e.Seq) != file.Name() || string(p.Checkpoint) != signed {
			t.Errorf("%s: record %d, %v", file.Name(), e.Seq, err)
		}
	}
	for _, name := range []string{"changes.csv", "exceptions.csv", "approvals.csv"} {
		for _, r := range rows(t, out, name) {
			for _, column := range []string{"record", "intent_record", "approval_records", "evidence_records", "outcome_record", "back_out_record",
				"previous_record", "policy_record", "change_record"} {
				for record := range strings.SplitSeq(r[column], "; ") {
					if record == "" {
						continue
					}
					if _, err := os.Stat(filepath.Join(out, "proofs", record+".tlog-proof")); err != nil {
						t.Errorf("%s: %s: %v", name, column, err)
					}
				}
			}
		}
	}
}

// checkManifest holds MANIFEST against the files.
func checkManifest(t *testing.T, out string, r Result) {
	t.Helper()
	manifest := read(t, out, "MANIFEST")
	if sum := sha256.Sum256([]byte(manifest)); hex.EncodeToString(sum[:]) != r.Manifest {
		t.Error("the hash of MANIFEST is another")
	}
	left := make(map[string]bool)
	for line := range strings.Lines(manifest) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if is := sha256.Sum256([]byte(read(t, out, name))); !ok || hex.EncodeToString(is[:]) != sum || left[name] {
			t.Errorf("MANIFEST is wrong about %q", name)
		}
		left[name] = true
	}
	for name := range filesOf(t, out) {
		if name != "MANIFEST" && !left[name] {
			t.Errorf("MANIFEST does not have %s", name)
		}
	}
}

// filesOf reads all files of a folder.
func filesOf(t testing.TB, out string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	must(t, filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(out, path)
		all[filepath.ToSlash(name)] = read(t, path)
		return err
	}))
	return all
}

// The same input makes the same bytes, whatever came to the ledger since does
// not change the rows of a window but by its outcome.
func TestSame(t *testing.T) {
	j, pol := march(t)
	var signer Options
	key(t, &signer)
	with := func(o *Options) { o.Signer, o.VerifierKey = signer.Signer, signer.VerifierKey }
	one, _ := j.writes(pol, with)
	two, _ := j.writes(pol, with)
	first := filesOf(t, one)
	if !maps.Equal(first, filesOf(t, two)) {
		t.Error("it is not the same twice")
	}
	info, err := os.Stat(one)
	must(t, err)
	if info.Mode().Perm() != folderMode {
		t.Errorf("mode %v", info.Mode())
	}
	j.now = j.now.AddDate(0, 1, 0)
	j.ended(35, "prd", "c3", ledger.StateSuccess)
	j.push("prd", "c1", ledger.Entry{Principal: "dan", Kind: "rollback", Rules: []string{"environments.prd.rollback=yes", "environments.prd.deploy=yes"}})
	later, r := j.writes(pol, with)
	if r.Changes != 4 || r.Exceptions != 4 {
		t.Fatalf("%+v", r)
	}
	changes := rows(t, later, "changes.csv")
	wants(t, changes[3:], row{"record": "35", "outcome": "success", "backed_out": "yes", "back_out_record": "40"})
	for _, name := range []string{"exceptions.csv", "approvals.csv"} {
		if first[name] != read(t, later, name) {
			t.Errorf("%s differs", name)
		}
	}
	_, r = j.writes(pol, func(o *Options) { o.From, o.To = o.To, o.To.AddDate(0, 1, 0) })
	if r.Changes != 1 || r.Exceptions != 0 || r.Signed || r.Proofs != 0 {
		t.Errorf("April: %+v", r)
	}
}
