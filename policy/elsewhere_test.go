package policy

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Keys that ssh-keygen made, with the fingerprints that "ssh-keygen -l" prints.
const (
	keyStaging = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO9U+5pQwl4Znnmnn/cD2AotfX9vjHLAi+AO2iPaRAVr"
	keyNext    = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFTWEYy8Fs5nRnjFwP5JrA3TeWKBHD3ZfcZCW4U6YHNk"
	key256     = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFLUBERA8WvQFOGhyq32LwyIIlgriQlILMyrr9Y1WSXfeF5j/sDiDY7HhwCm1508t3ivKULQ4HeSXu/0Ho4zRAU="
	key384     = "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBHtRM05rSQ7QtF4U4Gyg7yNMVU55hsn9BnYZP88Z915WZK6cXjqKnyQLugA8AP+U9KiTWlCHhdj+Q4pipzZk+gCLI0nkFwuI1Up+Y2a18aZk5zgSJd6nA5tpkjYwt4fxHA=="
	key521     = "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAAP6BGpnNAx2M/hz5z8ZI87UB+W+VFrMw1f4ff7i7zsFrzpLSgQugHHn6KClQx4CjuYR9+NlGH1V/hj6aHwnVloBQAab1DHNYsyxXN3159M5UWj11xLJ1FRoFGtC6NkJYNkEAlygO2RXx/2HWqlFp7izziMbjPN6ZTuKYxL1W+173I0Gw=="
	keyRSA     = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCYmXqb6KJ9x7pIK8MgPSRz2QNffVaukguKwt65+0UdXEfpts0TImcqZxEhwW2QMCPWJNvQGYLB8Q0TJkrqI+9vMp4enL6oxI9HECKtPlRgF9lzZYDOpv9iDnPo76jET6xijpewWtCKhmVt/gaAn3HpmKbm07ryaKAY8k724BLCZQfAMhdXYoiQa1Y0WvtKLzhMygZKslGp/4hCk2V1z7lGoQOTkqOY8Zd7RiZmY/a+CODLMKUv0SWwh8lYjfnE+xQj2Ty5ve9BRhl69iZjaY6u3lXS6LgdvkD7i5Xwhi+tZuGc+TB2auRlVtlZtnmfZaQyZDxDFiUzKIHVcAxuBGrp"
	keySK      = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIO9U+5pQwl4Znnmnn/cD2AotfX9vjHLAi+AO2iPaRAVrAAAABHNzaDo="

	printStaging = "SHA256:QZao1pK9b0fq9ZCsSIFX2D49lXUADyXDyCP9+8sIVUQ"
)

// threeHosts is the policy of a production host.
const threeHosts = `version = 1
root = "/srv/git"
ledger = "/var/lib/pathgate"
identity.source = "ssh"

[environments.stg]
elsewhere = true
keys = [
  "` + keyStaging + ` stg-host",
  'valid-after="20260101",valid-before="202701021530Z" ` + keyNext + ` the next one',
]
revoked = ["` + printStaging + `"]
services = ["shop", "pay-*"]
max_age = "90d"

[environments.uat]
elsewhere = true
repository = "{service}/uat.git"
refs = ["refs/heads/main"]
keys = ["` + keyNext + `"]
services = ["*"]
max_age = "1h30m"

[environments.prd]
repository = "{service}/uat.git"
refs = ["refs/heads/main"]
after = ["stg", "uat"]
stamps = { key = "/etc/pathgate/prd.key" }
`

func TestParseElsewhere(t *testing.T) {
	p := mustParse(t, threeHosts)
	stg, _ := p.Environment("stg")
	want := &Elsewhere{
		Keys: []StampKey{
			{Key: keyStaging, Fingerprint: printStaging, Comment: "stg-host", Revoked: true},
			{Key: keyNext, Fingerprint: "SHA256:jsOD811JPLZ6T6r9yzSGhhsVs5FZZv2KyA7zP8mu57A", Comment: "the next one",
				From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2027, 1, 2, 15, 30, 0, 0, time.UTC)},
		},
		Services: []string{"shop", "pay-*"},
		MaxAge:   90 * 24 * time.Hour,
	}
	if !reflect.DeepEqual(stg.Elsewhere, want) || stg.Stamps != nil {
		t.Errorf("stg: %+v, want %+v", stg.Elsewhere, want)
	}
	uat, _ := p.Environment("uat")
	if uat.Elsewhere.MaxAge != 90*time.Minute || uat.Repository.String() != "{service}/uat.git" || len(uat.Refs) != 1 {
		t.Errorf("uat: %+v", uat)
	}
	prd, _ := p.Environment("prd")
	if prd.Elsewhere != nil || prd.Stamps == nil || prd.Stamps.Key != "/etc/pathgate/prd.key" || prd.RequiresOf(0) != RequiresSuccess {
		t.Errorf("prd: %+v", prd)
	}
	// uat is written as the same repository and ref as prd, and is on another host.
	site, ok := p.Site("shop/uat.git")
	if env, _ := site.Environment("refs/heads/main"); !ok || len(site.Environments) != 1 || env != prd {
		t.Errorf("site %+v, %v", site, ok)
	}
	if ends := p.Ends(); !slices.Equal(ends, []EnvironmentName{"prd"}) {
		t.Errorf("the path ends at %v", ends)
	}
}

// A day is 24 hours, wherever a length of time can stand.
func TestDays(t *testing.T) {
	for _, test := range []struct {
		text string
		want time.Duration
	}{
		{"1d", 24 * time.Hour}, {"90d", 2160 * time.Hour}, {"100000d", 2400000 * time.Hour}, {"36h", 36 * time.Hour},
		{"100001d", 0}, {"99999999999999999999d", 0}, {"d", 0}, {"-1d", 0}, {"+1d", 0}, {"1.5d", 0}, {"1d12h", 0}, {"1 d", 0}, {"1D", 0},
	} {
		d, err := parseDuration(test.text)
		if d != test.want || (err == nil) != (test.want != 0) {
			t.Errorf("%q = %v, %v; want %v", test.text, d, err, test.want)
		}
	}
	p := mustParse(t, strings.TrimSuffix(issuePolicy, "\n")+"\nsoak = \"2d\"\n")
	if prd, _ := p.Environment("prd"); prd.Soak != 48*time.Hour {
		t.Errorf("soak = %v", prd.Soak)
	}
}

func TestSpeaks(t *testing.T) {
	for _, test := range []struct {
		services string
		service  Service
		want     bool
	}{
		{"*", "shop", true}, {"*", "", false}, {"shop", "shop", true}, {"shop", "shop2", false}, {"shop", "Shop", false},
		{"sh*", "shop", true}, {"sh*", "sh", true}, {"sh*", "s", false}, {"pay sh*", "shop", true}, {"pay pay-*", "shop", false},
	} {
		e := &Elsewhere{Services: strings.Fields(test.services)}
		if got := e.Speaks(test.service); got != test.want {
			t.Errorf("%q speaks for %q: %v", test.services, test.service, got)
		}
	}
	if (&Elsewhere{}).Speaks("shop") {
		t.Error("nothing speaks for a service")
	}
}

// What stamps shall tell: of any repository and ref where the policy says none,
// of nothing where the keys may not speak for the service.
func TestNeedsElsewhere(t *testing.T) {
	p := mustParse(t, threeHosts)
	prd, _ := p.Environment("prd")
	commit := commit("a")
	main := []RefPattern{ref(t, "refs/heads/main")}
	for _, test := range []struct {
		service Service
		want    []Lookup
	}{
		{"shop", []Lookup{
			{Service: "shop", Environment: "stg", Commit: commit, Elsewhere: true},
			{Service: "shop", Environment: "uat", Repository: "shop/uat.git", Refs: main, Commit: commit, Elsewhere: true},
		}},
		{"web", []Lookup{
			{Service: "web", Environment: "stg", Refs: []RefPattern{{}}, Commit: commit, Elsewhere: true},
			{Service: "web", Environment: "uat", Repository: "web/uat.git", Refs: main, Commit: commit, Elsewhere: true},
		}},
	} {
		site, _ := p.Site(string(test.service) + "/uat.git")
		got := p.Needs(site, prd, Update{Ref: "refs/heads/main", New: commit, Commit: commit})
		if !reflect.DeepEqual(got.Prior, test.want) || got.Here.Elsewhere {
			t.Errorf("%s: needs %+v, want %+v", test.service, got.Prior, test.want)
		}
	}
	if (RefPattern{}).Match("refs/heads/main") || (RefPattern{}).Match("") {
		t.Error("the zero pattern matches a ref")
	}
}

func TestStampKeys(t *testing.T) {
	for key, want := range map[string]string{
		keyStaging: printStaging,
		key256:     "SHA256:op0ZY4RsmGY+35gjwB8/ZsE5zqtellCm1bStrmR1MlQ",
		key384:     "SHA256:CMM4PZD9QxXDE18KNoj7+frsigvPT75TxFTTZySY4K4",
		key521:     "SHA256:7MCqMerwYLrIdqAKY5WyXPuk3ofPigeGMgxrczHgWck",
		keyRSA:     "SHA256:xGV82J1QuYy+WeteoWPZDu28rsF2zKcXSCuXm2+pei4",
		keySK:      "SHA256:8aQOWaENhCVMqDabpkUStepoAGlV47w8CPLJfkUe+ok",
	} {
		got, _, err := parseStampKey("  " + key + "   ana's key, \"new\"")
		if err != nil || got.Key != key || got.Fingerprint != want {
			t.Errorf("%s: %+v, %v", key, got, err)
		}
		// A key of which a part is missing, or to which something was added, is none.
		for cut := range len(key) {
			if _, _, err := parseStampKey(key[:cut]); err == nil {
				t.Errorf("%s: its first %d bytes are a key, too", key, cut)
			}
		}
		if _, _, err := parseStampKey(strings.TrimRight(key, "=") + "AAAA"); err == nil {
			t.Errorf("%s: a key with more behind it", key)
		}
	}
}

func TestKeyTime(t *testing.T) {
	for text, want := range map[string]string{
		"20260102": "2026-01-02T00:00:00Z", "20260102Z": "2026-01-02T00:00:00Z", "202601021504": "2026-01-02T15:04:00Z",
		"202601021504Z": "2026-01-02T15:04:00Z", "20260102150405": "2026-01-02T15:04:05Z", "20260102150405Z": "2026-01-02T15:04:05Z",
		"20240229": "2024-02-29T00:00:00Z", "20260229": "", "20261301": "", "20260100": "", "2026010224": "", "202601022400": "",
		"2026010215040": "", "2026-01-02": "", "20260102ZZ": "", "": "", "Z": "", "+2260102": "", "20260102T504": "", "2026010215.5": "",
	} {
		got, ok := keyTime(text)
		if ok != (want != "") || ok && got.Format(time.RFC3339) != want {
			t.Errorf("%q = %v, %v; want %s", text, got, ok, want)
		}
	}
}

func FuzzStampKey(f *testing.F) {
	for _, key := range []string{keyStaging, key256, key384, key521, keyRSA, keySK} {
		f.Add(key + " comment")
		f.Add(`valid-after="20260101",valid-before="20270101" ` + key)
	}
	f.Fuzz(func(t *testing.T, line string) {
		key, wire, err := parseStampKey(line)
		if err != nil {
			return
		}
		again, same, err := parseStampKey(key.Key)
		if err != nil || same != wire || again.Fingerprint != key.Fingerprint || len(key.Fingerprint) != len(printStaging) {
			t.Fatalf("%q: %+v, then %+v, %v", line, key, again, err)
		}
	})
}

// checkRemote checks what every environment elsewhere has.
func checkRemote(t *testing.T, p *Policy, e *Environment) {
	r := e.Elsewhere
	if len(r.Keys) == 0 || len(r.Services) == 0 || r.MaxAge <= 0 || len(e.After) != 0 || e.Stamps != nil || e.Deploy != nil || len(e.Freezes) != 0 {
		t.Fatalf("%s: %+v, %+v", e.Name, e, r)
	}
	if site, ok := p.Site(e.Repository.Path("shop")); ok && slices.Contains(site.Environments, e) {
		t.Fatalf("%s belongs to %+v", e.Name, site)
	}
}
