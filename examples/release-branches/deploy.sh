#!/bin/sh
# deploy.sh deploys the commit that it is started in, to each environment: its
# place on the server is /srv/deploy/deploy.sh, owned by root. pathgate runs it
# as the user git in a clean checkout of the commit. What it prints goes to the
# pusher and to the log of the record; exit status 0 is success, any other a
# failure.
#
# This one publishes static files: each commit has a folder, and the link
# SERVICE/ENVIRONMENT/current is moved in one step. The folder before stays, all
# older ones go. It runs nothing that the commit holds: that would run as the
# user git, who can write the ledger.
set -eu
umask 022

live=/srv/live # belongs to the user git

folder=$live/$PATHGATE_SERVICE/$PATHGATE_ENVIRONMENT
fresh=$folder/$PATHGATE_COMMIT

echo "deploying $PATHGATE_SERVICE to $PATHGATE_ENVIRONMENT"

# A link could show the world any file that the user git can read.
if [ -n "$(find . -type l | head -n 1)" ]; then
	echo "the commit holds symbolic links"
	exit 1
fi
if [ ! -f index.html ]; then
	echo "index.html is missing"
	exit 1
fi

before=$(readlink "$folder/current" || :)
mkdir -p "$folder"
if [ "$before" != "$PATHGATE_COMMIT" ]; then
	rm -rf "$fresh"
	cp -R . "$fresh"
	ln -sfn "$PATHGATE_COMMIT" "$folder/next"
	mv -Tf "$folder/next" "$folder/current"
	find "$folder" -mindepth 1 -maxdepth 1 -type d \
		! -name "$PATHGATE_COMMIT" ! -name "$before" -exec rm -rf {} +
fi
echo "files: $(find "$fresh" -type f | wc -l)"
