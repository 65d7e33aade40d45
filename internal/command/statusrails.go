package command

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// rails are what status tells beside what is live.
type rails struct {
	now   time.Time
	refs  []refRails // of each ref, in the order of the rows
	locks []ledger.Entry
	more  bool      // there are more locks than are listed
	tree  tlog.Tree // of all that is on record
}

// refRails are what is on record of one ref and its environment.
type refRails struct {
	outcome    ledger.Outcome // of the live deployment
	tracked    bool           // the live deployment has an outcome
	locks      []ledger.Entry // that bind the ref now
	veto       *ledger.Entry  // of the live commit
	overrides  uint64         // of the environment, ever
	newest     *ledger.Entry  // override
	reportOnly bool
}

// railsOf asks the ledger once for all rows.
func (a *app) railsOf(ctx context.Context, pol *policy.Policy, rows []gate.Status) (*rails, error) {
	r := &rails{now: a.now(), refs: make([]refRails, len(rows))}
	err := a.readLedger(ctx, pol, func(l *ledger.Ledger) (err error) {
		if _, last, _ := l.Last(); last.After(r.now) {
			r.now = last // as the gate does: a clock that went back ends no lock
		}
		if r.locks, r.more, err = l.AllLocks(); err != nil {
			return err
		}
		if r.tree, err = l.Tree(); err != nil {
			return err
		}
		for i := range rows {
			if err := r.refs[i].read(l, pol, &rows[i], r.now); err != nil {
				return err
			}
		}
		return nil
	})
	return r, err
}

func (r *refRails) read(l *ledger.Ledger, pol *policy.Policy, row *gate.Status, now time.Time) (err error) {
	spot := row.Spot
	if env, ok := pol.Environment(spot.Environment); ok {
		r.reportOnly = env.ReportOnly
	}
	if row.Live.Record != 0 {
		if r.outcome, r.tracked, err = l.OutcomeOf(row.Live.Record); err != nil {
			return err
		}
		veto, barred, err := l.Veto(spot.Service, row.Live.Commit)
		if err != nil {
			return err
		}
		if barred {
			r.veto = &veto
		}
	}
	locks, err := l.Locks(spot.Service, spot.Environment, spot.Ref)
	if err != nil {
		return err
	}
	for _, lock := range locks {
		if holdsAt(&lock, now) {
			r.locks = append(r.locks, lock)
		}
	}
	newest, total, err := l.Overrides(spot.Service, spot.Environment, 1)
	if r.overrides = total; len(newest) > 0 {
		r.newest = &newest[0]
	}
	return err
}

// holdsAt reports whether a lock has not run out.
func holdsAt(lock *ledger.Entry, now time.Time) bool {
	return lock.Until.IsZero() || now.Before(lock.Until)
}

// print tells the notes below the table. What is of an environment, and not of
// a ref, is told once.
func (r *rails) print(w io.Writer, rows []gate.Status, only policy.Service) {
	type place struct {
		service     policy.Service
		environment policy.EnvironmentName
	}
	told := make(map[place]bool)
	for i := range rows {
		spot := rows[i].Spot
		where := fmt.Sprintf("%s %s", spot.Service, spot.Environment)
		r.refs[i].printLive(w, where, &rows[i])
		if here := (place{spot.Service, spot.Environment}); !told[here] {
			told[here] = true
			r.refs[i].printEnvironment(w, where)
		}
	}
	for i := range r.locks {
		lock := &r.locks[i]
		if holdsAt(lock, r.now) && (only == "" || lock.Service == "" || lock.Service == string(only)) {
			fmt.Fprintf(w, "locked: %s%s, by %s since %s, record %d: %s\n", lockScope(lock), untilWhen(lock), lock.Principal,
				explain.Time(lock.Time), lock.Seq, text.Clean(lock.Reason, 120))
		}
	}
	if r.more {
		fmt.Fprintf(w, "warning: there are more than %d locks\n", ledger.MaxLocks)
	}
	fmt.Fprintf(w, "ledger %s\n", tlog.Short(r.tree))
}

func (r *refRails) printLive(w io.Writer, where string, row *gate.Status) {
	short := row.Live.Commit.Short()
	if r.tracked {
		switch r.outcome.State {
		case "":
			fmt.Fprintf(w, "deploying: %s: %s since %s, not started or reported yet\n", where, short, explain.Time(row.Live.Time))
		case ledger.StatePending:
			fmt.Fprintf(w, "deploying: %s: %s since %s, record %d\n", where, short, explain.Time(r.outcome.Time), r.outcome.Record)
		default:
			fmt.Fprintf(w, "outcome: %s: %s: %s at %s, record %d%s\n", where, short, r.outcome.State, explain.Time(r.outcome.Time),
				r.outcome.Record, outcomeWords(&r.outcome))
		}
	}
	if r.veto != nil {
		fmt.Fprintf(w, "vetoed: %s: %s is live, and barred by %s in record %d: %s\n", where, short, r.veto.Principal, r.veto.Seq,
			text.Clean(r.veto.Reason, 120))
	}
}

func outcomeWords(o *ledger.Outcome) string {
	words := ""
	for _, part := range []string{o.Message, o.URL} {
		if part != "" {
			words += ": " + text.Clean(part, 120)
		}
	}
	return words
}

func (r *refRails) printEnvironment(w io.Writer, where string) {
	if r.newest != nil {
		fmt.Fprintf(w, "overridden: %s: %s so far, the newest %s by %s at %s, record %d: %s\n", where, counted(int(r.overrides), "override"),
			policy.ObjectID(r.newest.Commit).Short(), r.newest.Principal, explain.Time(r.newest.Time), r.newest.Seq, text.Clean(r.newest.Reason, 120))
	}
	if r.reportOnly {
		fmt.Fprintf(w, "report-only: %s: the rules judge and refuse nothing\n", where)
	}
}

// addTo puts what print tells into the rows of JSON, which stand in the order
// of the rows.
func (r *rails) addTo(out []map[string]any, rows []gate.Status) []map[string]any {
	for i := range rows {
		of := &r.refs[i]
		row := out[i]
		if of.tracked {
			row["outcome"] = outcomeJSON(of.outcome)
		}
		locks := []map[string]any{}
		for _, lock := range of.locks {
			locks = append(locks, saidJSON(&lock))
		}
		row["locks"], row["report_only"] = locks, of.reportOnly
		if of.veto != nil {
			row["veto"] = saidJSON(of.veto)
		}
		overrides := map[string]any{"count": of.overrides}
		if of.newest != nil {
			newest := saidJSON(of.newest)
			newest["commit"], newest["overrode"] = of.newest.Commit, of.newest.Overrode
			overrides["newest"] = newest
		}
		row["overrides"] = overrides
		row["tree_size"], row["root"] = r.tree.N, r.tree.Hash.String()
	}
	return out
}

func outcomeJSON(o ledger.Outcome) map[string]any {
	out := map[string]any{"state": o.State, "record": o.Record, "url": o.URL, "message": o.Message}
	if o.State == "" {
		out["state"] = "queued"
	}
	if !o.Time.IsZero() {
		out["time"] = o.Time
	}
	return out
}

// saidJSON is who said something when, and why.
func saidJSON(e *ledger.Entry) map[string]any {
	out := map[string]any{"record": e.Seq, "time": e.Time, "principal": e.Principal, "reason": e.Reason}
	if e.Type == ledger.TypeLock {
		out["service"], out["ref"] = e.Service, e.Ref
	}
	if !e.Until.IsZero() {
		out["until"] = e.Until
	}
	return out
}
