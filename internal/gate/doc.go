// Package gate carries one push from git's hand-over to a decision on record.
//
//	stdin ── receive.Update ── classify ── facts ── policy.Evaluate ── intent
//	                              │                       │
//	                              └───── refusal ─────────┴── ledger, terminal
//
// # The life of a push
//
// pre-receive sorts the updates by name: what belongs to an environment is
// judged, what is wrong whatever the ledger says is refused, the rest passes
// without the ledger being opened. Judging takes the ledger's lock once, for
// about a millisecond: settle what earlier pushes left on these refs, fetch
// the facts, evaluate, append an intent for each update. Only then is the exit
// status 0.
//
// proc-receive lets git go on with an environment's ref only if the same push,
// known by its receive-pack process, has an open intent for exactly this
// update. So a pre-receive that is missing, empty, not executable or hidden by
// another core.hooksPath stops every push instead of opening the gate.
//
// post-receive turns intents into deployments, because only then has the ref
// moved. A pusher can keep post-receive from running by going away; the next
// hook, or reconcile, then asks the ref.
//
// # Releases
//
// A command below refs/release asks for a commit that does not exist yet. It is
// sorted by pre-receive and judged by proc-receive, when the pushed commits are
// in the repository and can be merged. The policy is asked about the branch's
// commit, in tries like any push; what environments before contain is asked of
// git between two tries, and so is the merge (package release), which is thrown
// away if the environment or its base has moved meanwhile. In the last try, all
// under one lock: the merge commit is written with the number of its record, the
// intent appended, the ref moved by compare and swap, the deployment appended. A
// hook that dies before the intent leaves objects that no ref leads to; one that
// dies after it leaves an intent like any other.
//
// git is told of the move by the command's name: a client that has a tracking
// ref for the environment would otherwise try to move that to a merge that it
// does not have. The hook that was there before is told the environment's ref.
//
// # Settling an intent whose push is over
//
// Whether a push is over is found first, the ref is read after that, and then
// the lock is taken: a move that happens in between cannot be that push's.
// If the ref is where the ledger has it, the intent is abandoned. If it is
// where the intent wanted it, the intent became a deployment; of several such
// intents, one did. While another push that would explain the ref still runs,
// nothing is decided. A ref that no intent explains is drift.
package gate
