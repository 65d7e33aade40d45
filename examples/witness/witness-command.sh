#!/bin/sh
# witness-command.sh is all that the ledger's host may start on the witness's:
# the forced command of its key in ~witness/.ssh/authorized_keys. It names the
# ledger, so that whoever has the key can speak for no other, and has no
# --first, so that nothing is believed as it comes.
set -eu
PATH=$PATH:/usr/local/bin
ledger=$1
state=${2:-/var/lib/pathgate-witness}

case ${SSH_ORIGINAL_COMMAND-} in
size) exec timeout 60 pathgate witness size --state "$state" "$ledger" ;;
add) exec timeout 60 pathgate witness add --state "$state" --ledger "$ledger" ;;
esac
echo 'witness-command.sh: it is size or add' >&2
exit 2
