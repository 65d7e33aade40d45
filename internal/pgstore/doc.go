// Package pgstore keeps lines, and values by keys, in PostgreSQL. It knows
// bytes only: what they mean is for package ledger, which is the only one that
// imports it, and only in a build with the tag postgres.
//
// # Tables
//
// All are in the schema pathgate; one database has one ledger.
//
//	entry       seq, "offset", line: the lines, without their newlines, at the
//	            byte offsets that they would have in one file
//	head        one row: where the last line is, its hash and time, the ledger's
//	            ID, the versions of the values (schema) and of these tables
//	            (layout), and the keys that the next writer needs (next_keys)
//	projection  key, value; records are the lines that the value names, next are
//	            the keys that a reader of the value will want
//	record      a view for auditors: what most ask of the lines, in columns
//
// Triggers refuse to change or remove a line and to take the head back, to the
// tables' owner too.
//
// # Transactions
//
// Whoever writes locks the row of head (SELECT FOR UPDATE), READ COMMITTED: so
// writers follow each other, sequence numbers have no gap, and each sees what
// the one before wrote. One batch of statements locks and reads, one writes and
// commits, and may begin the next transaction, which waits for nobody (SKIP
// LOCKED); no statement is prepared, so that a pooler in transaction mode may
// stand between. Each transaction sets its own time limits, and a
// synchronous_commit that is at least on.
//
// # A connection that is lost at COMMIT
//
// Commit then connects again, locks the head, which waits until the server has
// done with the old transaction one way or the other, and compares the lines.
// It ends that with a COMMIT of its own, which does not return before all that
// it saw is as durable as any commit: with synchronous replication, on the
// standby.
package pgstore
