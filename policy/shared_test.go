package policy

import (
	"fmt"
	"strings"
	"testing"
)

func sharedPolicy(url, more string) string {
	return fmt.Sprintf("version = 1\nroot = '/srv/git'\nledger = '%s'\nidentity.source = 'ssh'\n%s\n"+
		"environments.prd = { repository = '{service}/prd.git', refs = ['refs/heads/main'] }\n", url, more)
}

func TestShared(t *testing.T) {
	const url = "postgres://pathgate@db1.example.com,db2.example.com:5433/pathgate?sslmode=verify-full&target_session_attrs=read-write&passfile=/etc/pathgate/pgpass"
	p := mustParse(t, sharedPolicy(url, "copy = '/var/lib/pathgate/copy'\nhost = 'git-1'\naudit.journald = true"))
	if !p.Shared() || p.Ledger != url || p.Copy != "/var/lib/pathgate/copy" || p.Host != "git-1" || p.Audit == nil {
		t.Errorf("policy %+v", p)
	}
	if p := mustParse(t, issuePolicy); p.Shared() || p.Copy != "" || p.Host != "" {
		t.Errorf("policy %+v", p)
	}
	if !(&Policy{Ledger: "postgresql://u@localhost/d"}).Shared() || (&Policy{}).Shared() {
		t.Error("which ledgers are shared")
	}
}

// TestURLs has URLs of databases, and what is wrong with each.
func TestURLs(t *testing.T) {
	const full = "?sslmode=verify-full"
	for _, test := range []struct{ url, want string }{
		{"postgres://u@h/d" + full, ""},
		{"postgresql://u@h/d" + full, ""},
		{"postgres://u@h:5432,[2001:db8::1]:5433,10.0.0.1/d" + full, ""},
		{"postgres://first%20last@h/d%2Fe" + full + "&sslrootcert=system&connect_timeout=3", ""},
		{"postgres://u@h/d" + full + "&sslrootcert=/etc/ca.pem&sslcert=/etc/c.pem&sslkey=/etc/c.key&sslnegotiation=direct", ""},
		{"postgres://u@/d?host=/run/postgresql", ""},
		{"postgres://u@/d?host=/run/postgresql,localhost&port=5432,5433", ""},
		{"postgres://u@%2Frun%2Fpostgresql:5432/d", ""},
		{"postgres://u@localhost/d", ""},
		{"postgres://u@127.0.0.1:5432,127.255.3.4,[::1]:5432/d?sslmode=disable", ""},

		{"postgres://u@h/d", "needs sslmode=verify-full"},
		{"postgres://u@h/d?sslmode=verify-ca", "needs sslmode=verify-full"},
		{"postgres://u@h/d?sslmode=require", "needs sslmode=verify-full"},
		{"postgres://u@localhost,h/d", "needs sslmode=verify-full"},
		{"postgres://u@localhost.example.com/d", "needs sslmode=verify-full"},
		{"postgres://u@127.0.0.1.example.com/d", "needs sslmode=verify-full"},
		{"postgres://u@127.1/d", "needs sslmode=verify-full"},
		{"postgres://u@127.0.0.010/d", "needs sslmode=verify-full"},
		{"postgres://u@127.0.0.256/d", "needs sslmode=verify-full"},
		{"postgres://u@[::ffff:127.0.0.1]/d", "needs sslmode=verify-full"},
		{"postgres://u@/d?host=h", "needs sslmode=verify-full"},
		{"postgres://u@/d?host=/run/postgresql,h", "needs sslmode=verify-full"},
		{"postgres://u@h/d?sslmode=VERIFY-FULL", "needs for sslmode one of"},
		{"postgres://u@h/d?sslmode=verify-full&sslmode=disable", "sets sslmode twice"},
		{"postgres://u@h/d" + full + "&ssl=true", `the setting "ssl", which cannot stand here`},
		{"postgres://u@h/d" + full + "&%73slmode=disable", "which cannot stand here"},
		{"postgres://u@h/d" + full + "&SSLMODE=disable", "which cannot stand here"},

		{"postgres://u:secret@h/d" + full, "must hold no password"},
		{"postgres://u:@h/d" + full, "must hold no password"},
		{"postgres://u:sec@ret@h/d" + full, "must hold no password"},
		{"postgres://u@secret@h/d" + full, "must hold no password"},
		{"postgres://u@h/d" + full + "&password=secret", "must hold no password"},
		{"postgres://u@h/d" + full + "&sslpassword=secret", "must hold no sslpassword"},
		{"postgres://u@h/d" + full + "&pass%77ord=secret", "which cannot stand here"},

		{"postgres://h/d" + full, "names no user"},
		{"postgres://@h/d" + full, "names no user"},
		{"postgres://u%zz@h/d" + full, "names no user"},
		{"postgres://u%00@h/d" + full, "names no user"},
		{"postgres://u@h" + full, "names no database"},
		{"postgres://u@h/" + full, "names no database"},
		{"postgres://u@h/d/e" + full, "names no database"},
		{"postgres://u@/d" + full, "names the host"},
		{"postgres://u@h,/d" + full, "names the host"},
		{"postgres://u@h%2Ci/d" + full, "names the host"},
		{"postgres://u@h:0/d" + full, "names the host"},
		{"postgres://u@h:99999/d" + full, "names the host"},
		{"postgres://u@h:54:32/d" + full, "names the host"},
		{"postgres://u@::1/d" + full, "names the host"},
		{"postgres://u@[h]/d" + full, "names the host"},
		{"postgres://u@[::1/d" + full, "names the host"},
		{"postgres://u@[::1]x/d" + full, "names the host"},
		{"postgres://u@-h/d" + full, "names the host"},
		{"postgres://u@%2Frun%2F..%2Ftmp/d", "names the host"},
		{"postgres://u@/d?host=run/postgresql", "names the host"},
		{"postgres://u@h/d?host=/run/postgresql", "names its hosts twice"},
		{"postgres://u@h/d" + full + "&port=5433", "sets port= beside hosts"},
		{"postgres://u@/d?host=/run/postgresql&port=x", "has a port that is none"},
		{"postgres://u@h/d#e" + full, "holds a character"},
		{"postgres://u@h/d e" + full, "holds a character"},

		{"postgres://u@h/d?service=x", "which cannot stand here"},
		{"postgres://u@h/d?servicefile=/etc/x", "which cannot stand here"},
		{"postgres://u@h/d" + full + "&options=-csynchronous_commit%3Doff", "which cannot stand here"},
		{"postgres://u@h/d" + full + "&synchronous_commit=off", "which cannot stand here"},
		{"postgres://u@h/d" + full + "&application_name=x", "which cannot stand here"},
		{"postgres://u@h/d" + full + "&passfile=/a+b", "sets passfile to nothing"},
		{"postgres://u@h/d" + full + "&user=x", "which cannot stand here"},
		{"postgres://u@h/d" + full + "&dbname=x", "which cannot stand here"},
		{"postgres://u@h/d" + full + "&passfile=pgpass", "absolute, clean path for passfile"},
		{"postgres://u@h/d" + full + "&passfile=/etc/../x", "absolute, clean path for passfile"},
		{"postgres://u@h/d" + full + "&passfile=", "sets passfile to nothing"},
		{"postgres://u@h/d" + full + "&passfile", "sets passfile to nothing"},
		{"postgres://u@h/d" + full + "&passfile=/a=b", "sets passfile to nothing"},
		{"postgres://u@h/d" + full + "&passfile=/a%0Ab", "sets passfile to nothing"},
		{"postgres://u@h/d" + full + "&target_session_attrs=read-only", "needs for target_session_attrs one of"},
		{"postgres://u@h/d" + full + "&connect_timeout=0", "number of seconds"},
		{"postgres://u@h/d" + full + "&", "which cannot stand here"},
		{"postgres:/var/lib/pathgate", "must be an absolute path"},
		{"POSTGRES://u@h/d" + full, "no other sort is known"}, {"postgres://h:5432/d" + full, "names no user"},
		{"mysql://u@h/d", "no other sort is known"},
	} {
		_, err := Parse("policy.toml", []byte(sharedPolicy(test.url, "")))
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.url, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %s", test.url, err, test.want)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("%s: the error tells the password: %v", test.url, err)
		}
	}
}
