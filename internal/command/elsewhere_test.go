package command

import (
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/setup"
)

const stampPolicy = `
[environments.stg]
elsewhere = true
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO9U+5pQwl4Znnmnn/cD2AotfX9vjHLAi+AO2iPaRAVr stg-host",
  'valid-before="20270101" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFTWEYy8Fs5nRnjFwP5JrA3TeWKBHD3ZfcZCW4U6YHNk']
revoked = ["SHA256:QZao1pK9b0fq9ZCsSIFX2D49lXUADyXDyCP9+8sIVUQ"]
services = ["shop", "pay-*"]
max_age = "90d"
[environments.live]
repository = "{service}/live.git"
refs = ["refs/heads/main"]
after = ["stg"]
stamps = { key = "DIR/stamp.key" }
`

// elsewhereSite is a rail site on which live comes after stg, which is on
// another host.
func elsewhereSite(t *testing.T) *railSite {
	s := newRailSite(t)
	text := strings.NewReplacer("DIR", s.dir, "USER", setup.OperatingUser()).Replace(railPolicy)
	at := strings.Index(text, "[[freeze]]")
	s.write(text[:at] + strings.ReplaceAll(stampPolicy, "DIR", s.dir) + text[at:])
	return s
}

// TestCheckElsewhere says what may speak for an environment elsewhere, and which
// key signs here.
func TestCheckElsewhere(t *testing.T) {
	s := elsewhereSite(t)
	s.says(0, "check", "stg          elsewhere", "\n  elsewhere  on another host, whose signed stamps tell of it\n",
		"\n  key        SHA256:QZao1pK9b0fq9ZCsSIFX2D49lXUADyXDyCP9+8sIVUQ, stg-host, revoked\n",
		"SHA256:jsOD811JPLZ6T6r9yzSGhhsVs5FZZv2KyA7zP8mu57A, ", "2027-01-01 00:00 UTC\n",
		"\n  services   shop, pay-*\n", "\n  max_age    90d\n", "  stamps    signed with "+s.dir+"/stamp.key, which cannot be read here\n")
	s.says(0, "stamp keygen "+s.dir+"/stamp.key")
	s.says(0, "check", "  stamps    signed with SHA256:")
	s.says(0, "check --format json", `"fingerprint": "SHA256:jsOD811JPLZ6T6r9yzSGhhsVs5FZZv2KyA7zP8mu57A"`, `"comment": "stg-host"`, `"public": "ssh-ed25519 `,
		`"max_age": "2160h0m0s"`)
}

// TestVerbsElsewhere names an environment of another host to each verb that takes
// one.
func TestVerbsElsewhere(t *testing.T) {
	s := elsewhereSite(t)
	s.says(1, "lock stg --reason INC-7", "stg is on another host: lock it there")
	s.says(1, "lock stg --ref main --reason INC-7", "stg is on another host: lock it there")
	s.says(1, "unlock stg --ref main", "there is no lock on main in stg of every service")
	s.says(1, "report stg "+s.commit+" success --service shop", "stg is on another host: report it there")
	none := s.says(1, "explain stg "+s.commit+" --service shop", "stg is on another host: what it would take is decided there\n",
		"no stamp of "+s.commit[:7]+" in stg is known here\n")
	if strings.Contains(none, "outcome") {
		t.Errorf("without a stamp:\n%s", none)
	}
	s.says(1, "explain stg "+s.commit+" --service shop --ref main --format json", `"counts": false`)
	s.says(2, "explain stg HEAD --service shop", "means another commit in each repository")

	e := stamped(t, ledger.KindDeployed, s.commit, ledger.Entry{Type: ledger.TypeDeployed, Commit: s.commit, Kind: "deploy", Deploy: ledger.DeployExternal})
	s.append(e)
	s.says(0, "explain stg "+s.commit+" --service shop --format json", `"pending": true`, `"counts": true`, `"origin": "`+e.Origin+`"`)
	s.says(0, "explain stg "+s.commit[:12]+" --service shop", `"fix the till" was deployed there 2026-11-21 09:14 UTC by ana, record `,
		"\n  outcome  not known here: a stamp of it is still to come\n", "\n  live     yes, as far as stamps tell\n", ", of 90d that a stamp counts\n",
		"\nit counts here: what comes after stg may rest on it\n")
	s.says(1, "explain stg "+s.commit+" --service shop --ref other", "no stamp of ")
	s.says(1, "evidence --service shop --environment stg --from 2020-01-01 --to 2030-01-01 --out "+s.dir+"/pack", "it is on another host, whose ledger has that")
	s.says(0, "metrics --environment stg", "note: stg is on another host")
	s.says(0, "log --environment stg", "note: stg is on another host")
	s.says(0, "status shop", "stamps: shop stg: ")
	s.says(0, "board --out "+s.dir+"/board")
}

// TestStatusDoubts warns of stamps that do not count.
func TestStatusDoubts(t *testing.T) {
	s := elsewhereSite(t)
	s.deployed(ledger.Entry{Environment: "dev", Commit: s.commit, Kind: "deploy"})
	s.says(0, "status shop", "warning: no stamp of stg of shop is known here: a push that rests on it is refused, unless it brings one that counts\n"+
		"  mend: pathgate sync stg --service shop --from URL, or a push that brings stamps\n")
	s.says(0, "status --format json", `"elsewhere": true`, `"what": "no stamp of stg of shop is known here"`)
	old := stamped(t, ledger.KindDeployed, s.commit, ledger.Entry{Type: ledger.TypeDeployed, Commit: s.commit, Kind: "deploy"})
	s.append(old)
	out := s.says(0, "status shop")
	if strings.Contains(out, "no stamp of") {
		t.Errorf("there is one:\n%s", out)
	}
	var at strings.Builder
	a := &app{stdout: &at, stderr: &at, policyFlag: s.policy, getenv: func(string) string { return "" },
		now: func() time.Time { return time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC) }}
	if err := a.runStatus(t.Context(), "shop", "table"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"warning: the newest stamp of stg of shop is 99d", "and a stamp counts for 90d: ", "if that has none that is newer, deploy again there\n",
		"warning: no key of stg counts: each is revoked, has expired or is not valid yet: no new stamp of it is taken\n  mend: ask for the public key that stg signs with now, and put it into keys, "} {
		if !strings.Contains(at.String(), want) {
			t.Errorf("%q is not in:\n%s", want, at.String())
		}
	}
	fork := stamped(t, ledger.KindFork, s.commit, ledger.Entry{Type: ledger.TypeDeployed, Commit: s.commit, Kind: "promote"})
	fork.Reason = "it has two lines of number 118"
	s.append(fork)
	s.says(0, "status shop", "warning: the ledger of stg of shop, 0a1b2c3d, contradicts itself, record ", "--accept ID --reason TEXT\n")
}
