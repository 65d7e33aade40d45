// Package deploy runs the deployments that pushes have queued.
//
// A deployed entry with deploy="command" is queued until a status entry ends
// it. Whoever writes such an entry calls Start, which starts the runner, a
// program of its own (Main), away from the push. A runner takes the lock of
// one environment of one service and works until its queue is empty: the
// newest record is next, those that it overtook are recorded as superseded and
// never start, and a record is on the ledger as pending, with the runner's
// token, before its command starts. So a command starts at most once, and two
// never run side by side. A command that runs when a newer record comes goes
// on to its end; its outcome is recorded before the newer one starts.
//
// # What a command gets
//
// It is started as the policy has it, without a shell, in a process group of
// its own, with standard input from /dev/null. Its working directory is a
// clean checkout of the commit, or the repository's git directory where the
// policy has checkout = false. Its environment is PATH (absolute folders
// only), HOME, LANG and
//
//	PATHGATE_SERVICE      the service
//	PATHGATE_ENVIRONMENT  the environment
//	PATHGATE_COMMIT       the commit's full ID
//	PATHGATE_PREVIOUS     the commit that the ref was at before, or empty
//	PATHGATE_KIND         deploy, promote, rollback, redeploy, override
//	PATHGATE_PRINCIPAL    who pushed
//	PATHGATE_RECORD       the record's number
//	PATHGATE_PUSH         the push's ID
//	PATHGATE_REPOSITORY   the repository, relative to the policy's root
//	PATHGATE_REF          the environment's ref
//	PATHGATE_RUNNER       the runner's token; by it leftovers are found
//
// It has succeeded with exit status 0 and failed with any other. A signal, the
// timeout of the policy, and whatever kept it from running are errors. At the
// timeout its group gets SIGTERM, and SIGKILL ten seconds later. If the runner
// is killed, so is the command. What it leaves in the background when it ends
// goes on, but what that prints is not kept: redirect it.
//
// # Files
//
// LEDGER/deploy/SERVICE/ENVIRONMENT holds lock, RECORD.log with what a command
// printed, at most 64 MiB as it came, and RECORD-RANDOM.tree, the checkout,
// while it runs. All can be removed when nothing runs; only the output is lost.
//
// A commit that holds what git could take for a repository is not checked out,
// and its deployment is an error: git would serve it, with its hooks, to whoever
// knows the path, here or where a command publishes it.
package deploy
