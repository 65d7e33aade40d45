// Package tlog is what an outsider needs to hold a ledger to its word:
// checkpoints, keys, proofs and witnesses. It knows nothing of what the lines
// say; package ledger makes the trees.
//
// All formats are those of https://c2sp.org, so that other tools read them.
//
// # Tree
//
// A ledger is a transparency log. Its leaves are the lines of the journal
// without their newlines, all of them, the first included: record n is leaf
// n-1. The tree is the one of RFC 6962, section 2.1:
//
//	leaf     SHA-256(0x00 line)
//	node     SHA-256(0x01 left right)
//	root     of n > 1 leaves: node(root of the first k, root of the others),
//	         k being the largest power of two that is less than n
//
// # Checkpoint
//
// A checkpoint (https://c2sp.org/tlog-checkpoint) says that the ledger has a
// tree. It is a signed note (https://c2sp.org/signed-note) of three lines: the
// origin, the tree's size in decimal, its root in base64. Then come an empty
// line and signatures, each on a line: an em dash, the key's name, and the
// base64 of the key's ID (4 bytes) and the signature.
//
//	pathgate/ledger/8a6e0f6fb3c1c7bb2a9f4e8d6c5b4a39
//	20852163
//	CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//
//	— pathgate/ledger/8a6e0f6fb3c1c7bb2a9f4e8d6c5b4a39 Az3grlgtzPICa5OS8npVmf1Myq/5IZni...
//
// The origin is pathgate/ledger/ and the ledger's ID, which is what its first
// line names; the key has the same name, and so speaks for one ledger only.
// Whoever keeps a checkpoint where the server cannot reach it can show later
// that a line was cut off, edited, or put in before it.
//
// # Keys
//
// A verifier key is NAME+HASH+BASE64, as sum.golang.org has it: the bytes are
// the signature type and the 32 bytes of an Ed25519 key (RFC 8032), the hash
// the first four bytes of SHA-256(name 0x0a type key), in hex, which are the
// key's ID too. Type 1 is a log's: it signs the note's text. Type 4 is a
// witness's (https://c2sp.org/tlog-cosignature): its signature is eight bytes,
// the time in seconds since 1970, big-endian, and the signature of
//
//	cosignature/v1
//	time SECONDS
//	(the note's text)
//
// A secret key is PRIVATE+KEY+NAME+HASH+BASE64 with the seed in place of the
// key, in a file of its own that only its owner may read.
//
// # Proof of a record
//
// A proof (https://c2sp.org/tlog-proof) is a file of lines: the header, extra
// and the base64 of the record's line, index and the leaf's number from zero,
// the hashes of the audit path from the leaf's sibling upwards, an empty line,
// and the signed checkpoint:
//
//	c2sp.org/tlog-proof@v1
//	extra eyJzZXEiOjExOCwidGltZSI6IjIwMjYtMTEtMjFU...
//	index 117
//	gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
//	...
//
//	(the signed checkpoint)
//
// This is the whole check, with a POSIX shell, coreutils, xxd and OpenSSL 3.
// It prints the line if it is in the tree and the key signed it; proof is the
// file and key the verifier key:
//
//	fail() { echo "the proof does not hold: $1" >&2; exit 1; }
//	hash() { xxd -r -p | sha256sum | cut -c 1-64; }
//	hex() { base64 -d | xxd -p | tr -d '\n'; }
//	dir=$(mktemp -d) && trap 'rm -r "$dir"' EXIT
//	sed '1,/^$/d' "$proof" > "$dir/note"
//	sed '/^$/,$d' "$dir/note" > "$dir/text"
//	[ "$(sed -n 1p "$proof")" = c2sp.org/tlog-proof@v1 ] || fail header
//	[ "$(sed -n 1p "$dir/text")" = "${key%%+*}" ] || fail origin
//	# The signature: the key's ID and 64 bytes; the key after its type.
//	id=${key#*+} b64=${key#*+*+}
//	sig=$(sed -n "s|^— ${key%%+*} ||p" "$dir/note" | while read -r s; do
//	  h=$(printf %s "$s" | hex); case $h in "${id%%+*}"*) echo "${h#????????}"; break;; esac; done)
//	public=$(printf %s "$b64" | hex)
//	[ "${public%"${public#??}"}" = 01 ] || fail "type of key"
//	printf %s "302a300506032b6570032100${public#??}" | xxd -r -p > "$dir/key"
//	printf %s "$sig" | xxd -r -p > "$dir/sig"
//	openssl pkeyutl -verify -pubin -keyform DER -inkey "$dir/key" -rawin \
//	  -in "$dir/text" -sigfile "$dir/sig" > /dev/null || fail signature
//	# The path from the leaf to the root.
//	line=$(sed -n 's/^extra //p' "$proof" | head -n 1 | hex)
//	at=$(sed -n 's/^index //p' "$proof" | head -n 1)
//	size=$(sed -n 2p "$dir/text")
//	# A shell may run what stands in arithmetic: digits alone get there.
//	case $at in '' | *[!0-9]*) fail index ;; esac
//	case $size in '' | *[!0-9]*) fail size ;; esac
//	last=$((size - 1))
//	[ "$at" -le "$last" ] || fail index
//	h=$(printf %s "00$line" | hash)
//	for b64 in $(sed -n '4,$p' "$proof" | sed '/^$/,$d'); do
//	  p=$(printf %s "$b64" | hex)
//	  [ "$last" -gt 0 ] || fail "too many hashes"
//	  if [ $((at % 2)) = 1 ] || [ "$at" = "$last" ]; then
//	    h=$(printf %s "01$p$h" | hash)
//	    while [ $((at % 2)) = 0 ] && [ "$at" != 0 ]; do at=$((at / 2)) last=$((last / 2)); done
//	  else
//	    h=$(printf %s "01$h$p" | hash)
//	  fi
//	  at=$((at / 2)) last=$((last / 2))
//	done
//	[ "$last" = 0 ] || fail "too few hashes"
//	[ "$h" = "$(sed -n 3p "$dir/text" | hex)" ] || fail root
//	printf %s "$line" | xxd -r -p
//
// (It is the algorithm of RFC 9162, section 2.1.3.2.)
//
// # Update for a witness
//
// A witness that knows a tree is sent the newer checkpoint with the proof that
// the tree it knows is its beginning, in the form of
// https://c2sp.org/tlog-witness: a line old and the size that it knows, the
// hashes of the consistency proof (RFC 6962, section 2.1.2), an empty line,
// the signed checkpoint. With the same size, or the size 0, there are no
// hashes.
//
//	old 20852014
//	PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
//	...
//
//	(the signed checkpoint)
//
// # What it proves
//
// A checkpoint that verifies says what the key's owner said. That two of them
// are of one history, only comparing them says: Update.Check does, and
// "pathgate ledger verify --checkpoint" does it for the journal itself.
// Somebody who has the key and the server can show one history to one and
// another to others; a witness that all of them ask cannot be made to sign
// both.
//
// # How to use it
//
//	c, _, err := tlog.Open(signed, key)          a checkpoint, verified
//	u, err := tlog.ParseUpdate(answer)           what "pathgate ledger checkpoint --old N" printed
//	c, _, err = u.Check(seen, key)               it goes on from the tree seen
//	witness, err := tlog.NewSigner(secret, time.Now)
//	signed, err = tlog.Cosign(u.Checkpoint, witness)
//	p, err := tlog.ParseProof(file)              what "pathgate ledger prove" wrote
//	c, _, err = p.Check(key)
//
// A witness that has a copy of the journal in place of a proof computes the
// trees itself: ledger.Trees.
package tlog
