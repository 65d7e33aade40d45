package gate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/policyfile"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// A Process is what a hook is given by git, and what it answers through.
type Process struct {
	// Path is argv[0]: the path under which git ran the hook. A hook that was
	// there before pathgate lies beside it.
	Path   string
	Getenv func(string) string
	Stdin  io.Reader
	Stdout io.Writer // git's end of the proc-receive protocol
	Stderr io.Writer // what the developer reads
	Now    func() time.Time
	// found is the push's token, once it has been looked for.
	found *foundToken
	// recorded is the newest record that this hook has written.
	recorded uint64
	// Log takes what is for the server's administrators only, such as the
	// cause of a fault; it may be nil.
	Log func(line string)
}

type foundToken struct {
	token receive.Token
	err   error
}

// token finds, once, which receive-pack this hook works for.
func (p *Process) token() (receive.Token, error) {
	if p.found == nil {
		token, err := receive.FindToken()
		if err != nil {
			err = because("the process that receives this push cannot be found", err)
		}
		p.found = &foundToken{token, err}
	}
	return p.found.token, p.found.err
}

// judgeTime bounds the judging of one push. What a hook does besides is bounded
// step by step: git's answers by gitfacts, the wait for the lock by the ledger;
// a hook that was here before may take its time.
const judgeTime = time.Minute

// A scene is where a push arrives: the repository, the policy that judges, and
// what the policy calls the repository.
type scene struct {
	repo       *gitfacts.Repository
	policy     *policy.Policy
	policyPath string
	site       policy.Site
	// listed says that the site has environments; under, that the repository
	// lies below the policy's root.
	listed, under bool
}

func openScene(gitDir string) (*scene, error) {
	if gitDir == "" {
		gitDir = "."
	}
	repo, err := gitfacts.Open(gitDir)
	if err != nil {
		return nil, because("this repository cannot be read", err)
	}
	path, err := policyfile.Path(repo.Config(policyfile.Key))
	if err != nil {
		return nil, because("", err)
	}
	pol, err := policyfile.Load(path)
	if err != nil {
		return nil, because("", err)
	}
	s := &scene{repo: repo, policy: pol, policyPath: path}
	name, under := repo.Relative(pol.Root)
	s.under = under
	if under {
		s.site, s.listed = pol.Site(name)
	}
	if !s.listed {
		s.site = policy.Site{Repository: name}
	}
	return s, nil
}

// pushID names everything that one push writes, in 13 letters and digits. It is
// made from the push's token, so that the three hooks of one push come to the
// same; where there is none, it is random.
func (p *Process) pushID() string {
	var b [8]byte
	if token, err := p.token(); err == nil {
		sum := sha256.Sum256([]byte(token))
		copy(b[:], sum[:])
	} else {
		_, _ = rand.Read(b[:]) // never fails: crypto/rand
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// A fault is a failure to find out. Reason is fit for a pusher; the cause is
// for the ledger and the server's log.
type fault struct {
	reason string
	cause  error
}

func (f *fault) Error() string {
	if f.cause == nil {
		return f.reason
	}
	return fmt.Sprintf("%s: %v", f.reason, f.cause)
}

func (f *fault) Unwrap() error { return f.cause }

// because makes a fault of err, with a reason that a pusher may read. An empty
// reason is found from the error.
func because(reason string, err error) error {
	if known := (*fault)(nil); errors.As(err, &known) {
		return err
	}
	if reason == "" {
		reason = publicReason(err)
	}
	return &fault{reason, err}
}

// reasons tells a pusher of the ledger's faults without naming paths.
var reasons = []struct {
	err    error
	reason string
	ledger bool // the ledger cannot be written either
}{
	{ledger.ErrBusy, "the ledger is busy", true},
	{ledger.ErrMissing, "the ledger has not been set up", true},
	{ledger.ErrCut, "the ledger has lost records that it had", true},
	{ledger.ErrCopy, "the folder of this host's copy of the ledger has something else", true},
	{ledger.ErrDenied, "the ledger's database does not let this server in", true},
	{ledger.ErrPassfile, "the ledger's passfile cannot be read, or everybody can read it", true},
	{ledger.ErrContradicted, "the ledger has not what this host's copy of it has", true},
	{ledger.ErrDamaged, "the ledger is damaged", true},
	{ledger.ErrTorn, "the ledger ends in a torn line that cannot be removed", true},
	{ledger.ErrClock, "the server's clock is behind the ledger", true},
	{ledger.ErrNotLinked, "this pathgate was built without PostgreSQL", true},
	{ledger.ErrRoot, "the ledger belongs to another policy root", true},
	{ledger.ErrNetwork, "the ledger lies on a network file system", true},
	{ledger.ErrVersion, "the ledger is of a newer pathgate", true},
	{ledger.ErrUnreachable, "the ledger cannot be reached", true},
	{ledger.ErrStale, "the ledger's tables are of another version", true},
	{ledger.ErrMoved, "others kept writing to the ledger", false},
	{ledger.ErrWrite, "the ledger cannot be written", true},
	{context.DeadlineExceeded, "the check took too long", false},
}

func publicReason(err error) string {
	if f := (*fault)(nil); errors.As(err, &f) {
		return f.reason
	}
	if access := (*policyfile.AccessError)(nil); errors.As(err, &access) {
		return "the " + access.Error()
	}
	if wrong := (policy.Errors)(nil); errors.As(err, &wrong) && len(wrong) > 0 {
		return fmt.Sprintf("the policy file is wrong: %s", wrong[0])
	}
	for _, known := range reasons {
		if errors.Is(err, known.err) {
			return known.reason
		}
	}
	return "the reason is in the server's log"
}

// redact takes the server's paths out of a text.
func (s *scene) redact(text string) string {
	if s == nil {
		return text
	}
	return s.redactIn(text, s.repo.GitDir())
}

// redactIn is redact for a repository's git directory.
func (s *scene) redactIn(text, gitDir string) string {
	pairs := []string{gitDir, "<repository>", s.policy.Ledger, "<ledger>"}
	if address, _, cut := strings.Cut(s.policy.Ledger, "?"); cut { // a database is named without its settings too
		pairs = append(pairs, address, "<ledger>")
	}
	if s.policy.Copy != "" {
		pairs = append(pairs, s.policy.Copy, "<copy>")
	}
	return strings.NewReplacer(append(pairs, s.policy.Root, "<root>")...).Replace(text)
}

// tellFault reports a fault to the ledger, the server's log and the pusher. The
// push is refused whether or not the first two can be written.
func (p *Process) tellFault(s *scene, push string, err error) {
	detail := s.redact(err.Error())
	if recordErr := p.recordFault(s, push, err, detail); recordErr != nil {
		detail += "; and it could not be put on record: " + s.redact(recordErr.Error())
	}
	p.log(push, detail)
	explain.Fault(p.Stderr, s.environment(), publicReason(err), push)
}

// recordFault writes a fault to the ledger, unless the ledger is what failed.
func (p *Process) recordFault(s *scene, push string, cause error, detail string) (err error) {
	if s == nil || ledgerFailed(cause) {
		return nil
	}
	// The panic that brought us here may come back.
	defer func() {
		if value := recover(); value != nil {
			err = recovered(value)
		}
	}()
	l, err := p.open(context.Background(), s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	principal, _ := p.pusher(s)
	return l.Append(&ledger.Entry{Type: ledger.TypeFault, Push: push, Service: string(s.site.Service),
		Environment: string(s.environment()), Repository: clean(s.site.Repository, 400),
		Principal: principal.Name, Via: principal.Via, Address: principal.Address,
		Codes: []string{string(policy.Fault)}, Policy: s.policy.Hash, Reason: clean(detail, 2000)})
}

func ledgerFailed(err error) bool {
	for _, known := range reasons {
		if known.ledger && errors.Is(err, known.err) {
			return true
		}
	}
	return false
}

// environment is the repository's environment, empty if it has none or
// several.
func (s *scene) environment() policy.EnvironmentName {
	if s == nil || len(s.site.Environments) != 1 {
		return ""
	}
	return s.site.Environments[0].Name
}

func (p *Process) log(push, detail string) {
	if p.Log != nil {
		p.Log(fmt.Sprintf("push %s: %s", push, detail))
	}
}

// recovered turns a panic into a fault, so that a defect of ours refuses the
// push in plain words.
func recovered(value any) error {
	return because("pathgate itself failed", fmt.Errorf("panic: %v", value))
}

// pusher finds who pushes, as the policy's identity source has it.
func (p *Process) pusher(s *scene) (receive.Principal, error) {
	principal, err := receive.FindPrincipal(s.policy.Source, p.Getenv)
	principal.Name = s.policy.Canonical(principal.Name)
	return principal, err
}
