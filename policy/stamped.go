package policy

import "time"

// MaxAhead is how far the time of a stamp may lie ahead of Facts.Now: clocks of
// hosts differ.
const MaxAhead = 5 * time.Minute

// OfferKind says what is in the way of a stamp that was offered: by that it
// depends who can do something about it.
type OfferKind string

// The kinds of stamps that do not count.
const (
	OfferWrong      OfferKind = ""             // it is about something else, or is no genuine stamp: another one may do
	OfferUnknownKey OfferKind = "unknown-key"  // the policy does not have the key that signed it
	OfferEarlyKey   OfferKind = "early-key"    // the key does not count yet
	OfferExpiredKey OfferKind = "expired-key"  // the key does not count any more
	OfferRevokedKey OfferKind = "revoked-key"  // the key is revoked
	OfferService    OfferKind = "service"      // the keys may not speak for the service
	OfferClock      OfferKind = "clock"        // it is from the future
	OfferLedger     OfferKind = "other-ledger" // another ledger than its own tells of the environment
	OfferUnproven   OfferKind = "unproven"     // nothing proves that its ledger is the one that is known
	OfferWaiting    OfferKind = "waiting"      // of a rehearsal: nothing is, but nobody has put it on record yet
)

// An Offer is a stamp that was brought and does not count.
type Offer struct {
	Kind   OfferKind
	Reason string // why it does not count, in words fit to print
	// Ledger is the ID of the ledger that it is of, of OfferLedger and
	// OfferUnproven.
	Ledger string
}

// byStamp judges by an environment before that is elsewhere: whether a stamp
// says that the commit stands there, and how old that is. Of a ledger that
// contradicts itself nothing is believed.
func (j *judgement) byStamp(p *PriorFacts, prior *Environment) []Verdict {
	if p.Forked != 0 {
		return []Verdict{{
			Name: RuleFork, Rule: prior.Rule("keys"), Place: prior.Place("keys"), Code: StampForked,
			Environment: p.Environment, Record: p.Forked,
		}}
	}
	v := j.exact(p)
	if p.Standing.Record == 0 {
		v.Code, v.Detail = NoStamp, &Detail{Elsewhere: true, Offered: p.Offered}
		return []Verdict{v}
	}
	if !v.OK {
		if v.Detail == nil {
			v.Detail = &Detail{}
		}
		v.Detail.Elsewhere, v.Detail.Offered = true, p.Offered
	}
	return []Verdict{v, j.age(p, prior)}
}

// age judges how old the stamp of a commit is. Of when it was made only its
// origin's clock tells; a time that is not known, or that is still to come, is
// none.
func (j *judgement) age(p *PriorFacts, prior *Environment) Verdict {
	age := j.facts.Now.Sub(p.Stamped)
	ahead := age < -MaxAhead
	known := !p.Stamped.IsZero() && !ahead
	v := Verdict{Name: RuleStamp, Rule: prior.Rule("max_age"), Place: prior.Place("max_age")}.
		decide(known && age <= prior.Elsewhere.MaxAge, StampTooOld)
	v.Environment, v.Record = p.Environment, p.Standing.Record
	v.Detail = &Detail{Elsewhere: true, Stamped: p.Stamped, Ahead: ahead, MaxAge: prior.Elsewhere.MaxAge}
	if !v.OK {
		v.Detail.Offered = p.Offered
	}
	return v
}
