// Package release builds the commit that an environment with release branches
// shall hold. It knows git objects and nothing of the ledger, of locks or of
// the terminal, and it never moves a ref: Build says what the commit is, or
// what stands against it, and Plan.Finish writes it.
//
// # What is built
//
// A release merges a branch's commit into the environment: always by a merge
// commit whose first parent is the environment, unless the policy allows the
// environment to be moved forward and history does. If base has gone on since,
// it is merged first, by a commit of its own. An environment without a ref is
// made from base. What the environment contains already is contained, and there
// is nothing to do.
//
// Removing a branch, and releasing one whose earlier commit is not in the new
// one, builds the environment anew: from base, with the branches that are still
// released, in the order in which they were, and the new commit last. Branches
// that base contains by now are left out and named (Plan.Gone); one whose
// commit came along with another needs no merge. To start over sets the
// environment to a commit of base.
//
// A merge that is not clean ends the work with a Conflict. Whose branch it is
// with is found by merging the two, never guessed from names or dates: a
// released branch counts if its commit and the one at hand conflict in a path
// that they conflict in here and, where base alone conflicts too, if it changes
// such a path itself.
//
// # What is deterministic
//
// The commits follow from the request alone: parents, files (git merge-tree
// with its defaults, see gitfacts.MergeTree), message, identity and time. Author and committer are the server. All that is not the
// server's own is one cleaned line in the message, so that nobody can write a
// trailer there. Only the last commit of an action names its record, since the
// number is known only when the ledger is locked; Plan.Finish then needs one
// git process, or none.
//
// # Bounds
//
// A conflict names at most 20 files, three places in each and 30 lines in all.
// At most 100 released branches are looked at for what conflicts, newest first,
// for at most three seconds; Conflict.Unsearched says how many were not.
//
// git 2.38 or newer is needed, for merge-tree --write-tree. It needs no work
// tree and no index. Work that is not finished leaves objects that no ref
// leads to; git gc takes them.
package release
