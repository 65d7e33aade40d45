package ledger

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

var testKey = "SHA256:" + base64.RawStdEncoding.EncodeToString(make([]byte, 32))

// An origin is a ledger elsewhere, as its stamps tell of it.
type origin struct {
	*rig
	id      string
	entries []Entry
	raw     []string
	trees   []tlog.Tree // by size
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	return &origin{rig: newRig(t)}
}

// read reads what the origin has by now.
func (o *origin) read() *origin {
	o.Helper()
	o.entries, o.raw = o.rig.entries(), nil
	sizes := []int64{0}
	for _, line := range o.lines() {
		o.raw = append(o.raw, strings.TrimSuffix(line, "\n"))
		sizes = append(sizes, int64(len(o.raw)))
	}
	trees, err := Trees(o.dir, sizes...)
	if err != nil {
		o.Fatal(err)
	}
	o.id, o.trees = o.entries[0].Ledger, trees
	return o
}

// stamp is the stamp of a record, with the checkpoint of all that there is.
func (o *origin) stamp(kind string, seq uint64, commit string) *Entry {
	o.Helper()
	o.read()
	return o.stampAt(kind, seq, commit, len(o.raw))
}

func (o *origin) stampAt(kind string, seq uint64, commit string, size int) *Entry {
	o.Helper()
	line := o.entries[seq-1]
	e := NewStamp(kind, commit, &line)
	e.Origin, e.Checkpoint, e.Key, e.Lines = o.id, CheckpointText(o.trees[size]), testKey, []string{o.raw[seq-1], "c2ln"}
	return e
}

// deployed, reported and took are stamps of a deployment, of a status, and of
// what a record took away.
func (o *origin) deployed(seq uint64) *Entry {
	o.read()
	return o.stamp(KindDeployed, seq, o.entries[seq-1].Commit)
}

func (o *origin) reported(seq uint64) *Entry {
	o.read()
	return o.stamp(KindStatus, seq, o.entries[seq-1].Commit)
}

func (o *origin) took(seq uint64, commit string) *Entry { return o.stamp(KindWithdrawal, seq, commit) }

// successor lets the origin take another's place.
func (o *origin) successor(seq uint64) *Entry {
	e := o.deployed(seq)
	e.Kind, e.Principal, e.Via, e.Reason = KindSuccessor, "ops", "local", "the host was set up anew"
	return e
}

// receive weighs stamps, appends what is to be, and tells how they fit.
func (r *rig) receive(stamps ...*Entry) []StampFit {
	r.Helper()
	l := r.open()
	defer l.Close()
	fits, err := l.WeighStamps(stamps...)
	if err != nil {
		r.Fatal(err)
	}
	for _, f := range fits {
		if f.Append != nil {
			if err := l.Append(f.Append); err != nil {
				r.Fatal(err)
			}
		}
	}
	return fits
}

// took wants stamps to fit like this.
func (r *rig) fits(want StampState, stamps ...*Entry) []StampFit {
	r.Helper()
	fits := r.receive(stamps...)
	for i, f := range fits {
		if f.State != want || (f.Reason == "") != (want == StampNew || want == StampKnown) {
			r.Fatalf("stamp %d: %+v, want %s", i, f, want)
		}
	}
	return fits
}

func elsewhere(env, commit string, refs ...string) policy.Lookup {
	q := lookup(env, commit, refs...)
	q.Elsewhere = true
	return q
}

// prior is what is known of a commit elsewhere.
func (r *rig) prior(q policy.Lookup) policy.PriorFacts {
	r.Helper()
	l := r.open()
	defer l.Close()
	p, err := l.Prior(policy.Needs{PriorLive: true, PriorOutcome: true}, q)
	if err != nil {
		r.Fatal(err)
	}
	return p
}
