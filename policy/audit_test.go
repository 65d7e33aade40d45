package policy

import (
	"fmt"
	"strings"
	"testing"
)

func TestAudit(t *testing.T) {
	if p := mustParse(t, issuePolicy); p.Audit != nil {
		t.Errorf("without the table: %+v", p.Audit)
	}
	p := mustParse(t, issuePolicy+"[audit]\nfile = \"/var/log/pathgate/audit.jsonl\"\n")
	if a := p.Audit; a == nil || a.File != "/var/log/pathgate/audit.jsonl" || a.Required || a.Journald ||
		a.Syslog != (SyslogAddress{}) || a.Facility != 10 || a.Place.Line == 0 {
		t.Errorf("a file alone: %+v", p.Audit)
	}
	p = mustParse(t, issuePolicy+"[audit]\nsyslog = \"unix\"\nfacility = \"local0\"\njournald = true\nrequired = true\n")
	if a := p.Audit; !a.Required || !a.Journald || a.Syslog != (SyslogAddress{"unix", "/dev/log"}) || a.Facility != 16 {
		t.Errorf("syslog and journald: %+v", p.Audit)
	}
}

func TestSyslogAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"unix":                        "unix /dev/log",
		"unix:///run/pathgate/syslog": "unix /run/pathgate/syslog",
		"udp://logs":                  "udp logs:514",
		"udp://logs.example.com:1514": "udp logs.example.com:1514",
		"udp://192.0.2.7:514":         "udp 192.0.2.7:514",
		"udp://[2001:db8::7]":         "udp [2001:db8::7]:514",
		"udp://[fe80::7%eth0]:1514":   "udp [fe80::7%eth0]:1514",
	} {
		p := mustParse(t, issuePolicy+fmt.Sprintf("[audit]\nsyslog = %q\n", text))
		if got := p.Audit.Syslog.Network + " " + p.Audit.Syslog.Address; got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{
		"", "udp", "udp://", "udp://:514", "udp://logs:", "udp://logs:0", "udp://logs:65536", "udp://logs:+514",
		"udp://logs:0514", "udp://2001:db8::7", "udp://[2001:db8::7", "udp://[logs]:514", "udp://[]:514",
		"udp://user@logs", "udp://logs/path", "udp://lo gs", "udp://-logs", "tcp://logs:514", "unix:", "unix://", "unix:///",
		"unix://run/log", "unix:///run/../log", "UNIX", "unix:///" + strings.Repeat("a", 110),
	} {
		if _, err := Parse("policy.toml", []byte(issuePolicy+fmt.Sprintf("[audit]\nsyslog = %q\n", text))); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
