package policy

import "time"

// Names that must not be mixed up have types of their own.
type (
	// EnvironmentName names an environment of the path, such as "prd".
	EnvironmentName string

	// Service is what is deployed: the {service} part of a repository pattern.
	Service string

	// RefName is a full ref name, such as "refs/heads/main" (gitrevisions(7)).
	RefName string

	// ObjectID is a full object ID in lower-case hex: 40 digits in a SHA-1
	// repository, 64 in a SHA-256 one.
	ObjectID string
)

// IsZero reports whether id is the all-zero ID that git uses for "no object",
// in either length. The empty string is not an ID and not zero.
func (id ObjectID) IsZero() bool {
	if len(id) != 40 && len(id) != 64 {
		return false
	}
	for i := range len(id) {
		if id[i] != '0' {
			return false
		}
	}
	return true
}

// Short returns the first seven digits, as pathgate prints IDs to people.
func (id ObjectID) Short() string {
	if len(id) < 7 {
		return string(id)
	}
	return string(id[:7])
}

// Unlisted says what happens to a push into a repository that no environment
// matches.
type Unlisted string

// The values of the key "unlisted".
const (
	UnlistedRefuse Unlisted = "refuse"
	UnlistedAllow  Unlisted = "allow"
)

// AfterMatch says how many of the environments in After must bear a commit out.
type AfterMatch string

// The values of the key "after_match".
const (
	AfterAll AfterMatch = "all"
	AfterAny AfterMatch = "any"
)

// RollbackRule says whether an environment may go back to a commit that it had
// deployed before.
type RollbackRule string

// The values of the key "rollback".
const (
	RollbackDeployed RollbackRule = "deployed"
	RollbackNone     RollbackRule = "none"
)

// A Policy is a policy file that has been read and found sound. Make one with
// Parse; the zero value knows no environment and lists no repository.
type Policy struct {
	// File is the base name under which places in the file are quoted.
	File string
	// Hash is the SHA-256 of the file's bytes in hex.
	Hash string
	// Text is the file itself, so that what was judged by can be put on record.
	Text string
	// Serial is the key "serial", zero where it is absent. On one ledger it may
	// only grow: the caller sees to that.
	Serial uint64
	// Root is the absolute folder that repository patterns are relative to.
	Root string
	// Unlisted is what happens to repositories under Root that no environment
	// matches.
	Unlisted Unlisted
	// Ledger is the absolute path of the ledger's folder, or, if Shared, the URL
	// of a PostgreSQL database, which begins with postgres:// or postgresql://.
	Ledger string
	// Copy is the absolute path of the folder in which this host keeps a copy of
	// the lines of a shared ledger; empty if it keeps none.
	Copy string
	// Host is what this host is called in a shared ledger; empty: by its node
	// name (uname(2)).
	Host string
	// Source is the identity source: "ssh", "http", "gitolite", "gitea",
	// "gitlab", "softserve", "gogs", "bitbucket", "github" or "env:NAME".
	Source string
	// Environments stand in the order of the path: each after all that it
	// names in After, otherwise in the order of the file.
	Environments []*Environment
	// Override is the table [override], nil if there is none.
	Override *Override
	// Audit is the table [audit], nil if there is none.
	Audit *Audit
	// Board is the table [board], nil if there is none.
	Board *Board

	aliases map[string]string // other names of principals
}

// An Environment is a stage of the path: a repository pattern and refs, and the
// rules that guard it. A rule that the policy does not set is zero, and binds
// nothing.
type Environment struct {
	Name       EnvironmentName
	Repository RepositoryPattern
	Refs       []RefPattern
	After      []EnvironmentName
	AfterMatch AfterMatch
	Rollback   RollbackRule

	// Match is what must stand in the environments of After; Parse leaves it
	// never empty.
	Match MatchRule
	// Release is how branches are released into the environment, nil where its
	// refs are pushed.
	Release *Release

	// Elsewhere is set where the environment's repositories are on another host
	// with a ledger of its own, so that only its stamps tell of it. Such an
	// environment belongs to no site; Repository and Refs may be empty, and then
	// bind nothing.
	Elsewhere *Elsewhere
	// Stamps is how this host signs what happens in the environment, nil if it
	// does not.
	Stamps *Stamps

	Evidence EvidenceRule
	// Requires is what the policy says; empty where it leaves it to the
	// environments before (RequiresOf).
	Requires  Requires
	Deploy    *Deployment // nil: deployments have no outcome
	Reporters Principals  // who may report the outcome of an external deployment

	Pushers     Principals
	Soak        time.Duration
	Approvals   *Approvals
	Branches    []RefPattern
	Ticket      string // an RE2 pattern for regexp.Compile, which takes it
	Signed      string // absolute path of the allowed signers (ssh-keygen(1))
	FastForward bool
	// AppliesToRollback lists the names of rules that also bind a rollback; a
	// veto always does.
	AppliesToRollback []string
	// ReportOnly is "enforce = false": rules judge and refuse nothing. The zero
	// value enforces.
	ReportOnly bool

	Freezes []*Freeze
	// Override is the policy's, nil where it does not name this environment.
	Override *Override
	// OverrideCounts is whether an override in an environment before is
	// evidence here.
	OverrideCounts bool

	priors  []*Environment    // each in After; nil where the policy has none of that name
	aliases map[string]string // the policy's

	// places tells where each key of the environment stands in the file; the
	// empty key is the environment itself.
	places map[string]Place
}

// A Site is a repository as the policy sees it: the service it belongs to and
// the environments whose refs it holds, in the order of the path.
type Site struct {
	// Repository is the path relative to the policy's root, with slashes.
	Repository   string
	Service      Service
	Environments []*Environment
}

// An Elsewhere is what may speak for an environment that is on another host.
type Elsewhere struct {
	// Keys are the host's keys; at least one.
	Keys []StampKey
	// Services are the names, or patterns with a "*" at their end, of the
	// services that the keys may speak for.
	Services []string
	// MaxAge is how old a stamp of a deployment may be, by the time that the
	// origin recorded, when a decision rests on it; never zero.
	MaxAge time.Duration
}

// A StampKey is a public key that may sign stamps.
type StampKey struct {
	// Key is the public key as in authorized_keys (sshd(8)), type and base64,
	// without options and comment.
	Key string
	// Fingerprint is what ssh-keygen -l prints: "SHA256:...".
	Fingerprint string
	// Comment is what stands behind the key, as written; often empty.
	Comment string
	// From and Until bound when a stamp may be received that it signed; zero: no
	// bound. Until is the first moment at which it may not.
	From, Until time.Time
	// Revoked is whether nothing that it signed is received any more.
	Revoked bool
}

// A Stamps is the table stamps of an environment.
type Stamps struct {
	// Key is the absolute path of the SSH private key.
	Key string
}

// A Lookup asks the ledger what it knows of one commit in one environment.
// Only records of exactly this service, environment and repository, on a ref
// that one of Refs matches, may answer it.
type Lookup struct {
	Service     Service
	Environment EnvironmentName
	Repository  string
	Refs        []RefPattern
	Commit      ObjectID
	// Elsewhere asks what stamps tell. Then an empty Repository and no Refs stand
	// for any.
	Elsewhere bool
}

// An Update is one update of a push to an environment's ref.
type Update struct {
	Ref    RefName
	Old    ObjectID // what the ref held
	New    ObjectID // what it shall hold: a commit or an annotated tag
	Commit ObjectID // New, peeled
	// Action is what the push asks an environment with release to do. With one,
	// Old is the environment's live commit, and New and Commit are no merge but
	// the branch's commit that is released or taken out, or the commit of the
	// base to start over from.
	Action Action
}
