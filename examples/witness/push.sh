#!/bin/sh
# push.sh tells a witness on another host how the ledger goes on, and keeps the
# checkpoint that the witness has signed. cron starts it on the ledger's host,
# as a user that can read the checkpoint key:
#
#     */10 * * * * push.sh LEDGER /var/lib/pathgate/cosigned ssh witness@witness.example
#
# The words after the file are what reaches the witness: they are called with
# one word more, "size" or "add". It prints nothing if all is well.
set -u
policy=${PATHGATE_POLICY:-/etc/pathgate/policy.toml}

fail() {
	printf 'push.sh: %s\n' "$1" >&2
	exit "${2:-1}"
}

[ $# -ge 3 ] || fail "usage: push.sh LEDGER FILE COMMAND [WORD]..." 2
ledger=$1 cosigned=$2
shift 2

known=$("$@" size) || fail "the witness does not answer" 3
case $known in
'' | *[!0-9]*) fail "the witness does not say how many records it knows" 3 ;;
esac

# What the witness signed it must know. It may have been put back from a backup.
if [ -f "$cosigned" ]; then
	[ "$(sed -n 1p "$cosigned")" = "pathgate/ledger/$ledger" ] || fail "$cosigned is not of ledger $ledger"
	signed=$(sed -n 2p "$cosigned")
	[ "$known" -ge "$signed" ] || fail "THE WITNESS HAS FORGOTTEN: it signed for $signed records, and knows $known"
fi

# A ledger that cannot prove anything says what it has, and one that cannot even
# do that says nothing: the witness shouts about both. A ledger that is only
# busy is asked twice.
say() {
	pathgate ledger checkpoint --old "$known" --policy "$policy" ||
		pathgate ledger checkpoint --policy "$policy"
}
said=$(say) || { sleep "${PATHGATE_PAUSE:-10}" && said=$(say); } || said=
if printf '%s\n' "$said" | "$@" add >"$cosigned.new"; then
	mv "$cosigned.new" "$cosigned"
else
	rm -f "$cosigned.new"
	fail "the witness refuses: what it says stands above, and in its alarms.jsonl"
fi
