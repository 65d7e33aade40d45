package policy

// issuePolicy is the three-repository path of the package comment.
const issuePolicy = `version = 1
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
