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
	// Root is the absolute folder that repository patterns are relative to.
	Root string
	// Unlisted is what happens to repositories under Root that no environment
	// matches.
	Unlisted Unlisted
	// Ledger is the absolute path of the ledger's folder.
	Ledger string
	// Source is the identity source: "ssh", "http", "gitolite", "gitea",
	// "gitlab", "softserve", "gogs", "bitbucket", "github" or "env:NAME".
	Source string
	// Environments stand in the order of the path: each after all that it
	// names in After, otherwise in the order of the file.
	Environments []*Environment
}

// An Environment is a stage of the path: a repository pattern and refs.
type Environment struct {
	Name       EnvironmentName
	Repository RepositoryPattern
	Refs       []RefPattern
	After      []EnvironmentName
	AfterMatch AfterMatch
	Rollback   RollbackRule

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

// A Lookup asks the ledger what it knows of one commit in one environment.
// Only records of exactly this service, environment and repository, on a ref
// that one of Refs matches, may answer it.
type Lookup struct {
	Service     Service
	Environment EnvironmentName
	Repository  string
	Refs        []RefPattern
	Commit      ObjectID
}

// An Update is one update of a push to an environment's ref.
type Update struct {
	Ref    RefName
	Old    ObjectID // what the ref held
	New    ObjectID // what it shall hold: a commit or an annotated tag
	Commit ObjectID // New, peeled
}

// Needs are the facts that one update's decision rests on.
type Needs struct {
	// Ref and Here ask about the environment itself.
	Ref  RefName
	Here Lookup
	// Prior has one lookup for each environment in After, in that order.
	Prior []Lookup
}

// Standing is what the ledger knows of a commit in an environment.
type Standing struct {
	// Record is the sequence number of the newest deployment that counts for
	// the lookup, zero if there is none. The fields below it are that
	// record's.
	Record    uint64
	Ref       RefName
	Time      time.Time
	Principal string
	// Withdrawn is the sequence number of the rollback that took the commit
	// away after Record, zero if it stands.
	Withdrawn uint64
}

// Stands reports whether the commit is deployed and not withdrawn since.
func (s Standing) Stands() bool { return s.Record != 0 && s.Withdrawn == 0 }

// Live is what the ledger says an environment's ref points to. A zero Record
// means that the ledger knows nothing of the ref.
type Live struct {
	Record    uint64
	Ref       RefName
	New       ObjectID // what the ref holds: a commit or an annotated tag
	Commit    ObjectID // New, peeled
	Subject   string   // the commit's first line, sanitised
	Kind      Kind
	Time      time.Time
	Principal string
}

// Facts answer Needs. The zero value answers nothing, and Evaluate refuses
// on it.
type Facts struct {
	// Fetched says that the ledger was asked; without it every fact is
	// unknown, and unknown is never yes.
	Fetched bool
	// Live is the record that the update's ref is live by.
	Live Live
	// Here is the commit's standing in the environment itself.
	Here Standing
	// OnRef is the record of the commit's last deployment on the update's own
	// ref, zero if there is none.
	OnRef uint64
	// Prior answers Needs.Prior, index by index.
	Prior []PriorFacts
}

// PriorFacts are what the ledger knows of a commit in an environment that
// comes before.
type PriorFacts struct {
	Environment EnvironmentName
	Standing    Standing
	// Live lists what is live there, for the explanation only.
	Live []Live
}

// Kind says what a deployment is.
type Kind string

// The kinds of a deployment.
const (
	Deploy   Kind = "deploy"   // into a first environment
	Promote  Kind = "promote"  // on the evidence of the environments before
	Rollback Kind = "rollback" // to a commit that stands here and was here before
	Redeploy Kind = "redeploy" // of what is live
	Adopt    Kind = "adopt"    // recorded from a server that ran before pathgate
)

// A Verdict is what one rule says of one update.
type Verdict struct {
	// Rule is the key of the rule in the policy file, such as
	// "environments.prd.after"; empty where no key sets the rule.
	Rule string
	// Place is where the rule stands; zero for rules that no key sets.
	Place Place
	// OK is the rule's yes. A verdict that is not OK has a Code.
	OK   bool
	Code Code
	// Environment is the environment that "after" looked for evidence in,
	// empty for other rules.
	Environment EnvironmentName
	// Record is the record that the verdict rests on: the evidence, or the
	// deployment that a rollback goes back to, where OK; the withdrawal where
	// Code is Withdrawn; zero if there is none.
	Record uint64
}

// A Decision is what the policy says of one update. The zero value refuses.
type Decision struct {
	Allowed bool
	// Kind is set also on a refusal: what the update would have been. It is
	// empty where pathgate could not find out.
	Kind Kind
	// Verdicts has the verdict of each rule that applied, in the order of the
	// policy. Where one environment of several is enough and one bears the
	// commit out, those that do not have no verdict.
	Verdicts []Verdict
	// Evidence lists the records of prior environments that a yes rests on;
	// empty on a refusal.
	Evidence []uint64
}
