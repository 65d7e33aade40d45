package policy

import (
	"slices"
	"strconv"
	"strings"
)

// An Audit is the table [audit]: where the ledger's lines go beside the ledger.
// What is not set is off; at least one of Syslog, Journald and File is set.
type Audit struct {
	// Syslog is the receiver of RFC 5424 messages.
	Syslog SyslogAddress
	// Facility is the code of the messages' facility (RFC 5424, 6.2.1).
	Facility int
	// Journald is whether systemd's journal gets the lines.
	Journald bool
	// File is the absolute path of a file that gets a copy of each line.
	File string
	// Required is whether a push is refused if a sink does not take its lines.
	Required bool
	// Place is where the table stands in the file.
	Place Place
}

// A SyslogAddress is where datagrams go: to a socket of this host or to a port
// of another. The zero value is nowhere.
type SyslogAddress struct {
	// Network is "unix" or "udp", as in net.Dial; empty: nowhere.
	Network string
	// Address is the absolute path of the socket, or host:port.
	Address string
}

// defaultSocket is where syslog(3) sends to.
const defaultSocket = "/dev/log"

// defaultFacility is that of messages about who may do what, which systems
// keep from other users.
const defaultFacility = "authpriv"

// facilities are the names that syslog.conf(5) has for the codes from 0 on.
func facilities() []string {
	return []string{
		"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
		"ntp", "security", "console", "clock",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	}
}

// audit reads the table [audit].
func (s *source) audit(root *node, p *Policy) {
	n := s.subtable(root, "audit", "audit")
	if n == nil {
		return
	}
	a := &Audit{
		Facility: s.facility(n),
		Journald: s.boolean(n, "journald", false),
		Required: s.boolean(n, "required", false),
		Place:    s.place(n.at),
	}
	if k := n.kid("syslog"); k != nil {
		a.Syslog = s.syslog(k)
	}
	if k := n.kid("file"); k != nil {
		a.File = s.auditFile(k, p.folder())
	}
	if n.kid("syslog") == nil && n.kid("file") == nil && !a.Journald {
		s.fail(n.at, "%s names no sink: set syslog, journald or file", n.path())
	}
	if k := n.kid("facility"); k != nil && n.kid("syslog") == nil && !a.Journald {
		s.fail(k.at, "facility has no meaning without syslog or journald")
	}
	p.Audit = a
}

func (s *source) facility(t *node) int {
	names := facilities()
	code := slices.Index(names, defaultFacility)
	n := t.kid("facility")
	if n == nil {
		return code
	}
	if v, ok := s.str(n); ok {
		if code = slices.Index(names, v); code < 0 {
			s.fail(n.value, "unknown facility %s: one of %s", quote(v), strings.Join(names, ", "))
		}
	}
	return code
}

// auditFile reads the path of a file. In the ledger's folder it could be one
// of the ledger's own.
func (s *source) auditFile(n *node, ledger string) string {
	v, ok := s.str(n)
	if !ok {
		return ""
	}
	s.absolute(n, v)
	if ledger != "" && strings.HasPrefix(v+"/", ledger+"/") {
		s.fail(n.value, "%s must not lie in the ledger's folder", n.path())
	}
	return v
}

// syslog reads "unix", "unix:///PATH" or "udp://HOST[:PORT]".
func (s *source) syslog(n *node) SyslogAddress {
	v, ok := s.str(n)
	if !ok {
		return SyslogAddress{}
	}
	if v == "unix" {
		return SyslogAddress{"unix", defaultSocket}
	}
	if socket, ok := strings.CutPrefix(v, "unix://"); ok {
		s.absolute(n, socket)
		if len(socket) > maxSocket {
			s.fail(n.value, "the path of a socket has at most %d bytes", maxSocket)
		}
		return SyslogAddress{"unix", socket}
	}
	if rest, ok := strings.CutPrefix(v, "udp://"); ok {
		if address := hostPort(rest); address != "" {
			return SyslogAddress{"udp", address}
		}
	}
	s.fail(n.value, `%s must be "unix", "unix:///PATH" or "udp://HOST:PORT", not %s`, n.path(), quote(v))
	return SyslogAddress{}
}

// maxSocket is what fits into an address of a socket (unix(7)), with a zero.
const maxSocket = 107

// hostPort checks HOST, HOST:PORT, [IPV6] or [IPV6]:PORT and returns it with a
// port, 514 if it has none (RFC 5426, 3.3); empty if it is none of these.
func hostPort(s string) string {
	host, port := s, "514"
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return ""
	}
	allowed := func(c byte) bool { return alphanumeric(c) || c == '.' || c == '-' || c == '_' }
	name := host
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		if !ok || !strings.Contains(inner, ":") {
			return ""
		}
		name = inner
		allowed = func(c byte) bool { return alphanumeric(c) || c == '.' || c == ':' || c == '%' }
	}
	if name == "" || len(name) > 253 || name[0] == '-' {
		return ""
	}
	for i := range len(name) {
		if !allowed(name[i]) {
			return ""
		}
	}
	return host + ":" + port
}
