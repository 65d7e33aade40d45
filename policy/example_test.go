package policy_test

import (
	"fmt"

	"github.com/pathgate/pathgate/policy"
)

const threeRepositories = `version = 1
root = "/srv/git"              # patterns below are relative to it
unlisted = "refuse"            # or "allow": a repository under root that no environment matches
ledger = "/var/lib/pathgate"   # folder of ledger.jsonl and index.db

[identity]
source = "ssh"                 # ssh (variable set by a forced command), http, gitolite, gitea, gitlab, softserve, gogs, bitbucket, github, or env:NAME

[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]

[environments.stg]
repository = "{service}/stg.git"
refs = ["refs/heads/main"]
after = ["dev"]

[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["stg"]                # after_match = "all" (default) or "any" when there are several
rollback = "deployed"          # or "none": to a commit that this environment had deployed before
`

func ExampleParse() {
	p, err := policy.Parse("/etc/pathgate/policy.toml", []byte(threeRepositories))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range p.Environments {
		fmt.Println(e.Name, e.Repository, e.Refs, e.After)
	}
	prd, _ := p.Environment("prd")
	fmt.Println(prd.RulePlace("after"))
	// Output:
	// dev {service}/dev.git [refs/heads/main] []
	// stg {service}/stg.git [refs/heads/main] [dev]
	// prd {service}/prd.git [refs/heads/main] [stg]
	// environments.prd.after, policy.toml:21
}

func ExampleErrors() {
	_, err := policy.Parse("policy.toml", []byte(`version = 1
root = "/srv/git"
Ledger = "/var/lib/pathgate"
ledger = "/var/lib/pathgate"
identity.source = "ssh"

[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["stg"]
`))
	for _, e := range err.(policy.Errors) {
		fmt.Println(e)
		fmt.Println(e.Excerpt())
	}
	// Output:
	// policy.toml:3:1: unknown key Ledger: letter case counts, write ledger
	// Ledger = "/var/lib/pathgate"
	// ^
	// policy.toml:10:10: unknown environment "stg"
	// after = ["stg"]
	//          ^
}

// A push to prd: what does the policy want to know, and what does it say?
func ExampleEvaluate() {
	p, err := policy.Parse("policy.toml", []byte(threeRepositories))
	if err != nil {
		fmt.Println(err)
		return
	}
	const commit = "3f9c2ab51a1c8177b0e1d3f9c2ab51a1c8177b0e"
	u := policy.Update{Ref: "refs/heads/main", New: commit, Commit: commit}
	site, _ := p.Site("shop/prd.git")
	env, _ := site.Environment(u.Ref)

	needs := p.Needs(site, env, u)
	facts := policy.Facts{Fetched: true} // here a ledger would answer the needs
	for _, prior := range needs.Prior {
		fmt.Println("is it standing in", prior.Repository)
		facts.Prior = append(facts.Prior, policy.PriorFacts{Environment: prior.Environment})
	}
	d := policy.Evaluate(env, u, facts)
	fmt.Println(d.Allowed, d.Kind, d.Verdicts[0].Code, "by", d.Verdicts[0].RulePlace())

	facts.Prior[0].Standing.Record = 118
	d = policy.Evaluate(env, u, facts)
	fmt.Println(d.Allowed, d.Kind, d.Evidence)
	// Output:
	// is it standing in shop/stg.git
	// false promote prior-not-deployed by environments.prd.after, policy.toml:21
	// true promote [118]
}

func ExampleRefPattern() {
	p, err := policy.ParseRefPattern("refs/heads/release/*")
	fmt.Println(p.Match("refs/heads/release/eu/1"), p.Match("refs/heads/Release/eu"), p.MatchFold("refs/heads/Release/eu"), err)
	// Output: true false true <nil>
}

func ExampleRepositoryPattern() {
	p, err := policy.ParseRepositoryPattern("prd/{service}.git")
	service, ok := p.Match("prd/shop.git")
	fmt.Println(service, ok, p.Path("cart"), err)
	// Output: shop true prd/cart.git <nil>
}
