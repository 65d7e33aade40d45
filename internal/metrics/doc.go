// Package metrics computes the four keys of software delivery (dora.dev) from
// the journal: deployment frequency, lead time for changes, change failure rate
// and time to restore, for each environment of each service.
//
// # Words
//
// A change is a deployed entry that brings another commit to its ref and does
// not go back. These are not changes: a redeploy (the commit is live on the ref
// already), a rollback, an override that goes back as a rollback does, a take-out
// of a release branch (action remove), a reset of a release branch, an adoption,
// drift. Pushes by override and pushes that only a report-only environment let
// through are changes like others. A change whose deployment was superseded
// before it started, and which nothing else brought to success or failure, is
// left out.
//
// A deployment takes effect with its deployed entry if it has no outcome, else
// with its first status success. A change takes effect with the first
// deployment of its run that does: its own, or a redeploy before another commit
// is live on the ref. A change that has neither taken effect nor failed is
// pending.
//
// A change has failed if a status failure or error of a deployment of its run is
// on record, whatever came after; or if, while it was what was live on its ref,
// the ref was gone back from it, by a rollback or by an override that does the
// same; or if the branch that it released was taken out. A rollback over several
// changes is a failure of the newest only, which was live. A rollback from a
// commit that was itself gone back to is a failure of the change that once
// brought that commit. A reset is housekeeping: no change has failed by it. What
// an adoption brought is no change and cannot fail.
//
// An incident is on one ref. It begins with the first failure or error of what
// is, or is to be, in effect there; or, if none was reported, when that which is
// gone back from or taken out took effect, as nobody knows better. If what goes
// is still pending, there is none. It ends when the deployment that failed, the
// one that goes back, or a newer one on the ref takes effect: a rollback, a fix,
// the same again; or with an adoption. Further failures meanwhile belong to it.
//
// # Keys
//
// The window is from its first moment to just before its last. A change belongs
// to the window, and to the day or week of a series, in which its deployed entry
// was written; an incident to that in which it began. What became of them is all
// that is on record by now, also after the window: a change that is rolled back
// next month makes this month's rate worse. A deployed entry that is settled
// late, by reconcile, has the time at which it was settled.
//
//   - Deployments: the changes that took effect; a day: divided by the days of
//     the window, at least one.
//   - Lead time of a change: from the first deployed entry, in any first
//     environment, of its commit to when the change took effect in the
//     environment that is looked at. Of a release branch it is the branch's head
//     that counts. A commit that was never deployed there itself, as with
//     match = "contained", has the lead time of the earliest of the records that
//     its evidence names. It is measured once, when the commit first takes effect
//     in the environment. It is unknown, and left out, where the commit came
//     there by an override from nowhere, or was adopted before it was deployed. What
//     was deployed more than LookBack before the window is not looked at.
//   - Change failure rate: changes that failed, of those that took effect or
//     failed.
//   - Time to restore: from the beginning of an incident to its end. Open
//     incidents are those that began before the window's end and have not ended
//     by now.
//
// A median or percentile p is the smallest value that at least p of 100 values
// do not exceed (nearest rank). A span that ends before it begins, by a clock
// that went back, is none, as in package ledger. Days and weeks are those of UTC,
// and a week begins on Monday; those at the borders of the window are cut.
//
// # Environments
//
// A first environment is one that comes after no other in the policy that is in
// force; and whatever has entries of kind deploy, for environments that stood
// elsewhere in a policy of earlier days. Lead time is measured in all others.
// Production is what no other environment comes after, or what Options name:
// the four keys are usually read off these.
//
// # Reading
//
// The journal is read once, without a lock. Memory is bounded by the services,
// environments and refs, by the changes and incidents of the window, and by the
// commits deployed since LookBack before it, at some tens of bytes each. Of a ref
// the last 1000 commits are remembered, which an override may go back to, and
// the last 100 deployments whose outcome is still to come.
package metrics
