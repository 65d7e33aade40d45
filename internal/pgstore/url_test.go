package pgstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Nothing but the URL says where the ledger is, and as whom.
func TestParseEnvironment(t *testing.T) {
	home := t.TempDir()
	for _, f := range []string{".pgpass", ".pg_service.conf", ".postgresql/root.crt", ".postgresql/postgresql.crt", ".postgresql/postgresql.key"} {
		name := filepath.Join(home, f)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("*:*:*:*:stolen\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range map[string]string{"HOME": home, "PGHOST": "evil", "PGPORT": "1", "PGUSER": "evil", "PGPASSWORD": "evil", "PGDATABASE": "evil",
		"PGOPTIONS": "-c session_replication_role=replica", "PGSSLMODE": "disable", "PGSSLROOTCERT": "/evil", "PGSSLCERT": "/evil", "PGSSLKEY": "/evil",
		"PGTZ": "evil", "PGAPPNAME": "evil", "PGTARGETSESSIONATTRS": "standby", "PGCONNECT_TIMEOUT": "99", "PGSSLCERTMODE": "", "PGPASSFILE": home + "/.pgpass",
		"PGSSLNEGOTIATION": "direct", "PGCHANNELBINDING": "require", "PGREQUIREAUTH": "none", "PGMINPROTOCOLVERSION": "3.2", "PGSERVICEFILE": home + "/.pg_service.conf",
		"PGSSLSNI": "0", "PGSSLPASSWORD": "evil", "SSL_CERT_FILE": "", "SSL_CERT_DIR": ""} {
		t.Setenv(k, v)
	}
	c, err := Parse("postgres://hooks@db.example/ledger")
	if err != nil {
		t.Fatal(err)
	}
	if c.Host != "db.example" || c.Port != 5432 || c.User != "hooks" || c.Password != "" || c.Database != "ledger" ||
		c.TLSConfig == nil || c.TLSConfig.ServerName != "db.example" || c.TLSConfig.InsecureSkipVerify || c.TLSConfig.RootCAs != nil ||
		len(c.TLSConfig.Certificates) != 0 || len(c.Fallbacks) != 0 || c.ConnectTimeout != 3*time.Second || c.ValidateConnect != nil ||
		c.ChannelBinding != "prefer" || c.RequireAuth != "" || c.SSLNegotiation != "postgres" || c.MinProtocolVersion != "3.0" {
		t.Errorf("%+v", c)
	}
	if len(c.RuntimeParams) != 2 || c.RuntimeParams["application_name"] != "pathgate" || c.RuntimeParams["client_encoding"] != "UTF8" {
		t.Errorf("%v", c.RuntimeParams)
	}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		t.Setenv(name, "/evil")
		for place, refused := range map[string]bool{"postgres://hooks@db.example/ledger": true, "postgres://hooks@db.example/ledger?sslrootcert=system": true,
			"postgres://hooks@127.0.0.1/ledger": false} {
			if _, err := Parse(place); (err != nil && strings.Contains(err.Error(), name)) != refused {
				t.Errorf("%s, %s: %v", name, place, err)
			}
		}
		t.Setenv(name, "")
	}
	t.Setenv("PGSERVICE", "evil")
	if _, err := Parse("postgres://hooks@db.example/ledger"); err == nil || !strings.Contains(err.Error(), "PGSERVICE") {
		t.Errorf("with PGSERVICE: %v", err)
	}
}

func TestParse(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", "")
	t.Setenv("SSL_CERT_DIR", "")
	pass := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(pass, []byte("*:*:*:hooks:sec'r\\\\et\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	c, err := Parse("postgres://hooks@10.0.0.1:6000,[fe80::2],db3:6002/led'g%5Cer?passfile=" + pass)
	if err != nil {
		t.Fatal(err)
	}
	if c.Password != `sec'r\et` || c.Database != `led'g\er` || len(c.Fallbacks) != 2 || c.Port != 6000 || c.Fallbacks[0].Host != "fe80::2" ||
		c.Fallbacks[0].Port != 5432 || c.Fallbacks[1].Port != 6002 || c.ValidateConnect == nil || c.Fallbacks[1].TLSConfig.ServerName != "db3" {
		t.Errorf("%+v", c)
	}
	if l := withLimit(c, 3*time.Second); l.ConnectTimeout != time.Second {
		t.Errorf("connect timeout %s of three hosts in three seconds", l.ConnectTimeout)
	}
	for _, near := range []string{"postgres://h@127.0.0.1/l", "postgres://h@localhost:1/l?sslmode=disable", "postgres://h@[::1]/l?sslmode=require",
		"postgres://h@%2Frun%2Fpg/l", "postgres:///l?host=/run/pg&user=h&port=6000"} {
		if _, err := Parse(near); err != nil {
			t.Errorf("%s: %v", near, err)
		}
	}
	if err := os.Chmod(pass, 0o644); err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string]string{
		"postgres://h:p@127.0.0.1/l":                             "password",
		"postgres://h@127.0.0.1/l?password=p":                    "password",
		"postgres://127.0.0.1/l":                                 "no user",
		"postgres://h@127.0.0.1":                                 "no database",
		"postgres://h@/l":                                        "no host",
		"postgres://h@a,/l":                                      "no host",
		"postgres://h@db/l?sslmode=require":                      "verify-full",
		"postgres://h@127.0.0.1,db/l?sslmode=disable":            "verify-full",
		"postgres://h@db/l?options=-c%20search_path%3Devil":      "unknown parameter",
		"postgres://h@db/l?search_path=evil":                     "unknown parameter",
		"postgres://h@db/l?servicefile=/evil&service=x":          "unknown parameter",
		"postgres://h@db/l?sslmode=verify-full&sslmode=disable":  "more than once",
		"postgres://h@127.0.0.1:x/l":                             "",
		"postgres://h@127.0.0.1/l?passfile=" + pass:              "others cannot read",
		"postgres://h@127.0.0.1/l?passfile=/nowhere":             "passfile",
		"postgres://h@127.0.0.1/l%00x":                           "",
		"mysql://h@127.0.0.1/l":                                  "postgres://",
		"postgres://h@127.0.0.1/l?target_session_attrs=whatever": "target_session_attrs",
		"postgres://h@127.0.0.1,a:1:2,/l":                        "",
	} {
		if _, err := Parse(place); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "h:p") {
			t.Errorf("%s: %v", place, err)
		}
	}
	if err := os.Chmod(pass, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := parseAsNobody(t, "postgres://h@127.0.0.1/l?passfile="+pass); !errors.Is(err, ErrPassfile) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a passfile that cannot be read: %v", err)
	}
	if got := Name("postgres://h:secret@a:1,b:2/l?passfile=/etc/x"); got != "postgres://h@a:1,b:2/l" {
		t.Errorf("Name: %s", got)
	}
}

// parseAsNobody is Parse for somebody whom modes of files hold back, as they do
// not root.
func parseAsNobody(t *testing.T, place string) (*pgconn.Config, error) {
	t.Helper()
	if os.Geteuid() != 0 {
		return Parse(place)
	}
	runtime.LockOSThread() // whose file system user ID it is
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(65534); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setfsuid(0); err != nil {
			panic(err)
		}
	}()
	return Parse(place)
}
