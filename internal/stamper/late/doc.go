// Package late finds what is on record and was not stamped, and stamps it: a hook
// was killed between the record and the note, the key could not be read, the disk
// was full, the ref of the notes was deleted or set back, or the policy was given
// stamps when the ledger was old already.
//
// It reads the journal from where it was the last time, which a cursor beside it
// says, and holds what it finds against the notes. A notes ref that was deleted or
// set back it restores from what pathgate has kept. It reads the journal from the
// beginning for a repository whose notes are not, or do not go on from, those that
// were whole when a run ended last, by the file stamps.whole beside the cursor: it
// is new, or both refs were gone or spoilt; and where a live commit has no stamp
// though the cursor is past its record. It goes from the oldest to the newest, so that the
// live commit is stamped last: a run that was broken off begins again.
//
// Bound: of the commits of one environment of one repository, at most the newest
// 10,000 are looked at in one run, by their newest record. What is older and
// stands gets a stamp when it is deployed again. The cursor goes on only if
// nothing failed; a repository that is not there any more is no failure.
package late
