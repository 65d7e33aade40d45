#!/bin/sh
# setup.sh makes the repositories of one environment, on its host, and wires them
# to pathgate. Run it as the user that git runs as. It may be run again: what is
# there stays.
set -eu
umask 022

usage() {
	cat <<-'TEXT'
		usage: ./setup.sh [--policy FILE] ENVIRONMENT SERVICE...

		Makes ROOT/SERVICE/ENVIRONMENT.git for each service, ROOT being the policy's
		root, and wires them with "pathgate install".

		  --policy FILE  the policy; default /etc/pathgate/policy.toml
	TEXT
}

fail() {
	printf 'setup.sh: %s\n' "$1" >&2
	exit "${2:-1}"
}

policy=/etc/pathgate/policy.toml
while [ $# -gt 0 ]; do
	case $1 in
	--policy)
		policy=${2:-}
		[ -n "$policy" ] || fail "--policy wants a file" 2
		shift 2
		;;
	--help | -h)
		usage
		exit 0
		;;
	-*) fail "unknown argument $1" 2 ;;
	*) break ;;
	esac
done
[ $# -gt 1 ] || fail "name the environment and a service; see --help" 2

for name; do
	case $name in
	[!A-Za-z0-9]* | *[!A-Za-z0-9._-]* | '') fail "\"$name\" is no name for an environment or a service" 2 ;;
	esac
done
environment=$1
shift

# The policy says where repositories are, so that they are said once.
path=$(pathgate check "$policy") || fail "the policy $policy is not sound"
root=$(printf '%s\n' "$path" | sed -n 's/^root  *//p')
[ -d "$root" ] || fail "$root is not there; make it, owned by the user that git runs as"
[ -n "$(find "$root" -prune -user "$(id -un)")" ] ||
	fail "$root belongs to somebody else; run this as the user that git runs as"

services=$*
set --
for service in $services; do
	repository=$root/$service/$environment.git
	if [ ! -e "$repository/HEAD" ]; then
		git init -q --bare "$repository"
		git --git-dir="$repository" symbolic-ref HEAD refs/heads/main
	fi
	set -- "$@" "$repository"
done
pathgate install --policy "$policy" "$@"
