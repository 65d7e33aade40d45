// Package ledger keeps the record of deployments, which is the audit log too:
// one append-only file of typed entries, and an index that can be thrown away.
//
// # Files
//
// A ledger is a folder on a local disk:
//
//	ledger.jsonl    the journal: the truth
//	index.db        the index (bbolt): what the entries amount to, rebuilt at need
//	index.snapshot  a synced copy of the index, so that a rebuild is short
//
// The files have the folder's owner; index and snapshot have the journal's
// permissions, 0640 unless an operator changed it. Names like index.db.new are
// files being made; index.snapshot.new-* of a process that died go after a day.
//
// # Lines
//
// A line is one flat JSON object in UTF-8 without white space, ends in a
// newline and has at most 16,384 bytes with it. It never grows or changes.
// Fields stand in this order and are left out where they are empty:
//
//	seq          1, 2, 3 ... without a gap; the line's number
//	time         UTC, like 2026-11-21T09:14:07.123456Z; the server's clock
//	type         ledger, intent, deployed, abandoned, refused, fault, drift, adopt, repair
//	push         one ID for all that one push wrote
//	service, environment, repository, ref
//	old, new     object IDs; of a drift what the ledger says and what was seen
//	commit, tree, subject
//	kind         deploy, promote, rollback, redeploy, adopt
//	principal, via, address
//	intent       of deployed and abandoned: seq of the intent that it settles
//	evidence     list of seqs of earlier records that the decision rests on
//	rules        list of verdicts, like environments.prd.after=yes
//	codes        list of refusal codes
//	policy       SHA-256 of the policy file
//	reason
//	token        of an intent: the receive-pack that it belongs to
//	ledger       first line only: the ledger's ID, 32 hex digits
//	version      first line only: 1
//	root         first line, and repairs that move it: SHA-256 of the policy's root path
//	prev         SHA-256 of the line before without its newline, in hex; not on the first
//
// Numbers are whole. Lists are of numbers or of strings. In strings only " and
// \ are escaped, with a backslash: whatever could mislead a reader (control and
// format characters, invalid UTF-8, odd spaces) was turned into a visible Go
// escape such as \u202e before it was written. Other types and other fields
// may come with later versions of pathgate: a reader skips what it does not
// know. A key never comes twice.
//
// # Chain
//
// This is the whole check of the chain. Keep the last line's hash somewhere
// else to find out later whether the journal was cut or written anew:
//
//	prev=
//	n=0
//	while IFS= read -r line; do
//	  n=$((n+1))
//	  ok=$(printf %s "$line" | jq -r --arg p "$prev" --argjson n $n '.seq == $n and (.prev // "") == $p')
//	  [ "$ok" = true ] || { echo "line $n does not follow the line before"; exit 1; }
//	  prev=$(printf %s "$line" | sha256sum | cut -d' ' -f1)
//	done < ledger.jsonl
//	echo "the chain holds: $n lines, last hash $prev"
//
// Verify checks the chain and more: that each line is written as described,
// that times do not step back by more than five minutes but at a repair, that
// every deployed settles an open intent and says what it said, and that all
// evidence was a deployment of the same service and commit, stood at that
// moment, and that the index says the same as the journal.
//
// # Writing
//
// Whoever writes holds an exclusive flock on ledger.jsonl, waits for it for a
// bounded time, and writes all entries of a moment with one write(2) and one
// fdatasync(2). If either fails, the journal is cut back to where it was, and
// the entries count as not written. Only then the index follows, without sync.
//
// # Index
//
// The index is one bbolt bucket of keys and values; each value ends in a
// CRC-32C of its key and itself. A key is a letter and fields, each with its
// length before it: see keys.go. A record that a decision rests on is read
// back from the journal and held against its SHA-256 before it counts.
//
// A commit stands in (service, environment, repository) if it has a deployed
// or adopt entry there, on a ref that the question is about, that is newer
// than its last withdrawal. A deployed entry of kind rollback withdraws all
// commits deployed on its ref since the last deployment of its own commit
// there, except that commit. The newest deployed or adopt entry of a ref is
// what is live on it.
//
// The index carries a watermark: the ledger's ID, the machine's boot ID, where
// the last line that it saw begins and ends, its seq, SHA-256 and time, the
// version of the keys, and a checksum. When a ledger is opened:
//
//   - The watermark's checksum holds, and the journal does not have that line
//     there: ErrCut, whatever boot wrote it. The same for the snapshot's
//     watermark when it is used.
//   - No index, one that cannot be read, another boot ID (without sync, nobody
//     knows what a crash left), another version: it is rebuilt, from the
//     snapshot and what came after it, or from the whole journal.
//   - Lines after the watermark are checked and applied.
//
// Journal, index and snapshot put back together within one boot look sound.
// Only a hash kept elsewhere, or the refs themselves, can tell.
//
// # Faults and their mends
//
//   - ErrMissing: install makes a ledger; if there was one, put it back.
//   - ErrBusy: somebody holds the ledger: fuser ledger.jsonl names the process.
//   - ErrNetwork: move the folder to a local disk. FUSE counts as network.
//   - ErrTorn: the last line is unfinished and the journal is append-only
//     (chattr +a): take the attribute off, open the ledger once, set it again.
//     Without the attribute an unfinished line is dropped by itself, and a
//     repair entry says how long it was, with its SHA-256. It was never
//     acknowledged to anybody.
//   - ErrCut, ErrRoot, ErrClock: find out why first. Repair writes a repair
//     entry that says what was accepted, and goes on from there.
//   - ErrDamaged: a complete line is not what it was. Repair does not accept
//     that: put the file back, or set the folder aside, make a new ledger and
//     adopt the repositories into it. Lines after the last sound one that no
//     index has seen may also be cut off by hand.
//   - ErrWrite: the disk is full or broken; nothing was recorded.
//   - An index that kills the process even so (a bbolt file can be damaged in
//     ways that Go cannot recover from): remove index.db.
package ledger
