package setup

import (
	"os"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/policyfile"
)

// guarded is a healthy site whose prd has a deployment and signers.
func guarded(t *testing.T) *testSite {
	s := healthy(t)
	text := strings.Replace(s.read(s.o.PolicyPath), "after = [\"dev\"]\n", `after = ["dev"]
branches = ["refs/heads/trunk"]
signed = { allowed_signers = "`+s.dir+`/signers" }
[environments.prd.deploy]
command = ["`+s.dir+`/bin/deploy.sh"]
`, 1)
	s.write("policy.toml", text, 0o644)
	s.write("signers", "", 0o644)
	s.write("bin/deploy.sh", "#!/bin/sh\n", 0o755)
	s.write("lib/hooks/deploy", "#!/bin/sh\n", 0o755)
	s.reload()
	return s
}

func (s *testSite) reload() {
	s.t.Helper()
	pol, err := policyfile.Load(s.o.PolicyPath)
	if err != nil {
		s.t.Fatal(err)
	}
	s.o.Policy = pol
}

func TestDoctorDeployments(t *testing.T) {
	s := guarded(t)
	if found := s.doctor(); Worst(found) != OK {
		t.Fatalf("found:\n%s", render(found))
	}
	wantIn(t, render(s.doctor()), "ok: deployments can be run\n", "signers can be read\n")
	for _, tt := range []struct{ name, spoil, what, mend string }{
		{"no runner", "mv lib/hooks/deploy lib/gone", "pathgate's runner of deployments is missing", "mv lib/gone lib/hooks/deploy"},
		{"runner mode", "chmod a-x lib/hooks/deploy", "pathgate's runner of deployments cannot be run", ""},
		{"no program", "mv bin/deploy.sh bin/gone", "the deploy program of prd is missing", "mv bin/gone bin/deploy.sh"},
		{"program mode", "chmod a-x bin/deploy.sh", "the deploy program of prd cannot be run", ""},
		{"program writable", "chmod g+w bin/deploy.sh", "others may change the deploy program of prd", ""},
		{"program's folder", "chmod o+w bin", "others may replace the deploy program of prd", ""},
		{"no signers", "mv signers gone", "signers, is missing", "mv gone signers"},
		{"signers writable", "chmod o+w signers", "others may change the file of allowed signers", ""},
	} {
		s.shell(tt.spoil)
		f, ok := look(s.doctor(), tt.what)
		if !ok || f.Severity != Fail {
			t.Errorf("%s: found\n%s", tt.name, render(s.doctor()))
		}
		if tt.mend == "" {
			tt.mend = f.Mend
		}
		s.shell(tt.mend)
		if found := s.doctor(); Worst(found) != OK {
			t.Fatalf("%s: after the mend:\n%s", tt.name, render(found))
		}
	}
	if os.Geteuid() == 0 {
		s.shell("chmod 600 signers")
		if _, ok := look(s.doctor(), "signers, cannot be read"); !ok {
			t.Errorf("the ledger's owner cannot read the signers, and doctor says\n%s", render(s.doctor()))
		}
	}
}

// TestDoctorBranches checks that a rule that can never be met is told.
func TestDoctorBranches(t *testing.T) {
	s := guarded(t)
	for branch, own := range map[string]bool{"refs/heads/main": true, "refs/heads/*": true, "refs/heads/hotfix": true,
		"refs/heads/mainline": false, "refs/heads/main/*": false} {
		text := s.read(s.o.PolicyPath)
		s.write("policy.toml", strings.Replace(text, "refs/heads/trunk", branch, 1), 0o644)
		s.reload()
		f, found := look(s.doctor(), "which is the environment's own ref")
		if found != own || found && f.Severity != Warn {
			t.Errorf("%s: found %t\n%s", branch, found, render(s.doctor()))
		}
		s.write("policy.toml", text, 0o644)
	}
}
