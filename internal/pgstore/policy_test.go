package pgstore

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// inPolicy parses a policy with the URL of a ledger.
func inPolicy(url string) error {
	_, err := policy.Parse("policy.toml", fmt.Appendf(nil, "version = 1\nroot = '/srv/git'\nledger = '%s'\nidentity.source = 'ssh'\n"+
		"environments.prd = { repository = '{service}/prd.git', refs = ['refs/heads/main'] }\n", url))
	return err
}

// What a policy may say of a database is what is understood here, and the other
// way round, so that no policy is sound that no hook can use.
func TestPolicyAgrees(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", "")
	t.Setenv("SSL_CERT_DIR", "")
	pass := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(pass, []byte("*:*:*:h:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const place = "postgres://h@127.0.0.1/l?"
	values := map[string][]string{
		"host": {"/run/postgresql"}, "port": {"6000"}, "passfile": {pass}, "sslmode": {"disable", "require", "verify-full"},
		"sslrootcert": {"system"}, "sslcert": {""}, "sslkey": {""}, "sslnegotiation": {"postgres", "direct&sslmode=require"},
		"target_session_attrs": {"any", "read-write", "primary"}, "connect_timeout": {"5"}, "channel_binding": {"prefer", "disable", "require"},
		"require_auth": {"scram-sha-256"},
	}
	_, list, _ := strings.Cut(fmt.Sprint(inPolicy(place+"application_name=x")), "which cannot stand here: one of ")
	known := strings.Split(list, ", ")
	if len(known) != len(values) {
		t.Errorf("a policy may set %q; this test knows %d values", known, len(values))
	}
	for _, name := range known {
		if !slices.ContainsFunc(parameters[:], func(p struct{ name, value string }) bool { return p.name == name }) {
			t.Errorf("a policy may set %s, which is unknown here", name)
		}
		for _, value := range values[name] {
			url := place + name + "=" + value
			if name == "host" || name == "port" {
				url = "postgres://h@/l?host=/run/postgresql&port=6000"
			}
			if value == "" {
				continue // a file of a key pair: both or none
			}
			if err := inPolicy(url); err != nil {
				t.Errorf("policy: %s: %v", url, err)
			}
			if _, err := Parse(url); err != nil {
				t.Errorf("here: %v", err)
			}
		}
	}
	for _, p := range parameters {
		if !slices.Contains(known, p.name) && p.name != "user" && p.name != "dbname" {
			t.Errorf("%s is known here, and a policy may not set it", p.name)
		}
	}
	for _, url := range []string{place + "application_name=x", place + "options=-cx", place + "service=x", place + "sslmode=disable&sslmode=disable",
		"postgres://h:p@127.0.0.1/l", "postgres://h@db/l?sslmode=require", "postgres://h@db/l?min_protocol_version=3.2"} {
		if _, err := Parse(url); err == nil || inPolicy(url) == nil {
			t.Errorf("%s: here %v, in a policy %v", url, err, inPolicy(url))
		}
	}
}
