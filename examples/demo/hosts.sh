#!/bin/sh
# hosts.sh plays the story of three hosts that do not trust each other, with real
# pushes over SSH, and checks each outcome. ./install.sh --demo hosts builds all
# into DIR/prefix and runs: hosts.sh DIR
#
# Each host is an sshd on a loopback address of its own, with a folder of its own
# and, if root plays, a user of its own, who cannot read the others' files. The
# users and the servers are gone in the end. DIR then holds
#
#     prefix/       pathgate, as install.sh lays it out
#     hosts/NAME/   what was on the hosts dev, stg and prd, to look at only: their
#                   policies and hooks name the folder where they ran, which is gone
#     work/         the clone with the remotes dev, stg and prd, whose servers are gone
#
# Status 0: all went as it should; 1: something did not.
set -eu
umask 022

dir=${1:?usage: hosts.sh DIR}
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
# shellcheck source=examples/demo/stage.sh
. "$here/demo/stage.sh"
PATH=$PATH:/usr/sbin:/sbin

for tool in sshd ssh ssh-keygen; do
	command -v "$tool" >/dev/null || fail "$tool is missing: install an SSH server and client, and git"
done

# A user of a host must be able to read what is his, so the hosts' folders stand
# where everybody may pass.
base=$(mktemp -d /tmp/pathgate-hosts.XXXXXX)
chmod 755 "$base"
users=''
if [ "$(id -u)" -eq 0 ] && command -v useradd >/dev/null && command -v runuser >/dev/null; then users=own; fi
servers=''

# tear_down stops the servers, keeps what the hosts had, and takes their users off.
tear_down() {
	for pid in $servers; do kill "$pid" 2>/dev/null || :; done
	wait
	if [ -d "$base/dev" ]; then
		mkdir -p "$dir/hosts"
		cp -R "$base/dev" "$base/stg" "$base/prd" "$dir/hosts/" 2>/dev/null || :
	fi
	rm -rf "$base"
	if [ -n "$users" ]; then
		for host in dev stg prd; do userdel "$(account $host)" 2>/dev/null || :; done
	fi
}
trap tear_down EXIT
trap 'exit 1' HUP INT TERM

# account HOST: whom git runs as there.
account() { if [ -n "$users" ]; then echo "pathgate-$1-$$"; else id -un; fi; }

# on HOST COMMAND...: runs a command on a host, as its user.
on() {
	host=$1
	shift
	if [ -n "$users" ]; then
		(cd "$base/$host" && runuser -u "$(account "$host")" -- env HOME="$base/$host" "$@")
	else
		(cd "$base/$host" && env HOME="$base/$host" "$@")
	fi
}

# at HOST COMMAND...: shows a command that must succeed on a host.
at() {
	who="$1-host:~" host=$1
	shift
	typed="$*"
	printf '\n%s%s$ %s%s\n' "$bold" "$who" "$typed" "$plain"
	status=0
	on "$host" "$@" >"$out" 2>&1 || status=$?
	cat "$out"
	who=
	[ "$status" -eq 0 ] || fail "\"$typed\" on $host ended with status $status, not 0"
}

# holds ENVIRONMENT COMMIT: main of the environment must be there.
holds() {
	have=$(on "$1" git --git-dir="$base/$1/srv/shop/$1.git" rev-parse --verify --quiet refs/heads/main || :)
	[ "$have" = "$2" ] || fail "main of $1 is at \"$have\", not at \"$2\""
}

# on_record HOST NUMBER TYPE: so many entries of a type must be in the host's ledger.
on_record() {
	have=$(on "$1" pathgate log --policy policy.toml --type "$3" --format json | grep -c . || :)
	[ "$have" = "$2" ] || fail "$have entries of type $3 are on record on $1, not $2"
}

# commit DATE PRICE SUBJECT: makes a commit in the clone.
commit() {
	printf 'price = %s\n' "$2" >shop.conf
	git add shop.conf
	export GIT_AUTHOR_DATE="$1" GIT_COMMITTER_DATE="$1"
	well git commit -q -m "$3"
}

# make_host NAME: a folder that only the host's user can read, with the example's
# policy for it and a key that may push.
make_host() {
	home=$base/$1
	mkdir -p "$home/srv" "$home/ledger"
	sed -e "s|/srv/git|$home/srv|; s|/var/lib/pathgate|$home/ledger|; s|/etc/pathgate/stamp.key|$home/stamp.key|" \
		"$here/three-hosts/policy-$1.toml" >"$home/policy.toml"
	cp "$here/three-hosts/setup.sh" "$home/setup.sh"
	if [ -n "$users" ]; then
		useradd --system --no-create-home --home-dir "$home" --shell /bin/sh --password '*' "$(account "$1")"
		chown -R "$(account "$1"):" "$home"
	fi
	chmod 700 "$home"
}

# start_sshd NAME ADDRESS: the host's server; only pathgate shell can be had from it.
start_sshd() {
	ssh=$base/ssh/$1
	mkdir -p "$ssh"
	ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$ssh/host"
	printf 'command="PATH=\047%s\047 exec pathgate shell --policy %s/policy.toml --user ana",restrict %s\n' \
		"$PATH" "$base/$1" "$(cat "$base/ssh/ana.pub")" >"$ssh/authorized_keys"
	sshd=$(command -v sshd)
	for port in $(seq $((20000 + $$ % 20000)) 4001 60000) none; do
		[ "$port" != none ] || fail "no server answers on $2: $(tail -n 3 "$ssh/log")"
		cat >"$ssh/sshd_config" <<-CONFIG
			ListenAddress $2
			Port $port
			HostKey $ssh/host
			AuthorizedKeysFile $ssh/authorized_keys
			AllowUsers $(account "$1")
			PidFile none
			UsePAM no
			StrictModes no
			PasswordAuthentication no
			KbdInteractiveAuthentication no
			PermitRootLogin yes
			SetEnv GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null LC_ALL=C TZ=UTC
		CONFIG
		"$sshd" -D -f "$ssh/sshd_config" -E "$ssh/log" &
		server=$!
		servers="$servers $server"
		if answers "$2" "$port" "$ssh/host.pub"; then break; fi
		kill "$server" 2>/dev/null || : # another has the port
	done
	cat >>"$base/ssh/config" <<-CONFIG
		Host $1-host
		  HostName $2
		  Port $port
		  User $(account "$1")
		  IdentityFile $base/ssh/ana
		  IdentitiesOnly yes
		  UserKnownHostsFile $base/ssh/known_hosts
		  BatchMode yes
	CONFIG
	printf '[%s]:%s %s\n' "$2" "$port" "$(cut -d' ' -f1,2 "$ssh/host.pub")" >>"$base/ssh/known_hosts"
}

# answers ADDRESS PORT KEY: whether the server that was just started runs there,
# and not another one, whose key would not be this. A slow machine has its time.
answers() {
	for _ in $(seq 300); do
		kill -0 "$server" 2>/dev/null || return 1
		if ssh-keyscan -T 10 -p "$2" "$1" 2>/dev/null | grep -qF "$(cut -d' ' -f2 "$3")"; then return 0; fi
		sleep 0.1
	done
	return 1
}

set_up() {
	cp -R "$dir/prefix" "$base/prefix"
	PATH=$base/prefix/bin:$PATH
	mkdir -p "$base/ssh"
	# sshd's own start script makes this folder for privilege separation.
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -C ana -f "$base/ssh/ana"
	for host in dev stg prd; do make_host "$host"; done
	start_sshd dev 127.0.0.1
	start_sshd stg 127.0.0.2
	start_sshd prd 127.0.0.3
	export GIT_SSH_COMMAND="ssh -F $base/ssh/config"

	at dev pathgate stamp keygen stamp.key
	trust stg dev
	at stg pathgate stamp keygen stamp.key
	trust prd stg
	for host in dev stg prd; do
		at "$host" ./setup.sh --policy "$base/$host/policy.toml" "$host" shop
	done
}

# trust HOST ENVIRONMENT: puts the line that keygen has just printed into the
# policy of the host, in the place of the example's.
trust() {
	line=$(grep -o 'ssh-ed25519 [A-Za-z0-9+/=]*' "$out" | head -n 1)
	[ -n "$line" ] || fail "keygen printed no public key"
	sed -i "s|ssh-ed25519 AAAA[^\"]*|$line $2-host|" "$base/$1/policy.toml"
}

# carry fetch|push REMOTE ENVIRONMENT: the stamps of the environment go that way.
carry() {
	well git config --replace-all "remote.$2.$1" "+refs/notes/deployments/$3*:refs/notes/deployments/$3*" "/$3[*]"
}

clone() {
	git init -q -b main "$dir/work"
	cd "$dir/work"
	git config user.name "Ana Example"
	git config user.email ana@example.com
	for host in dev stg prd; do
		well git remote add "$host" "$host-host:shop/$host.git"
	done
	# What "pathgate help remotes" prints: stamps come with a fetch, and go with
	# a push to the next environment.
	carry fetch dev dev
	carry fetch stg stg
	for pair in dev:stg stg:prd; do
		well git config --replace-all "remote.${pair#*:}.push" HEAD:refs/heads/main '^HEAD:'
		carry push "${pair#*:}" "${pair%:*}"
	done
	# shellcheck disable=SC2016 # it is for the shell that git starts
	well git config alias.deployed \
		'!git -c notes.displayRef="refs/notes/deployments/*" log "$@" | sed "/pathgate-stamp v1/,/END SSH SIGNATURE/d"; :'
	if [ -n "$bold" ]; then
		git config color.push always
		git config color.remote always
	fi
}

release() {
	act "A commit goes to dev" "dev's host records it, and attaches its stamp to the commit as a git note."
	commit 2026-01-05T10:00:00Z 10.00 "open the shop"
	first=$(git rev-parse HEAD)
	well git push dev main
	holds dev "$first"

	act "stg wants to see the stamp" "It cannot ask dev's host, and would not believe the pusher."
	refused no-stamp git push stg
	holds stg ''

	act "So it is fetched, and goes along" "The commands stay what they are; no host talks to another."
	well git fetch dev
	well git push stg
	holds stg "$first"
	well git fetch stg
	well git push prd
	holds prd "$first"
	on_record prd 1 stamp
	well git deployed -1
	says "Notes (deployments/stg):"
	if grep -q 'BEGIN SSH' "$out"; then fail "git deployed shows what is for machines"; fi
}

forge() {
	act "Nobody can write a stamp but the host itself" "A note by hand: the server believes signatures, and no ref."
	commit 2026-01-05T11:00:00Z 0.01 "a price nobody agreed to"
	well git notes --ref deployments/stg add -m "deployed 2026-01-05 11:00 UTC by ana, record 9" HEAD
	show git push prd
	[ "$status" -ne 0 ] || fail "a forged note was good enough"
	holds prd "$first"
	git reset -q --hard HEAD~1
}

roll_back() {
	act "A second release, and stg takes it back" "The withdrawal is stamped too."
	commit 2026-01-05T12:00:00Z 9.99 "round to cents"
	second=$(git rev-parse HEAD)
	well git push dev main
	well git fetch dev
	well git push stg
	holds stg "$second"
	well git push stg "$(git rev-parse --short=7 "$first"):refs/deploy/main"
	holds stg "$first"
	well git fetch stg
	refused withdrawn git push prd
	holds prd "$first"
}

look_back() {
	act "What production knows" "Its own ledger keeps the stamps that it has believed, with their signatures."
	at prd pathgate log --policy policy.toml
	at prd pathgate status --policy policy.toml shop
	at prd pathgate ledger verify --policy policy.toml
}

act "Three hosts that do not trust each other" "Each has its own address, $(if [ -n "$users" ]; then echo 'user, '; fi)policy, repositories and ledger, and a key that it signs with.
Of another host each knows the public half of its key, and nothing else."
set_up
act "A developer's clone" "A remote for each environment, and what makes fetch and push carry stamps.
These lines may be typed again: --replace-all takes the place of what the last word matches."
clone
release
forge
roll_back
look_back
rm -f "$out"

cat <<TEXT

${bold}All went as it should.${plain} The servers are stopped${users:+ and their users removed}. What they had is in
$dir/hosts, and ana's clone in $dir/work, to look at only: a push has nowhere to
go any more, and the hosts' policies and hooks name a folder that is gone.

To clean up: rm -r "$dir"
TEXT
