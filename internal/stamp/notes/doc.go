// Package notes keeps stamps in git notes (git-notes(1)), one ref for each
// environment: refs/notes/deployments/ENVIRONMENT.
//
// # Tree
//
// The tree of a notes ref has a blob for each commit that has a note. Its path is
// the commit's ID in hex, with a slash after the first two digits, or the first
// four, and so on, as git finds good for the number of notes: git fans a level
// out when each of the sixteen first digits there has two notes or more. Write
// does as git does, so that the trees are those that "git notes" would make.
//
// Read takes a tree from anybody. It follows a commit's path and reads nothing
// else: a million notes cost what the trees on the path cost. What counts as a
// note is what git takes for one: a regular file with the rest of the ID as its
// name in small letters. Two notes of one commit, a tree of more than 1 MiB, and
// a note of more than 256 KiB are errors, of that commit only; anything else in the
// tree is passed over. No call reads more than 40,000 objects or 64 MiB: what is
// beyond that is ErrTooMuch.
//
// # History
//
// In the environment's own repository only pathgate writes the ref, by compare
// and swap, and each commit goes on from the one before. Its message says what
// was stamped and ends in a paragraph of trailers (git-interpret-trailers(1)):
//
//		Pathgate-Tree: 20852163 CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//		Pathgate-Proof: PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw= ...
//		Pathgate-Stamped: 3f9c2ab51f0e6a3c9f3d8a4a2b6a2d9f7c1e5b80
//
//	  - Tree is the size and the root of the ledger's tree that the stamps were
//	    signed with
//	  - Proof proves that the tree of the parent is the beginning of this one (RFC
//	    6962, section 2.1.2). It has no hashes if the two are the same, and is left
//	    out where nothing is proven: in the first commit, and where the chain begins
//	    anew.
//	  - Stamped is a commit whose note has one of the new stamps
//
// Nothing of this is signed. Between two trees that are known from signed stamps
// the proofs hold or do not: whoever has neither key nor ledger can cut the chain
// or go on from its end, and put nothing into it.
package notes
