// Package witness remembers, on another host, what ledgers have said of
// themselves, and refuses whatever does not go on from it.
//
// A ledger's server, and whoever has taken it over with its key, can write the
// history anew so that all hashes and signatures are right. What he cannot
// reach is what a witness has seen. A witness has no service and no port: it is
// a folder, and a command that SSH, cron or a person starts.
//
// # State
//
//	witness.key             the witness's own secret key, mode 0600
//	lock                    flock: one writer at a time
//	ledgers/ID/checkpoint   the newest checkpoint seen, signed by the witness too
//	ledgers/ID/log.key      verifier keys that may sign for this ledger
//	alarms.jsonl            one line for each refusal, at most 16 MiB of them
//	forks/ID-HASH/          evidence: known and offered, which contradict each other
//
// The folder is on a local disk, belongs to a user of its own, and nobody else
// may write to it. Make makes it. ID is the ledger's, 32 hex digits; other logs
// than ledgers of pathgate are not known. The file checkpoint is a signed note
// (https://c2sp.org/tlog-checkpoint) and can be given to "pathgate ledger
// verify --checkpoint" as it is.
//
// A new checkpoint is written beside the old one, synced, and renamed over it;
// then the folder is synced, and only then is the cosignature given away. A
// witness that is killed has seen either the old one or the new one, and has
// told nobody of what it has not kept.
//
// # By a proof
//
// The ledger's host asks for the size that the witness knows, proves that its
// ledger goes on from there, and is answered with its checkpoint, cosigned by
// https://c2sp.org/tlog-cosignature:
//
//	n=$(ssh witness size)
//	pathgate ledger checkpoint --old "$n" | ssh witness add > cosigned
//
// The update has the form that https://c2sp.org/tlog-witness asks for. Add
// takes a checkpoint without a proof too, which can show that nothing changed,
// a cut, or a fork, but not that a ledger went on. A ledger that was cut cannot
// prove anything from N: its host then sends the checkpoint alone, and one that
// cannot sign at all sends nothing; both are alarms.
//
// # By a copy
//
// The witness's host fetches ledger.jsonl by any means, and Check computes the
// trees from it. A copy that was fetched before something newer was seen would
// look cut: Terms.Known says what was known before. Check needs no key of the
// ledger and believes no signature, only that the copy came from where it was
// asked for. What it keeps is signed by the witness alone. Two warnings: rsync
// without --ignore-times does not fetch a file whose size and time are the
// same, and with --append never looks at what it has; and lines that a server
// wrote but never synced may be gone after a power failure, which looks like a
// cut, and is one.
//
// # First use
//
// A ledger that the witness does not know is refused, unless Terms.First says
// that this one is to be believed as it comes; for Add the ledger's verifier
// key must be given with it, which is kept. Nothing is ever first by itself: a
// ledger that was thrown away and made anew has another ID and is refused,
// loudly where Terms.Ledger says which it must be. To believe a known ledger
// anew, as after its disk was lost and a backup is all there is, move its
// folder ledgers/ID away, and keep it. To change a ledger's key, edit log.key.
// A new witness key makes a new witness, with a new folder.
//
// # Refusals
//
// A refusal is an *Alarm: status 1, text on standard error, a line in
// alarms.jsonl, the system's log. The state stays as it is. With the known
// tree of N records:
//
//	cut        fewer than N records, as the newest there are
//	fork       N records with another root; or more, and the proof does not hold
//	behind     the update goes on from more than N: see below
//	nothing    nothing was sent: the ledger's host could not sign
//	other      not the ledger that Terms.Ledger says it must be
//	stale      made for fewer than N, or has no proof: two runs crossed; ask again
//	unknown    not a ledger that is known
//	known      First, and it is known
//	key        the key given is not the one that is kept
//	unsigned   no key of the ledger has signed it
//	malformed  not in the form of an update, a checkpoint or a journal
//	large      more than 256 KiB
//
// The first five shout. Of cut and fork what was known and what was offered is
// kept as evidence: at most 100 pieces for a ledger, the same one once. Two
// checkpoints of one size, with different roots, both signed by the ledger's
// key, convince anyone who has that key. Evidence is never removed here: move
// it away when it is dealt with; until then Known.Forks counts it.
//
// A witness that hears nothing sees nothing: whoever took over a server will
// rather be silent than be caught. Known.Seen says when it was last told, and
// "pathgate witness status --max-age" fails when that is too long ago.
//
// # What a witness is worth
//
// It binds a ledger to what it has seen, not to the truth: what a server records
// wrongly in the first place, it signs. Between two visits a history can be
// rewritten unseen, so visit often. Whoever has the witness's key can sign
// anything, and whoever can write to its folder can make it forget; so it must
// not be administered by those who administer the server. If the folder is put
// back from a backup, the witness is as old as that: a history rewritten since
// would pass. It notices when an update goes on from more than it knows
// (behind); and cosigned checkpoints held elsewhere, as on the ledger's host,
// bear its signature and say more than its folder does. After a restore put the
// newest of these in place of ledgers/ID/checkpoint. One that was not signed by
// the witness's own key is not believed: that is a fault, as is any state that
// cannot be read, and then nothing is accepted.
package witness
