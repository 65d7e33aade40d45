package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Rules are the guard rails in the policy of a lane.
type rules int

const (
	noRules     rules = iota
	ledgerRules       // all that pathgate judges by the policy, the ledger and the clock
	gitRules          // those, and all that read commits
)

// guarded is the scenario that compares pathgate with and without rules.
const guarded = "rails"

// approver is who approves a promotion: anybody but the pusher.
const approver = "bo"

// signersFile is the list of allowed signers, in the scenario's folder.
const signersFile = "allowed_signers"

// guardedVariants are the variants of the scenario "rails".
func guardedVariants() []variant {
	return []variant{
		{noHooks, func(*workshop, string, *lane) error { return nil }},
		{noOp, installNoOp},
		{product, installPathgate},
		{railed, func(w *workshop, root string, l *lane) error {
			l.rules = ledgerRules
			return installPathgate(w, root, l)
		}},
		{railedGit, func(w *workshop, root string, l *lane) error {
			l.rules = gitRules
			return installPathgate(w, root, l)
		}},
	}
}

// railsPolicy is the policy with every guard rail on that a push of the bench
// satisfies. No lock is held and no freeze is on, but both are looked for. In
// front of stg stand soak time and an approval, which approve gives. As one
// repository holds both environments, dev's ref is the branch that must
// contain what is promoted.
func railsPolicy(root, ledger string, r rules, signers string, now time.Time) string {
	var dev, stg string
	if r == gitRules {
		dev = fmt.Sprintf("ticket = \"[A-Z]+-[0-9]+\"\nsigned = { allowed_signers = %q }\nfast_forward = true\n", signers)
		stg = dev + fmt.Sprintf("branches = [%q]\n", devRef)
	}
	head := fmt.Sprintf("version = 1\nroot = %q\nledger = %q\n\n[identity]\nsource = %q\n", root, ledger, "env:"+identity)
	return head + `
[identity.aliases]
bench = ["bench.b", "bench@corp"]

[groups]
release = ["bench", "` + approver + `", "chi"]
oncall = ["dan"]

[environments.dev]
repository = "{service}/app.git"
refs = ["` + devRef + `"]
pushers = ["@release", "@oncall"]
` + dev + `
[environments.stg]
repository = "{service}/app.git"
refs = ["` + stgRef + `"]
after = ["dev"]
requires = "accepted"
pushers = ["@release", "@oncall"]
soak = "1ms"
approvals = { count = 1, by = ["@release"], self = false, for = "24h" }
applies_to_rollback = ["pushers", "locks"]
` + stg + `
[[freeze]]
name = "weekly"
environments = ["dev", "stg"]
` + fmt.Sprintf("weekly = { from = \"%s 16:00\", to = \"%s 07:00\", zone = \"Europe/Berlin\" }\n",
		weekday(now, 3), weekday(now, 4)) + `
[[freeze]]
name = "a year's end"
environments = ["dev", "stg"]
from = 2020-12-20T00:00:00
to = 2021-01-04T08:00:00
zone = "Europe/Berlin"

[override]
by = ["@oncall"]
environments = ["dev", "stg"]
`
}

// weekday names the day that is so many days away.
func weekday(now time.Time, days int) string { return now.AddDate(0, 0, days).Format("Mon") }

// approve gives the approvals that a step of a lane will need. They are pushes
// of their own that nobody times.
func (w *workshop) approve(l *lane, step string, round int) error {
	if l.rules == noRules || step != promote {
		return nil
	}
	// A launcher that stands around the hooks wants to write somewhere.
	_, err := w.push(l, approval, round, identity+"="+approver, "PATHGATE_BENCH_USAGE="+os.DevNull)
	return err
}

// signCommits makes the source's commits anew, each with a ticket in its
// message and signed with a plain Ed25519 key, and lists the key in the
// scenario's folder.
func (w *workshop) signCommits(src *source) error {
	dir := filepath.Dir(src.dir)
	key := filepath.Join(dir, "signer")
	if err := w.git.run(dir, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", key); err != nil {
		return err
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		return err
	}
	list := "bench@example.com " + string(public)
	if err := os.WriteFile(filepath.Join(dir, signersFile), []byte(list), 0o644); err != nil {
		return err
	}
	var parent []string
	for round, commits := range src.commits {
		args := append([]string{"-c", "gpg.format=ssh", "-c", "user.signingKey=" + key, "commit-tree", "-S",
			"-m", fmt.Sprintf("APP-%d: release %d", round+1, round)}, parent...)
		id, err := w.git.line(src.dir, append(args, commits[0]+"^{tree}")...)
		if err != nil {
			return fmt.Errorf("sign commit %d: %w", round, err)
		}
		commits[0], parent = id, []string{"-p", id}
	}
	return nil
}

// railAims holds pathgate with rules against pathgate without.
func (r *report) railAims() []aim {
	var out []aim
	for _, one := range r.Rows {
		if one.Variant != railed && one.Variant != railedGit {
			continue
		}
		if bare, ok := r.find(one.Scenario, one.Step, product); ok {
			ratio := one.P50 / bare.P50
			what := fmt.Sprintf("%s %s: %s at most 1.10 of pathgate", one.Scenario, one.Step, one.Variant)
			out = append(out, aim{what, ratio <= aimRules, fmt.Sprintf("%.2f", ratio)})
		}
	}
	return out
}
