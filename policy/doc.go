// Package policy reads pathgate's policy file and decides by it.
//
// The package is pure: bytes in, values out. It opens no file, asks nobody and
// never looks at the clock. Parse turns a file into a Policy; Policy.Site and
// Site.Environment say what a pushed ref is; Policy.Needs says which facts a
// decision rests on; Evaluate decides on the facts that somebody has fetched.
// What is not known is refused.
//
// # The policy file
//
// A policy is a TOML file of at most 1 MiB in UTF-8, no line longer than 16384
// bytes:
//
//	version = 1
//	root = "/srv/git"              # patterns below are relative to it
//	unlisted = "refuse"            # or "allow": a repository under root that no environment matches
//	ledger = "/var/lib/pathgate"   # folder of ledger.jsonl and index.db
//
//	[identity]
//	source = "ssh"                 # ssh (variable set by a forced command), http, gitolite, gitea, gitlab, softserve, gogs, bitbucket, github, or env:NAME
//
//	[environments.dev]
//	repository = "{service}/dev.git"
//	refs = ["refs/heads/main"]
//
//	[environments.stg]
//	repository = "{service}/stg.git"
//	refs = ["refs/heads/main"]
//	after = ["dev"]
//
//	[environments.prd]
//	repository = "{service}/prd.git"
//	refs = ["refs/heads/main"]
//	after = ["stg"]                # after_match = "all" (default) or "any" when there are several
//	rollback = "deployed"          # or "none": to a commit that this environment had deployed before
//
// Required are version, root, ledger, identity.source and one environment with
// repository and refs. Everything else has the default "unlisted" = "refuse",
// "after_match" = "all", "rollback" = "deployed"; an environment without
// "after" is a first one. A key that is not in this list is an error, also if
// only its letter case is wrong, and so is a key that is set twice.
//
//   - root and ledger are absolute, clean paths, other than "/".
//   - An environment's name is [a-z0-9][a-z0-9._-]*, at most 40 bytes, and fit
//     to be a git remote's name: no "..", no ".lock" and no dot at the end.
//   - env:NAME names an environment variable, [A-Za-z_][A-Za-z0-9_]*, that does
//     not begin with GIT_.
//   - after names other environments, at least one, none twice; no environment
//     comes after itself by any way round. after_match needs after.
//   - There are at most 1000 environments.
//
// # Repository patterns
//
// A repository pattern is a path with slashes, relative to root. Exactly one of
// its components holds {service}, exactly once, on its own or with text around
// it:
//
//	{service}/prd.git
//	prd/{service}.git
//	apps/{service}
//
// {service} matches [A-Za-z0-9][A-Za-z0-9._-]* and never a slash; the rest
// matches itself. No component is empty, "." or "..".
//
// # Refs
//
// An environment's refs are a list of full names, or one pattern with "*" as
// its last whole component, which matches everything below, as in a git
// refspec:
//
//	refs = ["refs/heads/main", "refs/heads/hotfix"]
//	refs = ["refs/heads/release/*"]
//
// A ref has at least three components, is a name that git takes, and does not
// lie below refs/replace, refs/pathgate or a namespace of CommandRefs.
//
// Where two environments could hold one repository, their repository patterns
// must be written alike, and no ref may belong to both, not even if letter case
// is left aside.
package policy
