#!/bin/sh
# install.sh builds pathgate from this folder and installs it, or plays a demo.
# See ./install.sh --help.
set -eu
umask 022

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
oldest_git=2.29

usage() {
	cat <<-'TEXT'
		usage: ./install.sh [--prefix DIR] [--policy FILE] [--postgres]
		       ./install.sh --demo [release|hosts] [--dir DIR]

		Builds pathgate with Go and installs

		    PREFIX/bin/pathgate
		    PREFIX/lib/pathgate/hooks/{pre-receive,proc-receive,post-receive,deploy}

		and a commented policy, if there is none. It wires no repository: that is
		"pathgate install REPO...". Run it again to update: each file is replaced in
		one step, so that a push under way is not hurt, and a policy is never
		overwritten.

		  --prefix DIR   where to install; default /usr/local
		  --policy FILE  where the policy goes; default /etc/pathgate/policy.toml, or
		                 PREFIX/etc/pathgate/policy.toml with another prefix
		  --postgres     builds what can keep the ledger in PostgreSQL, for several hosts;
		                 without it the binaries are smaller and know folders only, unless
		                 those that are installed were built with it
		  --demo         needs no root: makes three repositories and plays the whole
		                 story on them with real pushes; status 0 if all went as it should
		  --demo release the same for release branches, in one repository
		  --demo hosts   the same for three hosts that do not trust each other, on three
		                 loopback addresses; needs sshd, and played by root each host has
		                 a user of its own while it lasts
		  --dir DIR      folder for the demo, empty or new; default a temporary one
		  --help         this text

		Needs git 2.29 or newer and Go, whose version go.mod names. Status 0: done;
		1: failed; 2: the command line is wrong.
	TEXT
}

say() { printf '%s\n' "$*"; }

fail() {
	printf 'install.sh: %s\n' "$1" >&2
	shift
	for line; do printf '  %s\n' "$line" >&2; done
	exit 1
}

wrong() {
	printf 'install.sh: %s\nhint: ./install.sh --help\n' "$1" >&2
	exit 2
}

# older A B: A is an older version than B. Both are digits and dots.
older() {
	awk -v a="$1" -v b="$2" 'BEGIN {
		n = split(a, x, "."); m = split(b, y, ".")
		for (i = 1; i <= n || i <= m; i++) {
			if (x[i] + 0 != y[i] + 0) exit !(x[i] + 0 < y[i] + 0)
		}
		exit 1
	}'
}

need_git() {
	command -v git >/dev/null || fail "git is missing" "install git $oldest_git or newer"
	have=$(git version | awk '{ sub(/\.?[^0-9.].*/, "", $3); print $3 }')
	if older "$have" "$oldest_git"; then
		fail "git $have is too old" "pathgate needs git $oldest_git or newer: older ones have no proc-receive hook"
	fi
}

need_go() {
	need=$(sed -n 's/^go //p' "$here/go.mod")
	command -v go >/dev/null || fail "go is missing from PATH" "install Go $need or newer: https://go.dev/dl/" \
		"sudo may hide it: sudo env PATH=\"\$PATH\" ./install.sh"
	# Run in the module's folder, so that a Go that can fetch the version it
	# needs does so.
	if ! have=$(cd "$here" && go env GOVERSION 2>&1); then
		fail "go cannot build this module, which needs Go $need or newer" "$have"
	fi
	have=$(printf '%s\n' "${have##*go}" | sed 's/[^0-9.].*//')
	if older "$have" "$need"; then
		fail "go $have is too old" "install Go $need or newer: https://go.dev/dl/"
	fi
}

# writable DIR: makes DIR if need be; fails if nothing can be written there.
writable() {
	mkdir -p "$1" 2>/dev/null && [ -w "$1" ] && return
	fail "cannot write to $1" "run it as root: sudo env PATH=\"\$PATH\" ./install.sh" \
		"or choose a folder of your own: ./install.sh --prefix \"\$HOME/.local\""
}

version() {
	is=
	if [ -e "$here/.git" ]; then
		is=$(git -C "$here" describe --tags --match 'v[0-9]*' --dirty 2>/dev/null | sed 's/^v//') || is=
	fi
	[ -n "$is" ] || is=$(sed -n 's/^var Version = "\(.*\)"$/\1/p' "$here/internal/command/root.go")
	printf '%s\n' "$is"
}

# keep_tags: what was installed with PostgreSQL stays so, as its ledger may be there.
keep_tags() {
	[ -z "$tags" ] && [ -x "$prefix/bin/pathgate" ] || return 0
	case $("$prefix/bin/pathgate" version 2>/dev/null) in
	*' with PostgreSQL')
		tags=postgres
		say "keeping   --postgres, which $prefix/bin/pathgate was built with"
		;;
	esac
}

# build DIR: builds the binaries into DIR.
build() {
	(
		cd "$here"
		CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags "$tags" \
			-ldflags "-s -w -X github.com/pathgate/pathgate/internal/command.Version=$(version)" \
			-o "$1/" ./hooks/pathgate ./hooks/pre-receive ./hooks/proc-receive ./hooks/post-receive ./hooks/deploy
	) || fail "the build failed" "Go's own messages stand above; the first build fetches modules over the network"
}

# put FILE PLACE MODE: installs a file in one step.
put() {
	fresh=$2.new.$$
	if ! { cp "$1" "$fresh" && chmod "$3" "$fresh" && mv -f "$fresh" "$2"; }; then
		rm -f "$fresh"
		fail "cannot write $2"
	fi
}

install_binaries() {
	writable "$prefix/bin"
	writable "$prefix/lib/pathgate/hooks"
	say "building ..."
	temporary=$(mktemp -d "${TMPDIR:-/tmp}/pathgate-build.XXXXXX")
	trap 'rm -rf "$temporary"' EXIT
	trap 'exit 1' HUP INT TERM
	build "$temporary"
	for hook in pre-receive proc-receive post-receive deploy; do
		put "$temporary/$hook" "$prefix/lib/pathgate/hooks/$hook" 755
	done
	put "$temporary/pathgate" "$prefix/bin/pathgate" 755
}

install_policy() {
	if [ -e "$policy" ] || [ -L "$policy" ]; then
		say "policy    $policy (was there, left as it is)"
		return
	fi
	writable "$(dirname -- "$policy")"
	"$prefix/bin/pathgate" help policy >"$temporary/policy.toml"
	put "$temporary/policy.toml" "$policy" 644
	say "policy    $policy (new: an example, edit it)"
}

next_steps() {
	case :$PATH: in
	*:"$prefix/bin":*) pathgate=pathgate ;;
	*) pathgate=$prefix/bin/pathgate ;;
	esac
	named='' note='' database=''
	if [ -n "$tags" ]; then
		database="
   Of a ledger in PostgreSQL make the tables instead, as their owner: see
     $pathgate help postgres"
	fi
	if [ "$policy" != /etc/pathgate/policy.toml ]; then
		named=" --policy $policy"
		note="
   Hooks look in /etc/pathgate/policy.toml unless the repository names another
   file: --policy writes that into the repository (pathgate.policy)."
	fi
	cat <<-TEXT

		Next:
		1. Edit the policy, then check it:
		     $pathgate check $policy
		2. As root, make the folder that the policy calls ledger, for the user that
		   git runs as; here its name is git:
		     install -d -o git -g git -m 0750 /var/lib/pathgate$database
		3. Wire the repositories:
		     $pathgate install$named REPO...$note
		4. On a server that has deployed before, record what is live:
		     $pathgate adopt$named REPO...
		5. Let a timer run this every few minutes, as the user that git runs as:
		     $pathgate reconcile --quiet$named
		6. See whether all is well:
		     $pathgate doctor$named

		examples/three-repositories has all of it, with SSH keys and a systemd timer;
		examples/release-branches is for release branches in one repository.
	TEXT
}

# absolute PATH: the same path from the root, which need not exist.
absolute() {
	case $1 in
	/*) printf '%s\n' "$1" ;;
	*) printf '%s/%s\n' "$(pwd -P)" "$1" ;;
	esac
}

install() {
	prefix=$(absolute "${prefix:-/usr/local}")
	prefix=${prefix%/}
	if [ -n "$policy" ]; then
		policy=$(absolute "$policy")
	elif [ "$prefix" = /usr/local ]; then
		policy=/etc/pathgate/policy.toml
	else
		policy=$prefix/etc/pathgate/policy.toml
	fi
	keep_tags
	install_binaries
	say "installed $prefix/bin/pathgate ($("$prefix/bin/pathgate" version))"
	say "hooks     $prefix/lib/pathgate/hooks"
	install_policy
	next_steps
}

demo() {
	if [ -z "$dir" ]; then
		dir=$(mktemp -d "${TMPDIR:-/tmp}/pathgate-demo.XXXXXX")
	fi
	writable "$dir"
	dir=$(CDPATH='' cd -- "$dir" && pwd -P)
	[ -z "$(ls -A "$dir")" ] || fail "$dir is not empty" "name a new folder with --dir"
	case $dir in
	*[\'\"\\\$\`:]* | *[[:cntrl:]]*) fail "the path of the demo's folder has characters that a shell takes for something else" ;;
	esac
	prefix=$dir/prefix
	install_binaries
	sh "$here/examples/demo/$story.sh" "$dir"
}

prefix='' policy='' dir='' story='' tags=''
while [ $# -gt 0 ]; do
	option=${1%%=*}
	case $1 in
	--prefix=* | --policy=* | --dir=*) value=${1#*=} ;;
	--prefix | --policy | --dir)
		value=${2:-}
		[ $# -eq 1 ] || shift
		;;
	--demo | --demo=*)
		[ -z "$story" ] || wrong "there is more than one --demo"
		story=play name=
		case $1,${2:-} in
		--demo=*) name=${1#*=} ;;
		*,-*) ;;
		*)
			name=${2:-}
			[ $# -eq 1 ] || shift
			;;
		esac
		case $name in
		'') ;;
		release | hosts) story=$name ;;
		*) wrong "there is no demo $name: it is --demo, --demo release or --demo hosts" ;;
		esac
		shift
		continue
		;;
	--postgres)
		tags=postgres
		shift
		continue
		;;
	--help | -h)
		usage
		exit 0
		;;
	*) wrong "unknown argument $1" ;;
	esac
	[ -n "$value" ] || wrong "$option wants a value"
	case $option in
	--prefix) prefix=$value ;;
	--policy) policy=$value ;;
	--dir) dir=$value ;;
	esac
	shift
done
if [ -n "$story" ]; then
	[ -z "$prefix$policy$tags" ] || wrong "--demo goes with --dir only"
else
	[ -z "$dir" ] || wrong "--dir goes with --demo"
fi

need_git
need_go
if [ -n "$story" ]; then demo; else install; fi
