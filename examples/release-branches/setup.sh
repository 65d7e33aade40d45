#!/bin/sh
# setup.sh makes the repository of a service and wires it to pathgate. Run it as
# the user that git runs as. It may be run again: what is there stays.
set -eu
umask 022

usage() {
	cat <<-'TEXT'
		usage: ./setup.sh [--policy FILE] [--from URL] SERVICE

		Makes ROOT/SERVICE.git, ROOT being the policy's root, wires it with "pathgate
		install", and records by "pathgate adopt" that its main is what production
		runs. Where there is no main yet, it begins with an empty commit.

		  --policy FILE  the policy; default /etc/pathgate/policy.toml
		  --from URL     take main from this repository, if it is not there yet
	TEXT
}

fail() {
	printf 'setup.sh: %s\n' "$1" >&2
	exit "${2:-1}"
}

policy=/etc/pathgate/policy.toml from=
while [ $# -gt 0 ]; do
	case $1 in
	--policy)
		policy=${2:-}
		[ -n "$policy" ] || fail "--policy wants a file" 2
		shift 2
		;;
	--from)
		from=${2:-}
		[ -n "$from" ] || fail "--from wants a URL" 2
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
[ $# -eq 1 ] || fail "name one service; see --help" 2
service=$1
case $service in
[!A-Za-z0-9]* | *[!A-Za-z0-9._-]* | '') fail "\"$service\" is no name for a service" 2 ;;
esac

# The policy says where repositories are, so that they are said once.
path=$(pathgate check "$policy") || fail "the policy $policy is not sound"
root=$(printf '%s\n' "$path" | sed -n 's/^root  *//p')
[ -d "$root" ] || fail "$root is not there; make it, owned by the user that git runs as"
[ -n "$(find "$root" -prune -user "$(id -un)")" ] ||
	fail "$root belongs to somebody else; run this as the user that git runs as"

repository=$root/$service.git
in_it() { git --git-dir="$repository" "$@"; }

if [ ! -e "$repository/HEAD" ]; then
	git init -q --bare "$repository"
	in_it symbolic-ref HEAD refs/heads/main
fi
if ! in_it rev-parse -q --verify refs/heads/main >/dev/null; then
	if [ -n "$from" ]; then
		in_it fetch -q --no-tags "$from" refs/heads/main:refs/heads/main ||
			fail "main of $from cannot be fetched"
	else
		empty=$(in_it hash-object -t tree -w --stdin </dev/null)
		begin=$(in_it -c user.name=pathgate -c user.email=pathgate@localhost \
			commit-tree -m "Begin" "$empty")
		in_it update-ref refs/heads/main "$begin" ''
	fi
fi
pathgate install --policy "$policy" "$repository"
# Everything is measured against what production runs today.
pathgate adopt --policy "$policy" "$repository"
