// Package stamp makes and checks stamps: signed statements of an environment's
// host that its ledger has a line. They let a host decide on what another one
// deployed without reaching it, or trusting anybody on the way. Package notes,
// below, keeps them in git notes.
//
// # Stamp
//
// What is signed is six lines, each ending in a newline:
//
//		pathgate-stamp v1
//		deployed 3f9c2ab51f0e6a3c9f3d8a4a2b6a2d9f7c1e5b80
//		pathgate/ledger/8a6e0f6fb3c1c7bb2a9f4e8d6c5b4a39
//		20852163
//		CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//		{"seq":118,"time":"2026-11-21T09:14:07.123456Z","type":"deployed",...}
//
//	  - the second says what the line is about, and which commit: deployed (the
//	    line is a deployed or adopt of this commit), status (a status of it), or
//	    withdrawal (a deployed of another commit that took this one away)
//	  - the next three are the body of a checkpoint (package tlog): the ledger,
//	    the size of its tree, the tree's root
//	  - the last is the ledger's line, byte for byte, of at most 8,000 bytes
//
// The signature is one of OpenSSH (PROTOCOL.sshsig) in the namespace
// pathgate-stamp@v1 with the hash sha512. After what is signed there are, in a
// note, the proof that the line is leaf seq-1 of that tree (RFC 6962, section
// 2.1.1; hashes from the leaf's sibling upwards, in base64; none if the line is
// the only one), and the signature:
//
//	proof gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ= ...
//	-----BEGIN SSH SIGNATURE-----
//	U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg...
//	-----END SSH SIGNATURE-----
//
// # Note
//
// A note begins with lines for people, one for each stamp, which readers skip:
//
//	deployed 2026-11-21 09:14 UTC by ana, record 118
//	status success 2026-11-21 09:16 UTC, record 119
//
// Then come stamps, each after an empty line. A stamp begins with the line
// "pathgate-stamp v1"; whatever stands between two of them is skipped too. For
// each ref of each service a note keeps the newest deployed, the newest status of
// that, and the newest withdrawal. A note has at most 256 KiB and 64 stamps. The
// order of stamps means nothing.
//
// # Check without pathgate
//
// This prints the lines of a note's stamps that the key dev-host has signed, of
// commit $commit and environment dev, with ssh-keygen, awk and jq. signers is a
// file with a line "dev-host ssh-ed25519 AAAA...". That the line is in the tree
// is checked as package tlog says.
//
//	dir=$(mktemp -d) && trap 'rm -r "$dir"' EXIT
//	git notes --ref=deployments/dev show "$commit" | awk -v dir="$dir" '
//	  /^pathgate-stamp v1$/ { n++; part = 1 }
//	  part == 1 && /^proof( |$)/ { part = 0 }
//	  part == 1 { print > (dir "/" n ".text") }
//	  /^-----BEGIN SSH SIGNATURE-----$/ { part = 2 }
//	  part == 2 { print > (dir "/" n ".sig") }
//	  /^-----END SSH SIGNATURE-----$/ { part = 0 }'
//	for text in "$dir"/*.text; do
//	  sed -n 2p "$text" | grep -q " $commit\$" || continue
//	  ssh-keygen -Y verify -f signers -I dev-host -n pathgate-stamp@v1 \
//	    -s "${text%.text}.sig" < "$text" > /dev/null || continue
//	  sed -n 6p "$text" | jq -c 'select(.environment == "dev")'
//	done
//
// # What it proves
//
// A stamp that verifies says that the owner of the key claimed the line, of a
// ledger with that tree. A host that is broken into can claim whatever it likes
// of its own environment, and of no other. That two stamps are of one history,
// only comparing their trees says: package notes has the proofs. Whoever carries
// stamps can leave newer ones behind, a withdrawal for example: that is bounded by
// the age that a stamp may have, and by fetching.
//
// Keys are judged by the time of receipt. The signed time is the signer's to
// choose, so it can make a stamp older but never a key valid.
package stamp
