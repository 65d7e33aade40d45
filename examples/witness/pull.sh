#!/bin/sh
# pull.sh fetches a copy of a ledger to the witness's host and holds it against
# what was seen before. cron starts it there, as the witness's user:
#
#     */10 * * * * pull.sh LEDGER git@host:/var/lib/pathgate/ledger.jsonl
#
# It prints nothing if all is well. The fetching command is called with the
# source and the file to make; rsync must look at a file whose size and time are
# the same (--ignore-times), and at what it has already (no --append).
set -u
state=${PATHGATE_WITNESS:-/var/lib/pathgate-witness}
fetch=${PATHGATE_FETCH:-rsync --ignore-times --no-links}

fail() {
	printf 'pull.sh: %s\n' "$1" >&2
	exit "${2:-1}"
}

[ $# -eq 2 ] || fail "usage: pull.sh LEDGER SOURCE" 2
copy=$state/copies/$1
mkdir -p "$copy" || fail "cannot make $copy" 3
known=$(pathgate witness size --state "$state" "$1") || fail "the witness cannot be asked" 3
# $fetch is a command with its words.
$fetch "$2" "$copy/ledger.jsonl" || fail "the ledger could not be fetched" 3
pathgate witness check --state "$state" --ledger "$1" --known "$known" "$copy" >"$copy/cosigned.new" ||
	{ status=$?; rm -f "$copy/cosigned.new"; fail "the copy is refused: keep $copy" "$status"; }
mv "$copy/cosigned.new" "$copy/cosigned"
