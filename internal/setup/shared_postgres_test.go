//go:build postgres

package setup

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/pgtest"
	"github.com/pathgate/pathgate/internal/policyfile"
)

// share makes a site one host of several on the ledger at url.
func (s *testSite) share(host, url string) {
	s.t.Helper()
	old := `ledger = "` + s.dir + `/ledger"`
	text := strings.ReplaceAll(testPolicy, "ROOT", s.dir)
	text = strings.Replace(text, old, `ledger = "`+url+"\"\ncopy = \""+s.dir+"/copy\"\nhost = \""+host+`"`, 1)
	s.write("policy.toml", text, 0o644)
	var err error
	if s.o.Policy, err = policyfile.Load(s.o.PolicyPath); err != nil {
		s.t.Fatal(err)
	}
}

// found are the findings with a text in them.
func found(all []Finding, part string) []Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f Finding) bool { return !strings.Contains(f.String(), part) })
}

// TestShared installs, moves and examines repositories on two hosts that share
// a ledger.
func TestShared(t *testing.T) {
	server := pgtest.Start(t, pgtest.Options{})
	name, err := server.Create()
	if err != nil {
		t.Fatal(err)
	}
	url := server.URL(pgtest.Hooks, name)
	ctx, one, two := context.Background(), newSite(t), newSite(t)
	one.share("git-1", url)
	two.share("git-2", url)
	if _, err := Install(ctx, one.o, one.repo("dev")); err == nil || !strings.Contains(err.Error(), "ledger") {
		t.Errorf("install before there are tables: %v", err)
	}
	if _, _, err := ledger.Migrate(ctx, server.URL(pgtest.Owner, name), ledger.Roles{Writer: pgtest.Hooks}); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Create(url, ledger.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*testSite{one, two} {
		s.git(s.work, "push", "-q", s.repo("dev"), "main")
		report, err := Install(ctx, s.o, s.repo("dev"))
		if err != nil || report.LedgerCreated || !report.Unrecorded {
			t.Fatalf("install: %v, %+v", err, report)
		}
		if info, err := os.Stat(filepath.Join(s.dir, "copy")); err != nil || info.Mode().Perm() != 0o750 {
			t.Errorf("the folder of the copy: %v, %v", info, err)
		}
	}
	adopted, err := Adopt(ctx, AdoptOptions{Options: one.o, Principal: "ana"}, one.repo("dev"))
	if err != nil || len(adopted.Entries) != 1 || adopted.Entries[0].Host != "git-1" {
		t.Fatalf("adopt on git-1: %v, %+v", err, adopted.Entries)
	}
	// The same path on another host is a second repository, which somebody has
	// to want.
	_, err = Adopt(ctx, AdoptOptions{Options: two.o, Principal: "ana"}, two.repo("dev"))
	if !IsNo(err) || !strings.Contains(err.Error(), "on host git-1, by record") {
		t.Errorf("adopt on git-2: %v", err)
	}
	if list := found(Doctor(ctx, two.o, nil), "the ledger has this repository on host git-1"); len(list) != 1 || list[0].Severity != Fail {
		t.Errorf("doctor on git-2: %v", list)
	}
	adopted, err = Adopt(ctx, AdoptOptions{Options: two.o, Principal: "ana", Reason: "git-1 burnt down"}, two.repo("dev"))
	if err != nil || len(adopted.Entries) != 1 || adopted.Entries[0].Host != "git-2" {
		t.Fatalf("adopt on git-2 with a reason: %v, %+v", err, adopted.Entries)
	}
	all := Doctor(ctx, two.o, nil)
	for _, part := range []string{"this host is git-2 in the shared ledger, by the policy; no host can see that no other one has that name",
		"is reached by TLSv1.", "the role hooks may add lines, and not change any",
		"the shared ledger: a round trip takes ", "refs are where the ledger has them"} {
		if list := found(all, part); len(list) == 0 || list[0].Severity != OK {
			t.Errorf("doctor on git-2 does not say %q:\n%v", part, all)
		}
	}
	if list := found(Doctor(ctx, one.o, nil), "the ledger has this repository on host git-2"); len(list) != 1 {
		t.Errorf("doctor on git-1 after the move: %v", list)
	}
	two.share("git-2", server.URL(pgtest.Owner, name))
	if list := found(Doctor(ctx, two.o, nil), "owner of the tables"); len(list) != 1 || list[0].Severity != Warn {
		t.Errorf("doctor on what writes as the owner: %v", list)
	}
	two.share("git-2", server.URL(pgtest.Auditor, name))
	if list := found(Doctor(ctx, two.o, nil), "the ledger cannot be used"); len(list) != 1 || list[0].Severity != Fail {
		t.Errorf("doctor with a role that may do nothing: %v", list)
	}
	if _, _, err := ledger.Migrate(ctx, server.URL(pgtest.Owner, name), ledger.Roles{Writer: pgtest.Hooks, Reader: pgtest.Auditor}); err != nil {
		t.Fatal(err)
	}
	const want = "the role auditor in the ledger's URL may only read; it lacks INSERT on entry, UPDATE on head, all on projection"
	all = Doctor(ctx, two.o, nil)
	if list := found(all, want); len(list) != 1 || list[0].Severity != Fail || len(found(all, "cannot be")) > 0 {
		t.Errorf("doctor with the role of auditors: %v", all)
	}
	pass := filepath.Join(two.dir, "pgpass")
	if err := os.WriteFile(pass, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	two.share("git-2", "postgres://hooks@127.0.0.1/l?passfile="+pass)
	if list := found(Doctor(ctx, two.o, nil), "the ledger's passfile cannot be used: "); len(list) != 1 || !strings.Contains(list[0].Mend, "chmod 0600") {
		t.Errorf("doctor with a passfile that all can read: %v", list)
	}
	two.share("git-2", url)
	server.Kill()
	if list := found(Doctor(ctx, two.o, nil), "the ledger cannot be used"); len(list) == 0 || list[0].Severity != Fail {
		t.Errorf("doctor without a database: %v", list)
	}
}
