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
// "after" is a first one. A key that is neither in this list nor in those of
// release branches and guard rails below is an error, also if only its letter
// case is wrong, and so is a key that is set twice.
//
//   - serial, at the top, is a whole number from 0 on, 0 if it is left out, and
//     goes up with each change. What may come after what is for the ledger to
//     say, which has seen the others.
//   - root and ledger are absolute, clean paths, other than "/"; a ledger that
//     hosts share is the URL of a database, as below.
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
//
// # Release branches
//
// An environment with the table release is a branch that the server keeps:
// nobody pushes to it, branches are released into it. "pathgate help release"
// prints how.
//
//	[environments.dev]
//	repository = "{service}.git"
//	refs = ["refs/heads/release/dev"]
//	release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
//
//	[environments.stg]
//	repository = "{service}.git"
//	refs = ["refs/heads/release/stg"]
//	release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
//	after = ["dev"]
//	match = "contained"
//
// Required are base and branches; fast_forward has the default false. The
// environment has exactly one ref, below refs/heads/; so is base, which is no
// ref of an environment with release in the same repository.
//
// A branch pattern is a full name below refs/heads/. At most one part of it is
// {ticket:RE}, where RE is a regular expression (RE2) that does not match an
// empty text; braces in it are balanced or follow a backslash. "*" may stand at
// its end only and matches any rest, with slashes, also an empty one. All else
// matches itself, and the pattern matches whole names. A pattern that fits no
// branch is an error. No pattern matches names that git takes for no branch,
// that do not print or are longer than 255 bytes, and the branch "reset".
//
// match needs after; its default is "commit", which is an error after an
// environment with release.
//
// # More than one host
//
// An environment that is on another host, of which stamps tell, has these keys
// and, if they shall bind, repository and refs:
//
//	[environments.stg]
//	elsewhere = true
//	keys = ['valid-before="20280101" ssh-ed25519 AAAAC3Nza... stg-host']
//	revoked = ["SHA256:QZao1pK9..."]
//	services = ["shop", "pay-*"]
//	max_age = "90d"
//
// Required are keys, services and max_age. A key is a line of allowed_signers
// (ssh-keygen(1)) without principals and with no options but valid-after and
// valid-before, whose times are in UTC also without a "Z". What revoked lists
// stands in keys. A service is a name, or the beginning of names with "*" at its
// end. No other key may stand there: the environment's rules are its own host's.
// It belongs to no site, comes after none, no freeze and no override names it,
// and one environment at least is on this host. After it, match is "commit".
//
// An environment whose host stamps what happens in it:
//
//	[environments.prd]
//	stamps = { key = "/etc/pathgate/prd.key" }
//
// A ledger that several hosts share:
//
//	ledger = "postgres://pathgate@db1,db2/pathgate?sslmode=verify-full&passfile=/etc/pathgate/pgpass"
//	copy = "/var/lib/pathgate/copy"
//	host = "git-1"
//
// The URL begins with postgres:// or postgresql:// and names a user, a host and
// a database. sslmode is verify-full unless each host is the path of a socket,
// localhost, in 127.0.0.0/8 or [::1]. There is no password in it, as the policy
// is put on record in the ledger, and no setting but host, port, sslmode,
// sslrootcert, sslcert, sslkey, sslnegotiation, passfile, target_session_attrs,
// connect_timeout, channel_binding and require_auth, each once.
// copy, an absolute path, and host, [A-Za-z0-9][A-Za-z0-9._-]* of at most 64
// bytes, have no meaning with another ledger; with [audit], copy is required.
//
// # Deployments and guard rails
//
// All of these may be left out, and then bind nothing:
//
//	[identity.aliases]
//	ana = ["ana.b", "ana@corp"]           # other names of one principal
//
//	[groups]
//	release = ["ana", "bo", "chi"]        # "@release" in lists of principals
//
//	[environments.stg]
//	deploy = "external"                   # or a table: command, checkout, wait, timeout
//	reporters = ["ci"]
//
//	[environments.prd]
//	evidence = "standing"                 # or "live", "ever"
//	requires = "success"                  # or "accepted"
//	pushers = ["@release"]
//	soak = "2h"
//	approvals = { count = 2, by = ["@release"], self = false, for = "24h" }
//	branches = ["refs/heads/main"]
//	ticket = "[A-Z]+-[0-9]+"
//	signed = { allowed_signers = "/etc/pathgate/allowed_signers" }
//	fast_forward = true
//	applies_to_rollback = ["pushers", "locks"]
//	enforce = true
//
//	[[freeze]]
//	name = "weekends"
//	environments = ["prd"]
//	weekly = { from = "Fri 16:00", to = "Mon 07:00", zone = "Europe/Berlin" }
//
//	[[freeze]]
//	name = "year end"
//	environments = ["stg", "prd"]
//	from = 2026-12-20T00:00:00
//	to = 2027-01-04T08:00:00
//	zone = "Europe/Berlin"
//
//	[override]
//	by = ["ana"]
//	environments = ["prd"]
//	rules = ["soak", "freeze"]
//	override_counts = false
//
//	[audit]
//	syslog = "unix"                       # or "unix:///PATH", "udp://HOST:PORT"
//	facility = "authpriv"
//	journald = true
//	file = "/var/log/pathgate/audit.jsonl"
//	required = false
//
//	[board]
//	out = "/var/www/pathgate/board"
//	pause = "10s"
//
// "pathgate help policy" prints what each key means. Lengths of time are those
// of time.ParseDuration, or days of 24 hours such as "90d", longer than zero.
// evidence, requires and soak need after; reporters and deploy = "external" need
// each other; fast_forward has no meaning with release, which has a key of that
// name of its own. audit has at least one of syslog, journald and file, which is
// not in the ledger's folder, or in that of copy. board needs out, apart from
// that folder and the repositories; pause is at most two minutes.
//
// # Rules
//
// Which rules bind an update depends on its kind. A deployment into a first
// environment and a promotion are bound by all. A redeploy is bound by pushers,
// locks, freezes and vetoes. A rollback is bound by the key rollback, by the
// outcome that the commit had here where deployments have one, by vetoes, and
// by what applies_to_rollback lists. To take a branch out of an environment with
// release, or to start it over, is bound by the key rollback and by what
// applies_to_rollback lists; by a veto only to start over, from a commit that
// is vetoed. Any other move of such an environment's ref is refused but for a
// redeploy and a rollback.
//
// All rules are judged together, at Facts.Now. An override turns the no of the
// rules that it may go past into one that does not refuse, if that leaves no
// other no; where enforce is false no rule refuses. Neither reaches deletions,
// faults, and what the caller finds wrong with the push itself.
package policy
