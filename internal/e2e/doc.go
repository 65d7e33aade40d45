// Package e2e tests pathgate end to end: real git, the shipped binaries, real
// repositories. It holds tests only.
//
// testdata/script holds one script for each promise and one for each way round
// the gate that was ever found; testdata/harness tests the harness itself and
// needs no pathgate. The scripts are run by
// github.com/rogpeppe/go-internal/testscript; beside its own commands they know:
//
//	site [-sha256] [-reftable] [-shared] [-release] [-source S] [-policy FILE] [-noinstall] [REPO...]
//	    Makes $WORK/srv with bare repositories (shop/dev.git, shop/stg.git and
//	    shop/prd.git unless others are named), $WORK/policy.toml, installs
//	    pathgate into them, makes the clone $WORK/work with a remote for each
//	    repository and the commit A on main, and changes into it. In FILE, $WORK
//	    and ${NAME} stand for the values of these variables.
//	    With -release it is one repository, shop.git, whose environments dev and
//	    stg are release branches and whose main is prd; A is in main and
//	    adopted, and the remote is origin.
//	commit [-file FILE] NAME [SUBJECT]
//	    Commits and sets $NAME to the full ID, ${NAME}7 to its first seven
//	    digits. Dates advance by a minute, so that IDs are the same in each run.
//	    With -file FILE (may be repeated), these files are committed as they
//	    are; otherwise app.txt grows by a line.
//	tag NAME TAG [COMMIT]
//	    Makes an annotated tag and sets $NAME to the tag object's ID.
//	ref REPO REF WANT
//	    Checks what a ref holds: a full ID, or "absent". REPO is absolute, or
//	    below $WORK/srv, or short: "prd" is shop/prd.git.
//	still [-from] REPO
//	    With -from remembers all refs of a repository and what is on record as
//	    let in; without, checks that it is still so.
//	entries [-types T,...] [-dir DIR] [-fields F,...]
//	    Checks the ledger's chain without pathgate's help and prints the
//	    entries, one a line. -fields prints other JSON fields.
//	ledger [-types T,...] [-dir DIR] FILE
//	    Compares what entries prints with FILE; -update rewrites FILE.
//	cmpout stdout|stderr FILE
//	    Compares the last output with FILE after taking out what differs from
//	    run to run; -update rewrites FILE. After site -release it prints the
//	    names of commits for their IDs, and ~merge~ for those without a name.
//	name NAME REVISION [REPO]
//	    Sets $NAME and ${NAME}7 to a commit that commit did not make, of the
//	    clone or of REPO. The last output stays.
//	hints COUNT, paste NUMBER...
//	    hints keeps the COUNT commands that the last push was answered with;
//	    paste types them in by their number.
//	rawpush ...
//	    A receive-pack client for what git will not send: see rawpush_test.go.
//	await [-types T,...] [-dir DIR] [-fields F,...] [-count N] PATTERN
//	    Waits until N lines (1 if left out) of what entries prints match.
//	rested
//	    Waits until no deployment's runner is left.
//	clock NAME OFFSET FORM
//	    Sets $NAME to the time that is OFFSET (such as -90m) from now, in UTC:
//	    FORM is weekly (Fri 16:00), local (2026-12-20T00:00:00) or rfc3339.
//	keygen NAME...
//	    Makes the SSH keys $WORK/keys/NAME and lists them in
//	    $WORK/allowed_signers as NAME@example.com.
//	host [-sha256] NAME POLICY REPO...
//	    Makes another host beside the site: $WORK/NAME/srv with bare repositories,
//	    $WORK/NAME/policy.toml, pathgate installed; and the remotes in the clone.
//	stampkey NAME...
//	    Makes the SSH keys $WORK/keys/NAME and sets $NAME to the public half.
//	forge commit=ID [FIELD=VALUE...]
//	    Stamps what a host that is broken into may say: puts a deployed of the
//	    commit on record in the ledger $WORK/forged, signs it with $WORK/keys/STG,
//	    and writes the note into the clone. The fields service, environment,
//	    repository, ref, kind and deploy are the record's; ledger and key name
//	    others, repo is another repository than the clone, notes is whose notes
//	    they are, note the commit that the note is put to, namespace the
//	    signature's, at a span by which the ledger's clock is off; about and of
//	    make a stamp of another kind, about another commit.
//	sshd PERSON[:KIND]...
//	    Starts a real sshd; "git push ssh://ana$WORK/srv/shop/dev.git" logs in
//	    as ana. KIND is pathgate (default: pathgate shell),
//	    gitshell, shell or bare.
//	syslogd SOCKET FILE, syslogd -stop SOCKET
//	    Listens on a datagram socket and writes each message as a line of FILE.
//	    Stopped, it has written all that was sent.
//	tmpfs DIR SIZE, fill DIR
//	    Mounts a small file system; leaves no byte free on it.
//	killhooks [-ref REF] HOOK ATTEMPTS REPO [ARG...]
//	    Kills a hook at many moments of many pushes and checks the invariants.
//	killrelease HOOK ATTEMPTS
//	    The same with releases, removals and resets in dev of "site -release".
//	need PROGRAM PACKAGE, need root WHY
//	    Skips the script where something is missing, and says how to get it.
//	    Where PATHGATE_TEST_ALL=1 is set every skip is a failure.
//	waitfor [-gone] FILE
//	    Waits until FILE exists or, with -gone, does not.
//	idle REPO
//	    Waits until no process works in the repository.
//	within DURATION COMMAND [ARG...]
//	    Runs a command and fails if it takes longer.
//
// testdata/shared holds those about a ledger that hosts share in PostgreSQL,
// which a build with the tag postgres runs: see TestShared.
package e2e
