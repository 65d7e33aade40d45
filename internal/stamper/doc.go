// Package stamper signs what a ledger has on record about environments that the
// policy gives stamps, and attaches it to the commits as git notes
// (package stamp says what a stamp is, package notes how they are kept).
//
// What is stamped:
//
//   - each deployed and each adopt, as the stamp "deployed" of its commit
//   - each success, failure and error of a deployment, as "status". A pending
//     status says nothing that the want of another does not say, and is not
//     stamped, and neither is superseded: what was never started stays without an
//     outcome.
//   - each deployed that took commits away, as "withdrawal" of each of them
//
// A stamp never comes before its record: whoever puts something on record calls
// Stamp when the ledger is closed again. Nothing depends on it. What could not be
// stamped, package late finds.
//
// # One write
//
// For each environment of a repository, all new stamps become one commit on its
// notes ref:
//
//  1. the ref's tip is read, with the tree that it says it was signed with, and
//     the notes of the commits in question: what is there already is left out
//  2. the ledger is opened: its tree, a proof for each record, and the proof that
//     the tip's tree is the beginning of this one. It is closed before git runs.
//  3. all proofs are checked against the lines, and what is missing is signed
//  4. the notes are written, and the ref is moved by compare and swap. If another
//     writer was faster, it begins again with the first step.
//
// So the trees along the ref only grow, and each is proven to go on from the one
// before. Where the tip's tree is not the beginning of the ledger's, the ledger
// or the ref is not what it was: the chain begins anew without a proof, and it
// is for the hosts elsewhere to refuse that.
//
// # Two refs
//
// Beside refs/notes/deployments/ENVIRONMENT, which everybody can fetch and whoever
// administers the repository can spoil, refs/pathgate/stamps/ENVIRONMENT is moved in
// the same transaction, and keeps the commits from git's garbage collection. Where
// the first is gone, set back, or has what does not go on from the second, both
// are set to the newest commit that the ledger bears out, those of the second
// first: so the notes and their chain survive. Only where both are gone or spoilt
// does the chain begin anew; package late then finds what is missing.
package stamper
