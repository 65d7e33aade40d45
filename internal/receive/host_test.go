package receive

import (
	"os"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

func TestHostOf(t *testing.T) {
	const shared = "postgres://pathgate@db/pathgate"
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		ledger, host string
		want, wrong  string
	}{
		{"/var/lib/pathgate", "", "", ""},
		{"/var/lib/pathgate", "git-1", "", ""}, // its own ledger names no host
		{shared, "git-1", "git-1", ""},
		{shared, "git-1.example.org", "git-1.example.org", ""},
		{"postgresql://pathgate@db/pathgate", "git-1", "git-1", ""},
		{shared, "localhost", "", "the name of every host"},
		{shared, "LocalHost.localdomain", "", "the name of every host"},
		{shared, "(none)", "", "cannot be a host's name"},
		{shared, "-x", "", "cannot be a host's name"},
		{shared, "git 1", "", "cannot be a host's name"},
		{shared, "git\n1", "", "cannot be a host's name"},
		{shared, "gït", "", "cannot be a host's name"},
		{shared, strings.Repeat("x", 65), "", "cannot be a host's name"},
	} {
		got, err := HostOf(&policy.Policy{Ledger: test.ledger, Host: test.host})
		switch {
		case test.wrong == "" && (err != nil || got != test.want):
			t.Errorf("host %q of %s: %q, %v; want %q", test.host, test.ledger, got, err, test.want)
		case test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)):
			t.Errorf("host %q of %s: %q, %v; want an error with %q", test.host, test.ledger, got, err, test.wrong)
		}
	}
	if checkHost(own) == nil {
		if got, err := HostOf(&policy.Policy{Ledger: shared}); got != own || err != nil {
			t.Errorf("without host: %q, %v; want the node name %q", got, err, own)
		}
	}
}
