# shellcheck shell=sh
# stage.sh is what the stories of the demo share: play.sh and release.sh read it,
# with the demo's folder in dir.
dir=${dir:?}
status=0 who=
out=$dir/output
bold='' plain=''
if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi

# Nothing of the caller's git configuration counts, and the dates are fixed, so
# that the commits have the same IDs everywhere.
for name in $(env | sed -n 's/^\(GIT_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done
export HOME="$dir" XDG_CONFIG_HOME="$dir" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_TERMINAL_PROMPT=0 LC_ALL=C TZ=UTC
export PATH="$dir/prefix/bin:$PATH"

fail() {
	printf '\nthe demo failed: %s\n' "$1" >&2
	exit 1
}

# act TITLE TEXT: opens a part of the story.
act() { printf '\n%s== %s%s\n%s\n' "$bold" "$1" "$plain" "$2"; }

# show COMMAND...: prints the command as typed, after who types it if the story
# has several people, runs it, prints what it printed.
show() {
	typed=
	for word; do
		case $word in
		*[\"*[]*) word="'$word'" ;;
		*' '*) word="\"$word\"" ;;
		esac
		typed="$typed $word"
	done
	printf '\n%s%s$%s%s\n' "$bold" "$who" "$typed" "$plain"
	status=0
	"$@" >"$out" 2>&1 || status=$?
	cat "$out"
}

# well COMMAND...: shows a command that must succeed.
well() {
	show "$@"
	[ "$status" -eq 0 ] || fail "\"$*\" ended with status $status, not 0"
}

# refused CODE COMMAND...: shows a push that must be refused with this code.
refused() {
	code=$1
	shift
	show "$@"
	[ "$status" -eq 1 ] || fail "\"$*\" ended with status $status, not 1"
	grep -q "^remote: .*\\[.*$code.*\\]" "$out" || fail "\"$*\" was not refused with [$code]"
}

# says TEXT: the last command must have printed this.
says() { grep -qF -- "$1" "$out" || fail "the last command did not print \"$1\""; }

# records NUMBER TYPE [ARG...]: so many entries of a type must be on record.
records() {
	want=$1 type=$2
	shift 2
	have=$(pathgate log --policy "$dir/policy.toml" --type "$type" --format json "$@" | grep -c . || :)
	[ "$have" = "$want" ] || fail "$have entries of type $type $* are on record, not $want"
}
