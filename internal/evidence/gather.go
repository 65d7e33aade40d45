package evidence

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// A gathering is what the journal says of one service, read once. Of the whole
// journal it keeps some numbers for each deployment of the service; whole
// entries only of the window.
type gathering struct {
	o          *Options
	production map[string]bool
	tree       tlog.Tree
	forest     *forest

	ledger       string
	begin, last  time.Time       // of the first and the newest record
	service      bool            // the record knows the service
	environments map[string]bool // of which there are records that are no stamps

	commits   map[string]uint32
	records   map[uint64]*recorded
	elsewhere elsewhere
	stages    map[stage]*stageState
	places    map[spot]*place
	vetoes    map[string]uint64 // by commit: the newest veto
	intents   map[uint64]*intent

	reader   ledger.PolicyReader
	policies map[string]*policyFile
	newest   *policyFile

	changes    []*change
	bySeq      map[uint64]*change
	exceptions []*exception
	statements int
	refused    map[string]int // by code, of production
}

// A policyFile is one that is on record.
type policyFile struct {
	*ledger.PolicyFile
	policy *policy.Policy // nil if this version cannot read it
}

// An intent is an open one, with what stood when it was judged.
type intent struct {
	entry *ledger.Entry
	said  []*ledger.Entry
	tests []test
}

func newGathering(o *Options, f *forest) *gathering {
	g := &gathering{o: o, forest: f, production: make(map[string]bool), environments: make(map[string]bool),
		commits: make(map[string]uint32), records: make(map[uint64]*recorded), stages: make(map[stage]*stageState),
		places: make(map[spot]*place), vetoes: make(map[string]uint64), intents: make(map[uint64]*intent),
		policies: make(map[string]*policyFile), bySeq: make(map[uint64]*change), refused: make(map[string]int),
		elsewhere: elsewhere{stamps: make(map[uint64]*stamped), outcomes: make(map[deploymentThere]*outcome)}}
	for _, name := range o.Environments {
		g.production[string(name)] = true
	}
	return g
}

// gather reads the journal once.
func gather(ctx context.Context, o *Options, f *forest) (*gathering, error) {
	g := newGathering(o, f)
	err := ledger.Read(o.Policy.Ledger, 0, func(line *ledger.Line) error {
		if line.Number%4096 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if e := &line.Entry; e.Seq != uint64(line.Number) {
			return fmt.Errorf("read the ledger: %w: line %d is record %d", ledger.ErrDamaged, line.Number, e.Seq)
		}
		if err := f.add(line.Raw); err != nil {
			return err
		}
		return g.add(&line.Entry)
	})
	if err != nil {
		return nil, err
	}
	if g.tree, err = f.done(); err != nil {
		return nil, err
	}
	if err := g.unknown(); err != nil {
		return nil, err
	}
	return g, g.end()
}

// add takes one entry in.
func (g *gathering) add(e *ledger.Entry) error {
	if g.last = e.Time; e.Seq == 1 {
		g.ledger, g.begin = strings.Clone(e.Ledger), e.Time
	}
	if e.Service != "" && e.Service != string(g.o.Service) {
		return nil
	}
	if e.Service != "" {
		g.service = true
		if e.Environment != "" && e.Type != ledger.TypeStamp && !g.environments[e.Environment] {
			g.environments[strings.Clone(e.Environment)] = true
		}
	}
	switch e.Type {
	case ledger.TypePolicy:
		g.policy(keep(e))
	case ledger.TypeIntent:
		g.intent(keep(e))
	case ledger.TypeAbandoned:
		delete(g.intents, e.Intent)
	case ledger.TypeDeployed, ledger.TypeAdopt:
		g.deployed(keep(e))
	case ledger.TypeStatus:
		g.status(e)
	case ledger.TypeStamp:
		g.elsewhere.add(e)
	default:
		g.said(keep(e))
	}
	if rows := len(g.changes) + len(g.exceptions) + g.statements; rows > g.o.maxRows {
		return fmt.Errorf("%w: more than %d changes, exceptions and approvals: choose a shorter window", ErrTooMany, g.o.maxRows)
	}
	return nil
}

// said takes in what changes no deployment.
func (g *gathering) said(e *ledger.Entry) {
	switch e.Type {
	case ledger.TypeApproval:
		g.approval(e)
	case ledger.TypeVeto:
		if e.Kind != ledger.KindLift {
			g.vetoes[strings.Clone(e.Commit)] = e.Seq
		}
	case ledger.TypeRefused:
		if g.o.within(e.Time) && g.production[e.Environment] {
			g.refusal(e)
		}
	case ledger.TypeDrift:
		g.except(drifted, e, nil)
	case ledger.TypeRepair:
		g.except(repaired, e, nil)
	case ledger.TypeFault:
		g.except(faulted, e, nil)
	}
}

// maxCodes bounds how many codes are counted by name.
const maxCodes = 64

func (g *gathering) refusal(e *ledger.Entry) {
	for i, code := range e.Codes {
		if _, known := g.refused[code]; !known && len(g.refused) >= maxCodes {
			code = "others"
		}
		if !slices.Contains(e.Codes[:i], code) {
			g.refused[code]++
		}
	}
}

// policy takes in a part of a policy file. What does not hold together is for
// the verification to name.
func (g *gathering) policy(e *ledger.Entry) {
	file, err := g.reader.Add(e)
	if err != nil || file == nil {
		return
	}
	p := &policyFile{PolicyFile: file}
	if pol, err := policy.Parse("policy.toml", file.Content); err == nil {
		p.policy = pol
	}
	if g.policies[file.Hash] != nil {
		return
	}
	g.policies[file.Hash] = p
	g.except(repoliced, e, g.newest)
	g.newest = p
}

// intent remembers what a decision was made by.
func (g *gathering) intent(e *ledger.Entry) {
	in := &intent{entry: e}
	if g.production[e.Environment] {
		in.said, in.tests = g.stood(e), g.testsOf(e)
	}
	g.intents[e.Seq] = in
}

// except lists an exception of the window.
func (g *gathering) except(kind exceptionKind, e *ledger.Entry, before *policyFile) *exception {
	if !g.o.within(e.Time) {
		return nil
	}
	x := &exception{kind: kind, entry: e, before: before}
	g.exceptions = append(g.exceptions, x)
	return x
}

// end lists what is left open, and puts the exceptions in order.
func (g *gathering) end() error {
	for _, seq := range slices.Sorted(maps.Keys(g.intents)) {
		if in := g.intents[seq]; g.production[in.entry.Environment] {
			g.except(unsettled, in.entry, nil)
		}
	}
	slices.SortStableFunc(g.exceptions, func(a, b *exception) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.entry.Seq, b.entry.Seq))
	})
	for _, ch := range g.changes {
		g.judge(ch)
	}
	return nil
}

// keep copies an entry. Its strings share the one line that they were read from.
func keep(e *ledger.Entry) *ledger.Entry {
	c := *e
	return &c
}

// number is the number of a commit.
func (g *gathering) number(id string) uint32 {
	n, ok := g.commits[id]
	if !ok {
		n = uint32(len(g.commits))
		g.commits[strings.Clone(id)] = n
	}
	return n
}
