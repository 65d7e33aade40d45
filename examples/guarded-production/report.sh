#!/bin/sh
# report.sh tells pathgate how a deployment to stg went. Its place on the server
# is /srv/deploy/report.sh, owned by root. The pipeline's account calls it with
# sudo, and sudo vouches for the account's name, which stands in "reporters":
#
#     ssh ci@host sudo -n /srv/deploy/report.sh SERVICE COMMIT success [URL]
#
# The account may run this and nothing else (see sudoers): a caller who could
# choose pathgate's flags could choose the policy that says who may report.
set -eu
PATH=$PATH:/usr/local/bin # which sudo may leave out

policy=/etc/pathgate/policy.toml
environment=stg

fail() {
	printf 'report.sh: %s\n' "$1" >&2
	printf 'usage: report.sh SERVICE COMMIT success|failure [URL]\n' >&2
	exit 2
}

[ $# -eq 3 ] || [ $# -eq 4 ] || fail "three or four arguments"
case $1 in
[!A-Za-z0-9]* | *[!A-Za-z0-9._-]* | '') fail "no name of a service" ;;
esac
case $2 in
*[!0-9a-f]* | '') fail "no commit's ID" ;;
esac
case $3 in
success | failure) ;;
*) fail "the outcome is success or failure" ;;
esac
case ${4-https://} in
https://*) ;;
*) fail "the URL begins with https://" ;;
esac
exec pathgate report "$environment" "$2" "$3" --service "$1" --policy "$policy" ${4:+"--url=$4"}
