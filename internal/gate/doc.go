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
// # Stamps
//
// Of an environment on another host only stamps tell (package stamp), in notes
// that pushers bring (refs/notes/deployments/ENVIRONMENT) or that pathgate sync
// fetches. What counts as evidence is on record in the ledger, and nowhere else:
// the notes that a repository keeps are there for those who fetch them, and no
// push is judged by them, as whoever may push may have written them.
//
// pre-receive reads the notes that the push brings, of the commits that need
// evidence: whether one does is known from the ledger, so that who goes back to
// what was there never waits for notes. Then it reads what else of the same
// environments the push brings and this repository has not: what takes evidence
// away may stand in the note of another commit. They are read without the lock,
// between two tries; one that cannot be read does not count, and is no fault. In the
// try, new stamps go on record before the facts are fetched, also where the push is
// then refused; one whose tree is not the newest that is known waits for another
// try, as the history of the notes must prove that the two are of one ledger. What
// contradicts a line or a tree on record goes there as a fork.
//
// proc-receive takes the notes ref itself, and git does not: whoever has older
// notes than the repository is told that all went well, and the newer ones stay.
// First, every stamp in notes that are not the same here and in the push goes on
// record, whichever of the two then stays (512 stamps at most; of more, those that
// the newest commits brought). So what somebody else has put here keeps nobody's
// stamps out. Then the ref moves, by compare and swap, if the newest stamp is
// genuine and of a larger tree than ours, all notes that differ could be read, and
// each stamp in them is on record now or verifies; else ours stay, and that is no
// failure of the push.
//
// # Settling an intent whose push is over
//
// Whether a push is over is found first, the ref is read after that, and then
// the lock is taken: a move that happens in between cannot be that push's.
// If the ref is where the ledger has it, the intent is abandoned. If it is
// where the intent wanted it, the intent became a deployment; of several such
// intents, one did. While another push that would explain the ref still runs,
// nothing is decided, but not for long: a client that does not read keeps its
// receive-pack alive. A ref that no intent explains is drift.
//
// For the same reason time passes between the decision and the move only as long
// as a client wants. proc-receive looks once more for what bars the push, and says
// nothing; git then moves environments' refs before all others, as pre-receive
// refuses a push in another order, or one with deletions, of which git warns; and
// several refs of environments need --atomic, as then nothing moves if git cannot
// move one.
//
// # Hosts that share a ledger
//
// What is on record is true on all of them. A ref and a process can be looked at
// on their own host only, so what is about a ref says on which host it is, and
// an open intent is settled there and nowhere else. Where one bears on a push to
// the next environment on another host, that push waits as it would for one that
// runs beside it, and then goes on without what could only add to what stands;
// what may take it away is a fault that names host and record. A repository is on
// the host of its newest live record: a push to another one of that name is a
// fault, until adopt moves it. What a host has left that is gone for ever,
// ReconcileGone settles, when an operator says so.
//
// A ledger in a database gives up its lock with each Append. Two of them in one
// try may find that others wrote in between; then the try begins again.
package gate
