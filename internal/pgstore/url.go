package pgstore

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// IsURL reports whether a ledger's place is a database and not a folder.
func IsURL(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// Name is a URL without its parameters and without a password, for messages.
func Name(place string) string {
	u, err := cut(place)
	if err != nil {
		return "postgres://?"
	}
	user := ""
	if u.User != nil {
		user = url.User(u.User.Username()).String() + "@"
	}
	host := u.Host
	if host == "" {
		host = strings.Join(u.Query()["host"], ",")
	}
	return "postgres://" + user + host + u.EscapedPath()
}

// cut takes a URL apart, whose host may be a list that url.Parse does not read.
func cut(place string) (*url.URL, error) {
	_, rest, _ := strings.Cut(place, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	hosts := rest[strings.LastIndexByte(rest[:end], '@')+1 : end]
	u, err := url.Parse("postgres://" + rest[:end-len(hosts)] + rest[end:])
	if err == nil && u.Fragment != "" {
		err = errors.New("it has a fragment")
	}
	if err == nil {
		u.Host = hosts
	}
	return u, err
}

// parameters are what a URL may say: all that package policy takes, which wants
// user and database where they always stand. What it does not say has the value here:
// nothing may come from PG* variables or files in a home folder, as libpq's and
// pgconn's defaults do. See the PostgreSQL manual, 34.1.2.
var parameters = [...]struct{ name, value string }{
	{"host", ""}, {"port", ""}, {"user", ""}, {"dbname", ""}, // may stand as parameters too: a socket's folder
	{"passfile", ""}, {"sslmode", ""}, {"sslrootcert", ""}, {"sslcert", ""}, {"sslkey", ""}, {"sslnegotiation", "postgres"},
	{"target_session_attrs", ""}, {"connect_timeout", "3"}, {"channel_binding", "prefer"}, {"require_auth", ""},
}

// Parse checks a URL and makes a configuration of it and of nothing else. The
// URL is on record with the policy, so a password in it is refused; passfile
// names a file in the form of ~/.pgpass, which others must not be able to read.
// Where a host is neither a socket nor a loopback address, TLS with
// sslmode=verify-full is a must and the default.
func Parse(place string) (*pgconn.Config, error) {
	c, err := parse(place)
	if err != nil {
		return nil, fmt.Errorf("the URL %s: %w", Name(place), err)
	}
	return c, nil
}

func parse(place string) (*pgconn.Config, error) {
	if !IsURL(place) {
		return nil, errors.New("it does not begin with postgres://")
	}
	// Only its presence can be seen here: pgconn would read the file it names.
	if os.Getenv("PGSERVICE") != "" {
		return nil, errors.New("PGSERVICE is set, and only the URL may say where the ledger is: take it out of the environment")
	}
	u, err := cut(place)
	if err != nil {
		return nil, errors.New("it cannot be read as a URL")
	}
	set, err := settings(u)
	if err != nil {
		return nil, err
	}
	if err := checkFile(set["passfile"]); err != nil {
		return nil, err
	}
	var b strings.Builder
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	for name, value := range set {
		fmt.Fprintf(&b, "%s='%s' ", name, quote.Replace(value))
	}
	c, err := pgconn.ParseConfig(b.String())
	if err != nil {
		var p *pgconn.ParseConfigError
		if errors.As(err, &p) && p.Unwrap() != nil {
			err = p.Unwrap()
		}
		return nil, err
	}
	c.RuntimeParams = map[string]string{"application_name": "pathgate", "client_encoding": "UTF8"}
	return c, nil
}

// settings are the URL's as pgconn's keywords, all that there are.
func settings(u *url.URL) (map[string]string, error) {
	if _, has := u.User.Password(); has || u.Query().Has("password") {
		return nil, errors.New("it has a password, and a policy is on record: put it into a file that passfile= names")
	}
	set := map[string]string{"password": "", "sslcertmode": "allow", "sslsni": "1", "sslpassword": "", "timezone": "", "options": "",
		"min_protocol_version": "3.0", "max_protocol_version": "3.0"}
	for _, p := range parameters {
		set[p.name] = p.value
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("its parameters cannot be read")
	}
	for name, values := range query {
		if !slices.ContainsFunc(parameters[:], func(p struct{ name, value string }) bool { return p.name == name }) {
			return nil, fmt.Errorf("unknown parameter %q", name)
		}
		if len(values) > 1 {
			return nil, fmt.Errorf("the parameter %s is there more than once", name)
		}
		set[name] = values[0]
	}
	if u.User.Username() != "" {
		set["user"] = u.User.Username()
	}
	if name := strings.TrimPrefix(u.Path, "/"); name != "" {
		set["dbname"] = name
	}
	if u.Host != "" {
		if set["host"], set["port"], err = splitHosts(u.Host); err != nil {
			return nil, err
		}
	}
	set["database"] = set["dbname"]
	delete(set, "dbname")
	return set, complete(set)
}

// complete checks that nothing is left to be guessed.
func complete(set map[string]string) error {
	switch {
	case set["user"] == "":
		return errors.New("it names no user")
	case set["database"] == "":
		return errors.New("it names no database")
	case set["host"] == "" || slices.Contains(strings.Split(set["host"], ","), ""):
		return errors.New("it names no host")
	}
	return secure(set)
}

// splitHosts takes HOST:PORT,HOST:PORT apart.
func splitHosts(s string) (hosts, ports string, err error) {
	var h, p []string
	for _, one := range strings.Split(s, ",") {
		host, port := one, ""
		if i := strings.LastIndexByte(one, ':'); i >= 0 && !strings.HasSuffix(one, "]") {
			host, port = one[:i], one[i+1:]
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		if host, err = url.PathUnescape(host); err != nil {
			return "", "", errors.New("a host's name cannot be read")
		}
		h, p = append(h, host), append(p, port)
	}
	return strings.Join(h, ","), strings.Join(p, ","), nil
}

// secure fills in sslmode and target_session_attrs, and refuses a connection
// over a network that somebody else could answer.
func secure(set map[string]string) error {
	hosts := strings.Split(set["host"], ",")
	far := slices.ContainsFunc(hosts, func(h string) bool { return !near(h) })
	switch {
	case far && set["sslmode"] != "" && set["sslmode"] != "verify-full":
		return fmt.Errorf("sslmode=%s does not tell who answers: over a network it must be verify-full", set["sslmode"])
	case set["sslmode"] == "" && far:
		set["sslmode"] = "verify-full"
	case set["sslmode"] == "":
		set["sslmode"] = "disable"
	}
	if root := set["sslrootcert"]; strings.HasPrefix(set["sslmode"], "verify") && (root == "" || root == "system") {
		// They would name others to trust than the system does: see crypto/x509.
		for _, name := range [...]string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
			if os.Getenv(name) != "" {
				return fmt.Errorf("%s is set, and only the URL may say whom to trust: take it out of the environment, or add sslrootcert=FILE", name)
			}
		}
	}
	if set["target_session_attrs"] == "" {
		set["target_session_attrs"] = "any"
		if len(hosts) > 1 {
			set["target_session_attrs"] = "read-write"
		}
	}
	return nil
}

// near reports whether a host is a folder of sockets or this machine.
func near(host string) bool {
	if strings.HasPrefix(host, "/") || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// checkFile refuses a file with passwords that anybody can read, and one that
// cannot be read: pgconn would go on without a password.
func checkFile(name string) error {
	if name == "" {
		return nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPassfile, err)
	}
	if !info.Mode().IsRegular() || info.Mode()&0o007 != 0 {
		return fmt.Errorf("%w: %s must be a regular file that others cannot read: chmod o= %s", ErrPassfile, name, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPassfile, err)
	}
	return f.Close()
}

// withLimit bounds the time for one host, so that there is time for the next.
func withLimit(c *pgconn.Config, left time.Duration) *pgconn.Config {
	c = c.Copy()
	each := max(left/time.Duration(len(c.Fallbacks)+1), 100*time.Millisecond)
	if c.ConnectTimeout == 0 || c.ConnectTimeout > each {
		c.ConnectTimeout = each
	}
	return c
}
