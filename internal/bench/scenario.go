package main

import (
	"fmt"
	"slices"
	"strings"
)

// Sizes say how much is measured of what.
type sizes struct {
	pushes  int // timed pushes of each kind
	few     int // entries of the smaller ledger
	many    int // entries of the larger ledger
	objects int // objects of the large repository
	refs    int // refs of one push
	pushers int // pushers at once
	jobs    int // timed release jobs of each kind that clone
}

func fullSizes(pushes int) sizes {
	return sizes{pushes: pushes, few: 1_000, many: 1_000_000, objects: 200_000, refs: 1_000, pushers: 16, jobs: 12}
}

func quickSizes() sizes {
	return sizes{pushes: 2, few: 20, many: 200, objects: 400, refs: 120, pushers: 3, jobs: 2}
}

// Rounds of pushes beside the timed ones.
const (
	warmups = 1
	usages  = 3 // for memory and time of each hook
	traces  = 1
)

func (s sizes) rounds() int { return warmups + s.pushes + usages + traces }

// A scenario is the situation that pushes are made in.
type scenario struct {
	name    string
	title   string
	entries int // of the ledger, and lines of the bash gate's log, beforehand
	objects int // of the repository beforehand, in one pack with a commit-graph
	refs    int // in one push
	pushers int // at once, each to a repository of its own
}

func scenarios(s sizes) []scenario {
	return []scenario{
		{name: "small", title: "small repository, new ledger", refs: 1, pushers: 1},
		{name: "ledger-1k", title: fmt.Sprintf("ledger of %d entries", s.few), entries: s.few, refs: 1, pushers: 1},
		{name: "ledger-1m", title: fmt.Sprintf("ledger of %d entries", s.many), entries: s.many, refs: 1, pushers: 1},
		{name: "large", title: fmt.Sprintf("repository of %d objects", s.objects), objects: s.objects, refs: 1, pushers: 1},
		{name: "refs-1000", title: fmt.Sprintf("%d refs in one push", s.refs), refs: s.refs, pushers: 1},
		{name: "pushers-16", title: fmt.Sprintf("%d pushers at once, until the last is done", s.pushers), refs: 1, pushers: s.pushers},
		{name: guarded, title: "small repository, with and without guard rails, signed commits", refs: 1, pushers: 1},
		{name: shared + "-1k", title: fmt.Sprintf("ledger of %d entries in PostgreSQL", s.few), entries: s.few, refs: 1, pushers: 1},
		{name: shared + "-1m", title: fmt.Sprintf("ledger of %d entries in PostgreSQL", s.many), entries: s.many, refs: 1, pushers: 1},
		{name: shared + "-16", title: fmt.Sprintf("PostgreSQL, %d pushers at once, until the last is done", s.pushers), entries: s.few, refs: 1, pushers: s.pushers},
		{name: released, title: fmt.Sprintf("releases into a repository of %d objects", s.objects), objects: s.objects, refs: 1, pushers: 1},
	}
}

// choose takes the scenarios named in a comma-separated list, all but those of
// shared ledgers, which need a server, if it is empty. "shared" is all of these.
func choose(s sizes, names string) ([]scenario, error) {
	all := scenarios(s)
	if names == "" {
		return slices.DeleteFunc(all, func(one scenario) bool { return isShared(one.name) }), nil
	}
	var out []scenario
	for name := range strings.SplitSeq(names, ",") {
		found := false
		for _, one := range all {
			if one.name == name || name == shared && isShared(one.name) {
				out, found = append(out, one), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no scenario %q", name)
		}
	}
	return out, nil
}

// variants are what the scenario compares.
func (s scenario) variants() []variant {
	switch {
	case s.name == guarded:
		return guardedVariants()
	case s.name == released:
		return releaseVariants()
	case isShared(s.name):
		return sharedVariants()
	}
	return variants()
}

// The steps of a round, and what is pushed between them without being timed.
const (
	deploy   = "deploy"
	promote  = "promote"
	approval = "approval"
)

// steps are what each variant does in a round.
func (s scenario) steps() []string {
	switch {
	case s.name == released:
		return releaseSteps()
	case s.refs > 1 || s.pushers > 1:
		return []string{deploy}
	}
	return []string{deploy, promote}
}

// The environments' refs: release branches in one repository.
const (
	devRef = "refs/heads/release/dev"
	stgRef = "refs/heads/release/stg"

	approveRef = "refs/approve/release/stg"
)

// refspecs are what a step pushes of a round's commits.
func (s scenario) refspecs(step string, commits []string) []string {
	switch {
	case step == promote:
		return []string{commits[0] + ":" + stgRef}
	case step == approval:
		return []string{commits[0] + ":" + approveRef}
	case s.refs == 1:
		return []string{commits[0] + ":" + devRef}
	}
	out := make([]string, len(commits))
	for i, id := range commits {
		out[i] = fmt.Sprintf("%s:refs/heads/branch-%04d", id, i)
	}
	return out
}

// policy is the policy file that the scenario needs. Its verbs are the root
// and the ledger's folder.
func (s scenario) policy(root, ledger string) string {
	if s.name == released {
		return releasePolicy(root, ledger)
	}
	text := fmt.Sprintf("version = 1\nroot = %q\nledger = %q\n\n[identity]\nsource = %q\n\n"+
		"[environments.dev]\nrepository = \"{service}/app.git\"\n", root, ledger, "env:"+identity)
	if s.refs > 1 {
		return text + "refs = [\"refs/heads/*\"]\n"
	}
	return text + fmt.Sprintf("refs = [%q]\n\n[environments.stg]\nrepository = \"{service}/app.git\"\n"+
		"refs = [%q]\nafter = [\"dev\"]\n", devRef, stgRef)
}
