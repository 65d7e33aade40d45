#!/bin/sh
# release.sh plays the story of release branches with real pushes and checks
# each outcome. ./install.sh --demo release builds pathgate into DIR/prefix and
# runs: release.sh DIR
#
# DIR then holds
#
#     prefix/       pathgate, as install.sh lays it out
#     srv/shop.git  the repository
#     ledger/       the ledger
#     policy.toml   the policy
#     deploy.sh     what a deployment runs
#     live/         what deploy.sh has put there
#     ana/, ben/    their clones
#
# Status 0: all went as it should; 1: something did not.
set -eu
umask 022

dir=${1:?usage: release.sh DIR}
# shellcheck source=examples/demo/stage.sh
. "$(dirname -- "$0")/stage.sh"

# as NAME: from here on NAME types, in their own clone.
as() {
	who=$1
	export PATHGATE_USER="$1"
	cd "$dir/$1"
}

# commit DATE PRICE SUBJECT: commits a new price.
commit() {
	printf 'title = Shop\nprice = %s\n' "$2" >shop.conf
	export GIT_AUTHOR_DATE="$1" GIT_COMMITTER_DATE="$1"
	well git commit -q -a -m "$3"
}

# runs ENVIRONMENT PRICE: the environment's deployment has put this price there.
runs() {
	have=$(sed -n 's/^price = //p' "$dir/live/$1.conf")
	[ "$have" = "$2" ] || fail "$1 runs with the price \"$have\", not \"$2\""
}

# ref NAME: the commit of a branch on the server.
ref() { git --git-dir="$dir/srv/shop.git" rev-parse --verify --quiet "refs/heads/$1" || :; }

# write_policy writes the three environments of one repository.
write_policy() {
	cat >"$dir/policy.toml" <<-TOML
		version = 1
		root = "$dir/srv"
		ledger = "$dir/ledger"

		[identity]
		source = "env:PATHGATE_USER"

		[environments.dev]
		repository = "{service}.git"
		refs = ["refs/heads/release/dev"]
		release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
		deploy.command = ["$dir/deploy.sh"]

		[environments.stg]
		repository = "{service}.git"
		refs = ["refs/heads/release/stg"]
		release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
		after = ["dev"]
		match = "contained"
		deploy.command = ["$dir/deploy.sh"]

		[environments.prd]
		repository = "{service}.git"
		refs = ["refs/heads/main"]
		after = ["stg"]
		match = "contained"
		approvals = { count = 1, by = ["ana", "ben"] }
		deploy.command = ["$dir/deploy.sh"]
	TOML
	cat >"$dir/deploy.sh" <<-SCRIPT
		#!/bin/sh
		# It runs in a checkout of exactly the commit that is deployed.
		set -eu
		cp shop.conf "$dir/live/\$PATHGATE_ENVIRONMENT.conf"
		grep price shop.conf
	SCRIPT
	chmod +x "$dir/deploy.sh"
}

set_up() {
	mkdir "$dir/srv" "$dir/live"
	write_policy
	cd "$dir"
	well git init -q --bare -b main srv/shop.git
	for name in ana ben; do
		git init -q -b main "$dir/$name"
		cd "$dir/$name"
		git config user.name "$name"
		git config user.email "$name@example.com"
		git remote add origin ../srv/shop.git
		if [ -n "$bold" ]; then
			git config color.push always
			git config color.remote always
		fi
	done
	cd "$dir/ana"
	printf 'title = Shop\nprice = 10.00\n' >shop.conf
	git add shop.conf
	export GIT_AUTHOR_DATE=2026-01-05T09:00:00Z GIT_COMMITTER_DATE=2026-01-05T09:00:00Z
	git commit -q -m "open the shop"
	git push -q -u origin main
	git -C "$dir/ben" pull -q origin main
	cd "$dir"
	well pathgate check policy.toml
	well pathgate install --policy policy.toml srv/shop.git
	well pathgate adopt --policy policy.toml srv/shop.git
}

release() {
	act "ana releases her branch into dev" "She publishes it and releases it: the server merges it into release/dev, which
it makes from main, and deploys the merge."
	as ana
	well git switch -q -c JIRA-123
	commit 2026-01-05T10:00:00Z 9.99 "JIRA-123 round to cents"
	first=$(git rev-parse HEAD)
	well git push -q origin JIRA-123
	well git push origin JIRA-123:refs/release/dev/JIRA-123
	says "dev has JIRA-123 at "
	runs dev 9.99
	records 1 deployed

	act "Production refuses it" "main is what production runs. What comes there must have been in stg."
	main=$(ref main)
	refused prior-not-deployed git push origin JIRA-123:main
	[ "$(ref main)" = "$main" ] || fail "main has moved"
	records 1 refused

	act "So it goes into stg" "dev has deployed it, so the same push for stg does it."
	well git push origin JIRA-123:refs/release/stg/JIRA-123
	runs stg 9.99
	records 2 deployed
}

conflict() {
	act "ben's branch conflicts with hers" "He made it from main and changed the same line. Nothing moves, and he reads what
to type: her branch is merged into his, never his into dev's."
	as ben
	well git switch -q -c JIRA-124
	commit 2026-01-05T11:00:00Z 9.50 "JIRA-124 winter sale"
	well git push -q origin JIRA-124
	dev=$(ref release/dev)
	refused merge-conflict git push origin JIRA-124:refs/release/dev/JIRA-124
	says "JIRA-124 conflicts with JIRA-123"
	[ "$(ref release/dev)" = "$dev" ] || fail "release/dev has moved"

	act "He solves it where he was told" "The commands are those of the refusal."
	new=$(git rev-parse --short=7 "$first")
	says "git fetch origin release/dev"
	well git fetch -q origin release/dev
	show git merge "$new"
	[ "$status" -eq 1 ] || fail "the merge of $new has no conflict"
	commit 2026-01-05T11:30:00Z 9.49 "Merge JIRA-123 into JIRA-124"
	well git push -q origin JIRA-124
	well git push origin JIRA-124:refs/release/dev/JIRA-124
	runs dev 9.49
	records 3 deployed
}

to_production() {
	act "ana wants to go on to production" "stg has her branch, but main takes only what somebody else has approved."
	as ana
	refused needs-approval git push origin JIRA-123:main
	act "ben looks at it and approves" "That is the review. It holds for exactly this commit."
	as ben
	well git fetch -q
	well git log --oneline origin/main..origin/JIRA-123
	well git push origin origin/JIRA-123:refs/approve/main
	records 1 approval

	act "So main takes it" "Nothing of ben's is in it, though dev has both."
	as ana
	well git push origin JIRA-123:main
	[ "$(ref main)" = "$first" ] || fail "main is not at JIRA-123"
	runs prd 9.99
	records 4 deployed
}

take_out() {
	act "ben takes his branch out of dev" "dev is built anew, of main, which has JIRA-123 by now, and of what else is
released: nothing. What was taken out does not go on."
	as ben
	well git push origin :refs/release/dev/JIRA-124
	runs dev 9.99
	records 5 deployed
	refused withdrawn git push origin JIRA-124:refs/release/stg/JIRA-124
}

look_back() {
	cd "$dir"
	who=
	act "Where everything is" "Which branches are in which environment, and what has moved on."
	well pathgate status --policy policy.toml shop
	act "One ticket's way" "From its first release to production."
	well pathgate log --policy policy.toml --ticket JIRA-123
	act "Is the record whole?" "Each line carries the SHA-256 of the line before it."
	well pathgate ledger verify --policy policy.toml
}

act "One repository for all environments" "main is what production runs; release/dev and release/stg are kept by the
server. Two developers have a clone each."
set_up
release
conflict
to_production
take_out
look_back
rm -f "$out"

cat <<TEXT

${bold}All went as it should.${plain} Play on:

    cd "$dir/ben"
    export PATH="$dir/prefix/bin:\$PATH" PATHGATE_USER=ben
    git push origin JIRA-124:refs/release/dev/JIRA-124
    git push origin JIRA-124:refs/release/stg/JIRA-124
    pathgate status --policy ../policy.toml

To clean up: rm -r "$dir"
TEXT
