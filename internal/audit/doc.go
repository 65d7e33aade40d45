// Package audit brings the ledger's lines to those who read them elsewhere: the
// sinks that a policy names in the table [audit].
//
// The ledger stays the record; a sink gets a copy of it. After entries are
// durable in the ledger and its lock is gone, Ship hands each sink all lines
// from where it stands up to the ledger's end. So every sink gets every line, in
// the order of seq, at least once: what could not be handed over comes later,
// from the ledger, and what was handed over when the process died comes again. A
// reader takes lines by their seq, and drops those that it has.
//
// # Cursors
//
// How far a sink has come is in the ledger's folder, in audit.file.cursor,
// audit.syslog.cursor or audit.journald.cursor: the ledger's ID, and the number,
// place and SHA-256 of lines that were taken. The cursor moves after the sink
// has taken the lines. Its flock is held by who ships. Removed, it makes the sink
// get everything again. A sink that is new gets the whole ledger.
//
// If the journal does not have the line that the cursor names, it was cut, put
// back from a copy, rewritten or replaced. The sink is told so by an event of
// the type audit, which has no seq, and gets all that comes after the newest
// line that both have; if there is none, everything. The same event tells of a
// line that does not follow the line before it.
//
// # Sinks
//
//   - file: the line as it is in the ledger, appended with one write(2) and one
//     fdatasync(2). It is opened by its name each time, so it can be renamed at
//     any moment. What a full disk has left of a line is taken off again.
//   - syslog: a message as RFC 5424 has it, in one datagram of at most 8000
//     bytes to a socket of this host, or 2048 by UDP. See below.
//   - journald: an entry by the native protocol: MESSAGE, PRIORITY,
//     SYSLOG_FACILITY, SYSLOG_IDENTIFIER=pathgate, PATHGATE_TIME, each field as
//     PATHGATE_NAME, and PATHGATE_LINE, the line as it is in the ledger.
//
// UDP tells nobody what was lost. Where another host answers that nothing
// listens there, the lines of that time come again; no other loss is seen, also
// with required = true.
//
// # Messages
//
//	<PRI>1 TIME HOST pathgate PID TYPE [pathgate@32473 seq="12" ...] TEXT
//
// PRI is the policy's facility and a severity: 2 of an event of this package, 3
// of a fault and a deployment that failed, 4 of a refusal, drift, a repair and an
// override, 6 of an intent, an abandoned one, the ledger's first line and other
// statuses, 5 of the rest. TIME is the entry's. The parameters of the structured
// data have the names of the line's fields (package ledger), and besides:
//
//   - ledger: the ledger's ID, in every message
//   - sha256: of the line without its newline, as in prev of the line after it
//   - cut: "true" if something had to be left out or cut for the size; the
//     ledger has it. The lines of a policy are always left out, and so is the
//     token of an intent, without cut.
//
// Lists are joined by spaces. TEXT begins with a byte order mark if it is not
// ASCII only, as RFC 5424 asks of UTF-8. Everything has passed through
// text.Clean: there are no control characters and no line breaks.
//
// 32473 is the enterprise number that RFC 5612 keeps for examples. pathgate has
// no number of its own; readers should look for the name before the @.
package audit
