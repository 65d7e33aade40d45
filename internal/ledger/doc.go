// Package ledger keeps the record of deployments, which is the audit log too:
// one append-only file of typed entries, and an index that can be thrown away.
//
// # Files
//
// A ledger is a folder on a local disk, or a database (see PostgreSQL):
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
//	type         ledger, intent, deployed, abandoned, refused, fault, drift, adopt, repair,
//	             status, approval, lock, unlock, veto, policy,
//	             stamp
//	push         one ID for all that one push wrote
//	service, environment, repository
//	host         of what is about a ref, in a ledger that hosts share: where the repository lies
//	ref
//	old, new     object IDs; of a drift what the ledger says and what was seen;
//	             old of an approval: the commit that was live when it was given
//	commit, tree, subject
//	kind         deploy, promote, rollback, redeploy, adopt, override, remove, reset; of an
//	             approval approve or reject, of a veto veto or lift, of a policy text or escaped,
//	             of a stamp deployed, status, withdrawal, fork or successor
//	action       of a release branch: release, replace, remove, reset; see Release branches
//	branch       of release, replace and remove: short name of the branch, like JIRA-123
//	head         of release and replace: object ID of the branch's commit that was released
//	tickets      list of the tickets that the branch is about
//	gone         list of short names of branches that are dropped, as the base has them by now
//	state        of a status, and a stamp of one: pending, success, failure, error, superseded
//	principal, via, address
//	intent       of deployed and abandoned: seq of the intent that it settles
//	record       of a status: seq of the deployed entry that it is about; of a stamp: seq of
//	             the line in its own ledger
//	origin       of a stamp: ID of the ledger that the line is of
//	checkpoint   of a stamp: size of that ledger's tree, a space, and the root in base64
//	key          of a stamp: fingerprint of the key that signed it, like SHA256:...
//	stamped      of a stamp: time of the line, by the clock there
//	evidence     list of seqs of earlier records that the decision rests on
//	rules        list of verdicts, like environments.prd.after=yes
//	codes        list of refusal codes
//	overrode     of kind override: list of the names of the rules that were overridden
//	policy       SHA-256 of the policy file; of a stamp: of the one that names the key
//	serial       of a policy: its key serial, if that is not 0
//	part, parts  of a policy: which part of the file this is, from 1, and how many there are
//	lines        of a policy: list of the part's lines; see Policies. Of a stamp: list of the
//	             other ledger's line, and the signature in base64; see Stamps
//	reason
//	until        of a lock: when it ends, a time like the first; without it, when it is taken off
//	deploy       of intent and deployed: command or external, if the deployment has an outcome
//	url, message of a status: where to read more, and what was said
//	token        of an intent: the receive-pack that it belongs to; of a pending status: the runner
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
// # Tree
//
// The lines are the leaves of a Merkle tree too, so that it is short to prove
// that a line is in the ledger, and that a ledger goes on from an earlier one.
// Package tlog says how it is made and how an outsider checks a proof.
//
// # Policies
//
// A policy file that decisions are judged by is on record, once, before the
// first of them, in one entry or several that follow each other (part 1 of
// parts, part 2, ...), all with the same policy, serial and kind. The lines of
// a part, joined by newlines, are its text; the texts of the parts, joined by
// nothing, are the file, whose SHA-256 is in policy. With the kind escaped,
// which is that of files with anything that does not print but newlines (tabs
// are such), each backslash and each such character or byte stands in lines as
// a Go escape: \\, \t, \x00, \u202e.
//
// The key serial of a policy may only grow. A file that is new to the ledger
// must have a higher serial than any on record, unless that is 0, which a file
// without the key has; and no decision may be judged by a file with a lower one
// than the highest on record. A crash may leave the first parts of a file: then
// it is not on record, and all its parts are written again.
//
// # Verification
//
// Verify checks the chain and more: that each line is written as described,
// that times do not step back by more than five minutes but at a repair, that
// every deployed settles an open intent and says what it said, and that all
// evidence was a deployment of the same service and commit, or a stamp of one,
// stood at that moment, and that the index, with its tree, says the same as the journal.
// Evidence that did not stand is accepted where the intent's rules have a
// verdict that ends in .evidence=ever, and such about another commit where one
// ends in .match=contained or .match=tree: what git knows of the two is not in
// the journal. Of the entries below it checks all that "must" says there.
//
// Of every stamp it checks, by itself, that its line is written as described and
// says what its fields say, that it is of the ledger that tells of its service
// and environment, and that it contradicts no stamp before it, unless it is
// there as a fork; and, once a policy is on record, that the policy that it
// names is, has the environment elsewhere, and lets the key sign for the service
// at that moment (up to five minutes sooner). The signature is checked by a
// function that VerifyWith is given, as "pathgate ledger verify" does: this
// package knows nothing of SSH. Without it the report counts the stamps whose
// signatures were not checked. The proof that the line was in the tree of the
// checkpoint is not on record: who received the stamp checked it.
//
// Of checkpoints held outside it computes the tree of as many lines and
// compares the root. Only they can tell that a ledger was restored from an older
// copy, cut off at its end, or written anew with all hashes right.
//
// It judges decisions again. Of every intent and refusal, by itself:
//
//   - rules are NAME=VERDICT; a verdict is yes, a refusal code, or overridden:
//     and the code that was gone past
//   - of an intent: overrode has exactly the rules that its verdicts say were
//     overridden, or just inherited; a code, not overridden, stands only where
//     the policy has enforce = false
//   - of a refusal: there is a code, and if its rules refuse, codes has exactly
//     theirs, or rehearsal (what counts further refusals of a push has none)
//
// Of an intent whose policy is on record, which all must be after the first
// policy, by evaluating that policy with what the ledger had before the line:
// what was live and stood, here and in the environments before, outcomes, time
// live, of environments elsewhere what stamps told of these and how old they
// were, approvals, locks, vetoes, the principal, the time (up to five minutes
// sooner, as a push takes its time), the reason of an override. All verdicts,
// the kind and the evidence must come out the same.
//
// What it cannot judge again, and takes as recorded: what git said (ticket,
// signed, branches, fast_forward: only that these rules gave a verdict where the
// policy asks for one); evidence with match = "contained" or "tree", and
// anything about the commit of a release branch, of which only pushers, locks
// and freezes are judged; whether a refusal was right; what a policy says that
// another version of pathgate wrote and this one cannot read; and who the
// transport said the principal was.
//
// # Outcomes
//
// A deployed entry with the field deploy has an outcome, which status entries
// tell. A status must name an earlier such entry in record and have the same
// service, environment, repository, ref and commit. With deploy=command, it is
// at most one pending, and then one of success, failure, error or superseded,
// which ends it; a success or failure must have a pending before it, the other
// two need none, as for what never started. Nothing may follow the end, and if
// something does, the index goes by the first. With deploy=external, pending
// may come until the first report; success, failure and error may be reported
// again, the newest counts, and superseded must not come. A deployed entry
// must have the deploy and overrode of its intent.
//
// The outcome of a commit in an environment is the newest success, failure or
// error of any of its deployments there. It is pending if the newest of these
// deployments has not ended. A deployment with deploy=command is in the queue
// of its service and environment until a status ends it.
//
// # Time live
//
// On one ref of one environment, a run is a row of deployed or adopt entries
// of one commit with no other commit between them; a withdrawal of the commit
// ends its run too, so that the next entry of the same commit begins another.
// A run has at most one span at a time:
//
//   - It begins with the first entry of the run that has no field deploy, or
//     with the first success of any deployment of the run, whichever is first.
//     What is deployed again meanwhile does not break it.
//   - A failure or error of any deployment of the run discards it, with all
//     its time: it was the time to find out. A later success, or entry without
//     deploy, begins another.
//   - It ends with the first entry that makes another commit live on the ref.
//
// pending and superseded change nothing, nor does a status of an earlier run.
// Spans of runs that began before the commit's last withdrawal in the
// environment, on whatever ref that was, do not count any more; those of runs
// that began after it do. A span that ends before it begins, by a clock that
// went back, is none.
//
// # Approvals, locks, vetoes, overrides
//
//   - An approval of kind approve or reject is a statement of a principal on
//     (service, environment, repository, ref, commit); the newest of each
//     principal counts. Its old must be the commit live on the ref then, empty
//     if none was. An approve is void once a later run has begun on the ref,
//     or a later veto barred the commit, lifted or not.
//   - A lock is on (environment, service, ref); without service or ref it is
//     on all. A second one replaces the first. An unlock must have the same
//     three, and they must be locked.
//   - A veto bars a commit from all environments of its service until a lift,
//     which must find it barred.
//   - An intent or deployed of kind override must have overrode and reason. If
//     it has no action, and the commit stands in the environment, was on the
//     ref before and is not live there, it withdraws as a rollback does.
//
// # Release branches
//
// An environment's ref may be one that the server makes of branches. An intent
// or deployed that does so has an action:
//
//   - release: a branch was merged into it. There must be branch and head, and
//     the kind must be deploy, promote, adopt or override.
//   - replace: a branch was released, and the ref was built anew, as the new
//     release does not contain the branch's old one. As for release.
//   - remove: a branch was taken out, and the ref was built anew. There must be
//     branch, and the kind must be remove or override.
//   - reset: the ref was started over. There must be reason, and the kind must
//     be reset or override.
//
// Without an action an intent or deployed must not have branch, head, gone, or
// the kind remove or reset; tickets may be there. An adopt must not have an
// action. A deployed must have the action, branch, head, tickets and gone of
// its intent, an abandoned the same or none of them; a refused may have any.
// What a remove takes out must have been in what was live on the ref, when the
// intent was written or when it was deployed.
//
// The contents of a commit on a ref are a row of releases: deployed entries
// with the action release or replace. They are made of the contents of the
// commit that was live on the ref before:
//
//   - release, replace: those, without the branches in gone and any earlier
//     release of the branch, and this release at the end
//   - remove: those, without the branches in gone and without the branch
//   - reset: none
//
// They stay with the commit until an entry with an action deploys it on the ref
// again: a rollback, a redeployment and whatever else has no action changes
// nothing in them. A commit that no action deployed there has none.
//
// A deployed with the action replace, remove or reset withdraws, in its
// environment, every commit deployed on its ref since the last such entry,
// that one's own commit with them, or ever if there was none; but not the
// commit that it deploys itself. An override with an action does what the
// action does, and does not go back besides. Which commits are reachable from
// what was withdrawn, and from nothing that stands, is for git to say.
//
// # Stamps
//
// A stamp is the signed statement of another host that its ledger has a line,
// about an environment which the policy here says is elsewhere. Package stamp
// says what is signed. The entry keeps all of that but the proof: kind and
// commit, origin, checkpoint, and in lines the line itself and the signature.
// service, environment, repository, ref, record and stamped must be those of
// the line; the principal too, but of a successor, whose principal is who let
// it be one, and of a fork. checkpoint must reach to record. The kind must fit
// the line:
//
//   - deployed: the line is a deployed or adopt entry of the commit
//   - status: it is a status of the commit's deployment; the state is the line's
//   - withdrawal: it is a deployed entry of another commit that took this one
//     away: its kind is rollback or override, or its action builds a release
//     branch anew. One line may have stamps of several commits
//   - fork: it is any of these, and contradicts a stamp that is on record; there
//     must be reason, which says how
//   - successor: it is any of these, and an operator let its ledger tell of the
//     service and environment from now on; there must be principal and reason
//
// Of one service and environment one ledger tells: that of the first stamp, and
// after a successor that of the successor. Stamps of others must not be on
// record. What was told before a successor does not count any more, also where
// its ledger has the ID of the one before: what holds must be told again. A fork
// bars what is told of its service and environment, before it and after it,
// until a successor; no other stamp of it may come meanwhile.
//
// A stamp contradicts another of the same environment and origin, whatever their
// services, if one number has two lines, a line's prev is not the hash of the
// line one before it, or trees of one size have two roots. Environments do not
// bear on each other, as whoever signs for one must not be able to bar another.
// That a checkpoint does not go on from the one before is for the receiver to
// find out, who has the proofs.
//
// What counts is the origin's order, by record, and never the order in which
// stamps came. Of a commit in an environment elsewhere:
//
//   - It is deployed if there is a stamp of that, the newest of which, on a ref
//     that the question is about, is the evidence. Its time is stamped.
//   - It is withdrawn if a stamp of a withdrawal in the same repository is newer
//     than that.
//   - Its outcome is what the newest status of that deployment says. With the
//     field deploy in the line and no status, it is pending, without the field
//     there is none to wait for. What other deployments of the commit came to
//     does not count.
//   - It is live on a ref if its newest deployment there is the newest line known
//     of the ref: stamps of withdrawals tell too that another commit came. It is
//     so since then, or since the newest status, if the line has the field deploy,
//     and that is a success; not at all while it is withdrawn. Time that is over
//     is not known, nor whether it was live before a redeployment.
//   - It is there by an override if the line's kind is that.
//
// A stamp that tells nothing new need not be kept: of one that is on record, or
// older than one of the same kind, commit, repository and ref (of a status, of
// the same deployment; of a withdrawal, on whatever ref).
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
// there, except that commit; so does one of kind override that goes back, as
// said above, and one that builds a release branch anew, as said there. The
// newest deployed or adopt entry of a ref is what is live on it.
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
// # PostgreSQL
//
// In a build with the tag postgres the place of a ledger may be the URL of a
// database; in others that is an error. Hosts that share it write the same
// lines, chain and tree as into a file, and the same code makes the same
// projections of them. Package pgstore says which tables there are, and
//
//   - A line's offset is the one that it would have in a file, so that places,
//     what Read goes on from, and copies mean the same.
//   - The lock is that of the row of head, which has what the watermark has, but
//     for the boot: a commit has lines, projections and head, or nothing. Open
//     takes it and reads what Options.Hints says in one round trip, and Append
//     writes and gives it up in one. An Append after that takes the lock again,
//     AppendOn at once and with the same round trip, unless others are quicker;
//     if others wrote meanwhile, it fails with ErrMoved for what is decided by
//     what the ledger says (intents, stamps, approvals, locks, vetoes, policies),
//     and records what has happened (deployed, abandoned, status, refused,
//     fault, drift).
//   - Between Open and Append all answers are of one moment. After an Append each
//     is of a moment of its own; where others wrote before one of them, whoever
//     noticed, what was decided fails with ErrMoved at the next Append, once. With
//     Options.ReadOnly nothing is locked.
//   - Every step takes at most Options.Wait, on the server too. Who holds the lock
//     and does nothing for as long loses it, and has written nothing.
//   - Values carry no checksum; the server's pages may (initdb --data-checksums).
//     Records that a decision rests on are held against their SHA-256 all the same.
//   - The hosts have policy roots of their own, so the ledger is bound to none: the
//     first line's root is that of the empty string, and Options.Root is not
//     looked at.
//   - Projections of another version are ErrStale until Rebuild has made them
//     anew, in one transaction. No push does that.
//   - Repair accepts a clock that is behind, and lines that the head does not know
//     of. There is no snapshot. Verify and Rebuild copy the lines into a temporary
//     file first, and need as much room there as the ledger has bytes.
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
//   - ErrWrite: the disk is full or broken; nothing was recorded. Of a database
//     also: the connection was lost. It says whether nothing was recorded, or
//     whether that could not be found out in time; then see pathgate log.
//   - ErrUnreachable: see that a server runs that takes writes, and that the URL
//     names it. ErrStale: pathgate ledger rebuild. ErrMoved: push again.
//   - An index that kills the process even so (a bbolt file can be damaged in
//     ways that Go cannot recover from): remove index.db.
package ledger
