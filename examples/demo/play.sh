#!/bin/sh
# play.sh plays the story of pathgate with real pushes and checks each outcome.
# ./install.sh --demo builds pathgate into DIR/prefix and runs: play.sh DIR
#
# DIR then holds
#
#     prefix/       pathgate, as install.sh lays it out
#     srv/shop/     the repositories dev.git, stg.git and prd.git
#     ledger/       the ledger
#     policy.toml   the policy
#     deploy.sh     what a push to dev starts
#     live/         what deploy.sh has put there
#     work/         a clone with the remotes dev, stg and prd
#
# Status 0: all went as it should; 1: something did not.
set -eu
umask 022

dir=${1:?usage: play.sh DIR}
# shellcheck source=examples/demo/stage.sh
. "$(dirname -- "$0")/stage.sh"
export PATHGATE_USER=ana

# holds ENVIRONMENT COMMIT: main of the environment must be there.
holds() {
	have=$(git --git-dir="$dir/srv/shop/$1.git" rev-parse --verify --quiet refs/heads/main || :)
	[ "$have" = "$2" ] || fail "main of $1 is at \"$have\", not at \"$2\""
}

# commit DATE PRICE SUBJECT: makes a commit in the clone.
commit() {
	printf 'price = %s\n' "$2" >shop.conf
	git add shop.conf
	export GIT_AUTHOR_DATE="$1" GIT_COMMITTER_DATE="$1"
	well git commit -q -m "$3"
}

set_up() {
	mkdir -p "$dir/srv/shop"
	cat >"$dir/policy.toml" <<-TOML
		version = 1
		root = "$dir/srv"
		ledger = "$dir/ledger"

		[identity]
		source = "env:PATHGATE_USER"

		[environments.dev]
		repository = "{service}/dev.git"
		refs = ["refs/heads/main"]

		[environments.dev.deploy]
		command = ["$dir/deploy.sh"]

		[environments.stg]
		repository = "{service}/stg.git"
		refs = ["refs/heads/main"]
		after = ["dev"]

		[environments.prd]
		repository = "{service}/prd.git"
		refs = ["refs/heads/main"]
		after = ["stg"]
	TOML
	mkdir "$dir/live"
	cat >"$dir/deploy.sh" <<-SCRIPT
		#!/bin/sh
		# It runs in a checkout of exactly the commit that was pushed.
		set -eu
		echo "deploying \$PATHGATE_SERVICE to \$PATHGATE_ENVIRONMENT: \$PATHGATE_KIND by \$PATHGATE_PRINCIPAL"
		cp shop.conf "$dir/live/shop.conf"
		echo "live: \$(cat shop.conf)"
	SCRIPT
	chmod +x "$dir/deploy.sh"
	cd "$dir"
	for environment in dev stg prd; do
		well git init -q --bare -b main "srv/shop/$environment.git"
	done
	well pathgate check policy.toml
	well pathgate install --policy policy.toml srv/shop/dev.git srv/shop/stg.git srv/shop/prd.git
	git init -q -b main "$dir/work"
	cd "$dir/work"
	git config user.name "Ana Example"
	git config user.email ana@example.com
	for environment in dev stg prd; do
		well git remote add "$environment" "../srv/shop/$environment.git"
	done
	if [ -n "$bold" ]; then
		git config color.push always
		git config color.remote always
	fi
}

release() {
	act "A first commit goes to dev" "The path begins there: every commit may be deployed. The push starts dev's
deployment, shows what it prints, and waits for its outcome. (ana pushes.)"
	commit 2026-01-05T10:00:00Z 10.00 "open the shop"
	first=$(git rev-parse HEAD)
	well git push dev main
	holds dev "$first"
	says "  | live: price = 10.00"
	grep -q "price = 10.00" "$dir/live/shop.conf" || fail "the deployment did not put the price in place"
	records 2 status

	act "Production refuses it" "It has not been in stg. Nothing moves, and the refusal says what to type."
	refused prior-not-deployed git push prd main
	holds prd ''
	records 1 refused
	records 1 deployed

	act "So it takes the path" "The same commit, to stg and then to prd."
	well git push stg main
	well git push prd main
	holds stg "$first"
	holds prd "$first"
	records 3 deployed

	act "A second release" "To dev, and to stg."
	commit 2026-01-05T11:00:00Z 9.99 "round to cents"
	second=$(git rev-parse HEAD)
	well git push dev main
	well git push stg main
	records 5 deployed
}

approve() {
	act "The team wants a second pair of eyes on production" "One line more in the policy; it counts from the next push on."
	line='approvals = { count = 1, by = ["ana", "ben"] }'
	printf "\n%s$ echo '%s' >>../policy.toml%s\n" "$bold" "$line" "$plain"
	printf '%s\n' "$line" >>../policy.toml
	refused needs-approval git push prd main
	holds prd "$first"
	records 2 refused

	act "ben approves the commit" "refs/approve/main is a command too. It holds for this commit only."
	export PATHGATE_USER=ben
	new=$(git rev-parse --short=7 "$second")
	well git push prd "$new:refs/approve/main"
	says "prd has 1 of 1 approvals of $new"
	records 1 approval
	holds prd "$first"

	act "So ana's push goes through" "The refusal said what to type, and now it is on record who approved."
	export PATHGATE_USER=ana
	well git push prd main
	holds prd "$second"
	records 6 deployed
}

roll_back() {
	old=$(git rev-parse --short=7 "$first")
	act "It was no good: prd goes back" "refs/deploy/main is a command, not a ref. No force is needed. (ben pushes.)"
	export PATHGATE_USER=ben
	well git push prd "$old:refs/deploy/main"
	holds prd "$first"
	records 1 deployed --principal ben --environment prd

	act "stg goes back too" "This withdraws the second release in stg."
	well git push stg "$old:refs/deploy/main"
	holds stg "$first"
	records 1 deployed --principal ben --environment stg

	act "A withdrawn commit does not reach production" "It was in stg once, and was taken back there since."
	export PATHGATE_USER=ana
	refused withdrawn git push prd main
	holds prd "$first"
	records 3 refused
	records 8 deployed
}

look_back() {
	cd "$dir"
	act "What is on record" "Every move and every refusal, in one append-only file."
	well pathgate log --policy policy.toml --type deployed,approval,refused
	act "Where everything is" "Live in each environment, and what waits."
	well pathgate status --policy policy.toml shop
	act "Is the record whole?" "Each line carries the SHA-256 of the line before it."
	well pathgate ledger verify --policy policy.toml
}

act "Three repositories on one server" "dev, stg and prd, wired to pathgate, and a clone with a remote for each."
set_up
release
approve
roll_back
look_back
rm -f "$out"

cat <<TEXT

${bold}All went as it should.${plain} Play on:

    cd "$dir/work"
    export PATH="$dir/prefix/bin:\$PATH" PATHGATE_USER=\$(id -un)
    git push stg main
    pathgate status --policy ../policy.toml

To clean up: rm -r "$dir"
TEXT
