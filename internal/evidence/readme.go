package evidence

const readmeFiles = `
Files
-----

report.html       the page to read and to print: exceptions first, then all else
exceptions.csv    what went past a rule or round the gate, or changed the rules
changes.csv       the changes to production, one a row
approvals.csv     approvals and objections that stood when a change was decided
verification.txt  what the ledger's own check found
checkpoint.txt    the ledger's name, and the size and root of its tree
proofs/           if that is signed: a proof for each record that the tables name
policies/         the policy files that the tables name, by SHA-256
MANIFEST          SHA-256 of each file but itself

How to check this without those who made it
-------------------------------------------

1. That no file was changed on its way:

     sha256sum -c MANIFEST

   and compare the SHA-256 of MANIFEST with the one that "pathgate evidence"
   printed, if you were told it another way.
`

const readmeProofs = `
2. That a record is in the ledger, on any machine, with neither the ledger nor
   a network; here record %d:

     pathgate ledger verify-proof proofs/%[1]d.tlog-proof --key VKEY

   VKEY is the ledger's verifier key. Take it from where you were given it
   before, not from this folder. It should be:

     %[2]s

   It prints the record's line; compare it with the row. A proof is in the form
   of https://c2sp.org/tlog-proof, so that other tools read it too. All proofs:

     for f in proofs/*.tlog-proof; do
       pathgate ledger verify-proof "$f" --key VKEY >/dev/null || echo "$f"
     done

3. That nothing was left out. Proofs cannot show that. Ask for a copy of
   ledger.jsonl, and of checkpoints that were kept elsewhere or signed by a
   witness, and check on your machine, with a policy file that names the
   folder of the copy:

     pathgate ledger verify --checkpoint checkpoint.txt --key VKEY

   Then run "pathgate evidence" with the same window on the copy: the CSV
   files come out the same, as long as the copy ends with the same record.
`

const readmeUnsigned = `
2. checkpoint.txt is not signed, and there are no proofs: a proof ends in a
   signed checkpoint. Ask for this made with --key, of a ledger that holds.
   Until then nothing here is bound to the ledger but by the word of the one
   who ran the command.

3. That nothing was left out. Ask for a copy of ledger.jsonl, and of
   checkpoints that were kept elsewhere or signed by a witness, and check on
   your machine, with a policy file that names the folder of the copy:

     pathgate ledger verify --checkpoint FILE --key VKEY

   Then run "pathgate evidence" with the same window on the copy: the CSV
   files come out the same, as long as the copy ends with the same record.
`

const readmeRest = `
How to read the tables
----------------------

CSV by RFC 4180: UTF-8, the first line names the columns, lines end in CR LF.
Several values in one cell are joined by "; ". All times are UTC. A value that
a spreadsheet could take for a formula, as it begins with = + - @, a tab or a
line break, has an apostrophe (') before it: take that off to compare it with
the ledger. What does not print stands as an escape such as \u202e.

A change is a row if the record of its deployment has a time within the
window. Outcome and back-out are told as they are on record now, also where
they came after the window. Exceptions are those of all environments of the
service, and of the ledger as a whole.
`
