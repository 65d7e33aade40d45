#!/bin/sh
# deploy.sh deploys the commit that it is started in: its place on the server is
# /srv/deploy/deploy.sh, owned by root. pathgate runs it as the user git in a
# clean checkout of the commit. What it prints goes to the pusher and to the
# log of the record; exit status 0 is success, any other a failure.
#
# This one publishes static files: it keeps a folder for each commit and moves a
# link, so that who reads current/ sees the old files or the new ones, never
# both. It runs nothing that the commit holds: that would run as the user git,
# who can write the ledger. Yours may call a cluster, or become another user
# first (sudo -u www).
set -eu
umask 022

live=/srv/live # belongs to the user git
keep=5         # folders of earlier commits

folder=$live/$PATHGATE_SERVICE/$PATHGATE_ENVIRONMENT
release=$folder/releases/$PATHGATE_COMMIT

say() { printf '%s\n' "$*"; }

say "deploying $PATHGATE_SERVICE to $PATHGATE_ENVIRONMENT: $PATHGATE_KIND by $PATHGATE_PRINCIPAL"

# A link could show the world any file that the user git can read.
if [ -n "$(find . -type l | head -n 1)" ]; then
	say "the commit holds symbolic links"
	exit 1
fi
if [ ! -f index.html ]; then
	say "index.html is missing"
	exit 1
fi
mkdir -p "$folder/releases"

# A run that was killed has left only a folder of its own.
fresh=$release.new.$$
trap 'rm -rf "$fresh"' EXIT
trap 'exit 1' HUP INT TERM
rm -rf "$release".new.*
cp -R . "$fresh"
say "files: $(find "$fresh" -type f | wc -l)"

if [ ! -d "$release" ]; then
	mv "$fresh" "$release"
fi
touch "$release"
ln -sfn "$release" "$folder/current.new"
mv -Tf "$folder/current.new" "$folder/current"
say "live: $PATHGATE_COMMIT${PATHGATE_PREVIOUS:+, before: $PATHGATE_PREVIOUS}"

# The oldest folders go, but never the one that is live.
find "$folder/releases" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' |
	sort -rn | tail -n "+$((keep + 1))" | cut -d' ' -f2- |
	while IFS= read -r old; do
		[ "$old" = "$release" ] || rm -rf "$old"
	done
