#!/bin/sh
# setup.sh makes the repositories of a service and wires them to pathgate. Run
# it as the user that git runs as. It may be run again: what is there stays.
set -eu
umask 022

usage() {
	cat <<-'TEXT'
		usage: ./setup.sh [--policy FILE] [--upstream URL] SERVICE

		Makes ROOT/SERVICE/dev.git, stg.git and prd.git, ROOT being the policy's root,
		and wires them with "pathgate install". In prd.git nobody can push below
		refs/upstream, where the main branch of the upstream repository is kept.

		  --policy FILE   the policy; default /etc/pathgate/policy.toml
		  --upstream URL  where changes are reviewed; it is fetched once, and from
		                  then on by "git fetch" from a timer
	TEXT
}

fail() {
	printf 'setup.sh: %s\n' "$1" >&2
	exit "${2:-1}"
}

policy=/etc/pathgate/policy.toml upstream=
while [ $# -gt 0 ]; do
	case $1 in
	--policy)
		policy=${2:-}
		[ -n "$policy" ] || fail "--policy wants a file" 2
		shift 2
		;;
	--upstream)
		upstream=${2:-}
		[ -n "$upstream" ] || fail "--upstream wants a URL" 2
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

set --
for environment in dev stg prd; do
	repository=$root/$service/$environment.git
	if [ ! -e "$repository/HEAD" ]; then
		git init -q --bare "$repository"
		git --git-dir="$repository" symbolic-ref HEAD refs/heads/main
	fi
	set -- "$@" "$repository"
done

# git refuses a push to a hidden ref: what the rule "branches" rests on comes
# from upstream only. $repository is prd.git.
in_prd() { git --git-dir="$repository" "$@"; }
if ! in_prd config --get-all receive.hideRefs | grep -qx refs/upstream; then
	in_prd config --add receive.hideRefs refs/upstream
fi
if [ -n "$upstream" ]; then
	in_prd config remote.upstream.url "$upstream"
	in_prd config --replace-all remote.upstream.fetch +refs/heads/main:refs/upstream/main
	in_prd config remote.upstream.tagOpt --no-tags
fi

pathgate install --policy "$policy" "$@"
if [ -n "$upstream" ]; then
	in_prd fetch -q upstream || fail "the main branch of $upstream cannot be fetched; all else is done"
fi
