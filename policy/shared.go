package policy

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
)

// Shared reports whether the ledger is a PostgreSQL database, which other hosts
// may use too.
func (p *Policy) Shared() bool { return shared(p.Ledger) }

func shared(ledger string) bool {
	_, ok := cutScheme(ledger)
	return ok
}

// cutScheme takes away the scheme of a connection URI: libpq knows two.
func cutScheme(url string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(url, "postgresql://"); ok {
		return rest, true
	}
	return strings.CutPrefix(url, "postgres://")
}

// ledger reads where the ledger is, and what goes with one that is shared.
func (s *source) ledger(root *node, p *Policy) {
	n, v := s.required(root, "ledger")
	if n == nil {
		return
	}
	p.Ledger = v
	if !p.Shared() && strings.Contains(v, "://") {
		s.fail(n.value, "ledger must be a folder, or a database at postgres://USER@HOST/DB: no other sort is known")
		return
	}
	if !p.Shared() {
		s.absolute(n, v)
		for _, key := range []string{"copy", "host"} {
			if k := root.kid(key); k != nil {
				s.fail(k.at, "%s has no meaning without a shared ledger, such as postgres://USER@HOST/DB", key)
			}
		}
		return
	}
	if err := checkURL(v); err != nil {
		s.fail(n.value, "ledger %v", err)
	}
	s.sharing(root, p)
}

// uncopied looks for what a host cannot do without a folder of its own, where it
// keeps how far it has come.
func (s *source) uncopied(root *node) {
	if audit := root.kid("audit"); audit != nil {
		s.fail(audit.at, "[audit] needs the key copy beside a shared ledger: the sinks are fed from this host's copy")
	}
	environments := root.kid("environments")
	if environments == nil {
		return
	}
	for _, env := range environments.kids {
		for _, name := range [...]string{"deploy", "stamps"} {
			k := env.kid(name)
			if k == nil || name == "deploy" && k.val == "external" {
				continue
			}
			s.fail(k.at, "%s needs the key copy beside a shared ledger: its progress is kept there", k.path())
		}
	}
}

// sharing reads the keys of a shared ledger.
func (s *source) sharing(root *node, p *Policy) {
	if k := root.kid("copy"); k != nil {
		if v, ok := s.str(k); ok {
			s.absolute(k, v)
			p.Copy = v
		}
	} else {
		s.uncopied(root)
	}
	if k := root.kid("host"); k != nil {
		v, ok := s.str(k)
		if ok && (!validService(v) || len(v) > maxHost) {
			s.fail(k.value, "host %s must be [A-Za-z0-9][A-Za-z0-9._-]*, at most %d bytes", quote(v), maxHost)
		}
		p.Host = v
	}
}

// maxHost is what a name of a node has at most (uname(2)).
const maxHost = 64

// folder returns the folder of this host that holds the ledger or the copy of
// its lines; empty if there is none.
func (p *Policy) folder() string {
	if p.Shared() {
		return p.Copy
	}
	return p.Ledger
}

// checkURL checks the URL of a database (PostgreSQL's documentation, "Connection
// URIs") so far that it means one thing only, trusts no network, and holds no
// secret: the policy goes on record in the ledger, where every auditor reads it.
// No error quotes what may be a password.
func checkURL(url string) error {
	rest, _ := cutScheme(url)
	if !text.Printable(rest) || strings.ContainsAny(rest, " #\\\"'") {
		return errors.New("holds a character that no URL has: write it as %XX")
	}
	address, query, _ := strings.Cut(rest, "?")
	userinfo, address, ok := strings.Cut(address, "@")
	if !ok {
		return errors.New("names no user: write postgres://USER@HOST/DB")
	}
	if strings.ContainsRune(userinfo, ':') || strings.ContainsRune(address, '@') {
		return errors.New("must hold no password, as the policy is put on record in the ledger: write passfile=/FILE")
	}
	user, sound := decodeURL(userinfo)
	if !sound || user == "" {
		return errors.New("names no user: write postgres://USER@HOST/DB")
	}
	hosts, name, _ := strings.Cut(address, "/")
	if database, sound := decodeURL(name); !sound || database == "" || strings.ContainsRune(name, '/') {
		return errors.New("names no database: write postgres://USER@HOST/DB")
	}
	settings, err := urlSettings(query)
	if err != nil {
		return err
	}
	return checkHosts(hosts, settings)
}

// decodeURL undoes percent signs. It refuses what does not print.
func decodeURL(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 > len(s) {
			return "", false
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), text.Printable(b.String())
}

// urlSettings reads the part behind the "?": each setting once, and none that
// would say elsewhere what shall stand in the URL.
func urlSettings(query string) (map[string]string, error) {
	settings := make(map[string]string)
	if query == "" {
		return settings, nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		key, raw, _ := strings.Cut(pair, "=")
		value, sound := decodeURL(raw)
		_, twice := settings[key]
		switch {
		case key == "password" || key == "sslpassword":
			return nil, fmt.Errorf("must hold no %s, as the policy is put on record in the ledger", key)
		case !slices.Contains(urlKeys(), key):
			return nil, fmt.Errorf("has the setting %s, which cannot stand here: one of %s", quote(key), strings.Join(urlKeys(), ", "))
		case twice:
			return nil, fmt.Errorf("sets %s twice", key)
		case !sound || value == "" || strings.ContainsAny(raw, "=+"): // some take "+" for a space
			return nil, fmt.Errorf("sets %s to nothing that can be read", key)
		}
		if err := checkSetting(key, value); err != nil {
			return nil, err
		}
		settings[key] = value
	}
	return settings, nil
}

// urlKeys are the settings that a URL may have. Services and their files are
// not among them, as they would say in another file what is trusted, and
// options and other parameters would change what the server does.
func urlKeys() []string {
	return []string{
		"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation", "passfile",
		"target_session_attrs", "connect_timeout", "channel_binding", "require_auth",
	}
}

// checkSetting checks one setting by itself.
func checkSetting(key, value string) error {
	switch key {
	case "sslrootcert", "sslcert", "sslkey", "passfile":
		if system := key == "sslrootcert" && value == "system"; !system && (!path.IsAbs(value) || path.Clean(value) != value) {
			return fmt.Errorf("needs an absolute, clean path for %s", key)
		}
	case "sslmode":
		return oneOf(key, value, "disable", "allow", "prefer", "require", "verify-ca", "verify-full")
	case "target_session_attrs": // the others lead to servers that take no lines
		return oneOf(key, value, "any", "read-write", "primary")
	case "connect_timeout":
		if n, err := strconv.ParseUint(value, 10, 16); err != nil || n == 0 {
			return errors.New("needs a number of seconds for connect_timeout")
		}
	}
	return nil
}

func oneOf(key, value string, values ...string) error {
	if slices.Contains(values, value) {
		return nil
	}
	return fmt.Errorf("needs for %s one of %s, not %s", key, strings.Join(values, ", "), quote(value))
}

// checkHosts checks that each server is named once, in the URL itself, and that
// its certificate is verified unless it is this host.
func checkHosts(written string, settings map[string]string) error {
	hosts, local := strings.Split(written, ","), true
	if list, ok := settings["host"]; ok {
		if written != "" {
			return errors.New("names its hosts twice, before the database and as host=")
		}
		hosts = strings.Split(list, ",")
	}
	for _, host := range hosts {
		here, err := checkHost(host, written == "")
		if err != nil {
			return err
		}
		local = local && here
	}
	if ports, ok := settings["port"]; ok {
		if written != "" {
			return errors.New("sets port= beside hosts that stand before the database: write HOST:PORT")
		}
		for port := range strings.SplitSeq(ports, ",") {
			if !validPort(port) {
				return errors.New("has a port that is none")
			}
		}
	}
	if !local && settings["sslmode"] != "verify-full" {
		return errors.New("leads over a network and needs sslmode=verify-full: without it anybody there can be the database")
	}
	return nil
}

// checkHost checks one server, HOST or HOST:PORT, bare if it is of host=, and
// reports whether it is this host.
func checkHost(written string, bare bool) (local bool, err error) {
	wrong := fmt.Errorf("names the host %s, which is none", quote(written))
	host := written
	if !bare {
		name, port, ok := strings.Cut(written[strings.LastIndexByte(written, ']')+1:], ":")
		host = written[:strings.LastIndexByte(written, ']')+1] + name
		if ok && !validPort(port) {
			return false, wrong
		}
		var sound bool
		if host, sound = decodeURL(host); !sound || strings.ContainsRune(host, ',') {
			return false, wrong
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok && !bare {
		if host, ok = strings.CutSuffix(inner, "]"); !ok || !strings.ContainsRune(host, ':') {
			return false, wrong
		}
	} else if !bare && strings.ContainsRune(host, ':') {
		return false, wrong
	}
	switch {
	case strings.HasPrefix(host, "/"):
		if path.Clean(host) != host {
			return false, wrong
		}
		return true, nil
	case host == "localhost" || host == "::1" || loopback(host):
		return true, nil
	case !hostName(host):
		return false, wrong
	}
	return false, nil
}

// loopback reports whether host is in 127.0.0.0/8 (RFC 1122, 3.2.1.3).
func loopback(host string) bool {
	parts := strings.Split(host, ".")
	for _, part := range parts {
		if n, err := strconv.ParseUint(part, 10, 8); err != nil || strconv.FormatUint(n, 10) != part {
			return false
		}
	}
	return len(parts) == 4 && parts[0] == "127"
}

// hostName reports whether host can be the name or the address of a server.
func hostName(host string) bool {
	for i := range len(host) {
		if c := host[i]; !alphanumeric(c) && c != '.' && c != '-' && c != '_' && c != ':' {
			return false
		}
	}
	return host != "" && len(host) <= 253 && host[0] != '-'
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n != 0 && strconv.FormatUint(n, 10) == port
}
