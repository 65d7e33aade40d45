package board

import (
	"context"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// The bounds that Options has where they are zero.
const (
	DefaultCommits = 500
	DefaultPage    = 40
	// MaxCommits is the most commits and tickets that get a page.
	MaxCommits = 50000
	// MaxPage is the most services or commits on one page.
	MaxPage = 1000
)

// How much of a kind one page tells; how many there are is told besides.
const (
	maxRecent = 120 // deployments on a service's page, and marks on a time line
	maxTale   = 200 // entries of one commit or ticket
	maxListed = 100 // refusals, overrides and other exceptions of a kind
	maxRefs   = 12  // refs of one environment on the index
	maxWaits  = 5   // commits that wait for one ref
	maxCodes  = 200 // different codes of refusals
)

// Options say what Write writes, and where.
type Options struct {
	// Out is the folder. It is made if it is missing; its parent must exist.
	Out string
	// Policy is the policy in force; its Ledger is read.
	Policy *policy.Policy
	// Now is the clock, time.Now if nil. The same journal, policy and time make
	// the same site, byte for byte.
	Now func() time.Time
	// MaxCommits is how many commits, and how many tickets, get a page of their
	// own: what is live, then those with the newest entries; at most a quarter
	// for commits that were only ever refused. Zero is DefaultCommits.
	MaxCommits int
	// PageSize is how many services stand on one page of the index; of commits
	// and tickets it is twice as many. Zero is DefaultPage.
	PageSize int
	// Metrics makes plots of the first so many records. Those without a Service
	// stand on metrics.html, the others on the page of their service. Nil is no
	// plots. What they depend on beside records and policy, in a word, is MetricsOf.
	// Of a ledger of many records they are made anew when an hour is over.
	Metrics   func(ctx context.Context, records uint64) ([]Plot, error)
	MetricsOf string

	// How many changes the store keeps in memory and in the state, and of how many
	// records plots are made anew each time; tests want few.
	mostFresh, mostKept int
	many                uint64
}

// manyRecords is how many records a ledger has whose plots are made anew only
// when an hour is over: to make them reads it whole.
const manyRecords = 20_000

// A Plot is a row of values over time, drawn as a line and told in a table.
type Plot struct {
	Service     string // empty: of all services
	Environment string // empty: of all environments
	Title       string // such as "Deployments a week"
	Definition  string // what is counted, and how
	Unit        string // such as "h"; empty for a number
	Points      []Point
}

// A Point is one value of a Plot.
type Point struct {
	Time  time.Time
	Value float64 // a gap where it is not finite
}

// A Result says what was written.
type Result struct {
	Records  uint64 // the number of the last record
	Pages    int
	Services int
	Commits  int  // that have a page
	Tickets  int  // that have a page
	Whole    bool // the ledger was read from its beginning
}

func (o *Options) withDefaults() Options {
	out := *o
	if out.Now == nil {
		out.Now = time.Now
	}
	if out.MaxCommits == 0 {
		out.MaxCommits = DefaultCommits
	}
	if out.PageSize == 0 {
		out.PageSize = DefaultPage
	}
	if out.mostFresh == 0 {
		out.mostFresh, out.mostKept, out.many = mostFresh, mostKept, manyRecords
	}
	return out
}
