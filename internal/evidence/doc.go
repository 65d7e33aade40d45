// Package evidence writes what an audit of change management asks for: each
// change to production in a window of time, with who asked for it, who approved
// it, what had been tested, what the rules said, how it ended and how it can be
// or was backed out; and, before all else, the exceptions.
//
// # Files
//
// Write makes one folder:
//
//	report.html       the page to read and to print
//	exceptions.csv    what went past a rule or round the gate, or changed the rules
//	changes.csv       the changes to production
//	approvals.csv     approvals and objections that stood when a change was decided
//	verification.txt  what ledger.Verify found, in words
//	checkpoint.txt    the checkpoint (package tlog), signed or not
//	proofs/           if it is signed: RECORD.tlog-proof for each record that the tables name, and the first
//	policies/         SHA256.toml: the policy files that the tables name
//	README.txt        how to check it without us; all columns
//	MANIFEST          SHA-256 of each file but itself, in the form of sha256sum(1)
//
// The same ledger, options and clock make the same bytes. The folder appears
// whole or not at all, and replaces nothing.
//
// # What is read
//
// The journal, with ledger.Read and no lock: once for the tables and the tree,
// once by ledger.Verify, which holds that tree against its own, and once for
// the proofs. Lines that come meanwhile are left out. Of the whole journal some
// numbers are kept for each deployment of the service; whole entries only of
// the window, of which there may be MaxRows. The hashes of the tree go to a
// file without a name beside the folder, 64 bytes for each record.
//
// # What it says
//
// A change is a deployed entry whose time is in the window, in an environment
// of production. Its intent has the verdicts of the rules. Approvals are those
// that were not void when the intent was written (package ledger, Approvals);
// whether one counted is judged by the policy that is on record, as package
// policy does. Tests are the evidence, with the outcome of the commit in that
// environment as it was at the intent. Outcome and back-out are as at the end
// of the journal.
//
// A change is backed out by a later rollback, or override that goes back, that
// withdraws its commit; a release of a branch by one that takes the branch out
// or starts the environment over. A branch that is released anew, or a newer
// deployment, backs nothing out.
//
// # Hostile values
//
// Names, subjects, reasons and messages come from outside. In CSV, which is by
// RFC 4180, a value that begins with what a spreadsheet may take for a formula
// has an apostrophe before it. On the page all of them are text between bdi
// elements; there is no script, no link that leads outside, and a policy
// (Content-Security-Policy) that allows nothing but the page's own style, by
// its hash.
package evidence
