package setup

import (
	"strings"
	"testing"
	"time"
)

// TestDoctorElsewhere finds what keeps stamps of another host's environment from
// counting.
func TestDoctorElsewhere(t *testing.T) {
	s := healthy(t)
	const keys = `keys = ['valid-before="20990101" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFTWEYy8Fs5nRnjFwP5JrA3TeWKBHD3ZfcZCW4U6YHNk']`
	text := s.read(s.o.PolicyPath)
	at := strings.Index(text, "[environments.prd]")
	text = strings.Replace(text[:at]+"[environments.stg]\nelsewhere = true\n"+keys+"\nservices = [\"*\"]\nmax_age = \"90d\"\n"+text[at:],
		"after = [\"dev\"]", "after = [\"dev\", \"stg\"]", 1)
	s.write("policy.toml", text, 0o644)
	s.reload()
	f, ok := look(s.doctor(), "no stamp of stg of shop is known here")
	if !ok || f.Severity != Warn || f.Mend != "pathgate sync stg --service shop --from URL, or a push that brings stamps" {
		t.Errorf("found:\n%s", render(s.doctor()))
	}
	s.o.Now = func() time.Time { return time.Date(2098, 12, 20, 0, 0, 0, 0, time.UTC) }
	if f, ok := look(s.doctor(), "expires in 12d, 2099-01-01 00:00 UTC"); !ok || f.Severity != Warn || !strings.HasPrefix(f.Mend, "ask for the public key that stg signs with now") {
		t.Errorf("found:\n%s", render(s.doctor()))
	}
	s.o.Now = func() time.Time { return time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC) }
	if f, ok := look(s.doctor(), "no key of stg counts"); !ok || f.Severity != Fail {
		t.Errorf("found:\n%s", render(s.doctor()))
	}
	if p := patterns(s.o.Policy); strings.HasPrefix(p, ",") || strings.Contains(p, ", ,") {
		t.Errorf("patterns %q", p)
	}
}
