package ledger

import (
	"encoding/binary"
	"fmt"
)

// The first byte of a key says which projection it belongs to.
const (
	keyRecord   = 'R' // service, environment, repository, commit, ref: place of the newest deployed or adopt; the longest span
	keyCommit   = 'C' // service, environment, repository, commit: seq of the record that withdrew it last, or zero
	keyHistory  = 'H' // service, environment, repository, ref, seq: the seq before on the ref, place, commit
	keyLive     = 'L' // service, environment, repository, ref: place of the newest deployed or adopt; its life
	keyDrift    = 'D' // service, environment, repository, ref: what was seen last where it is not as recorded
	keyObject   = 'O' // object ID: place of an entry that tells commit, tree and subject
	keyIntent   = 'I' // seq: place of an open intent, and what it is found by
	keyService  = 'S' // service
	keyProgress = 'X' // seq of a deployment with an outcome: how far it is, and what it is of
	keyOutcome  = 'F' // service, environment, repository, commit: place of its newest finished outcome; its newest deployment
	keyQueue    = 'Q' // service, environment, seq: places of a deployment that has not ended, and of its pending status
	keyQueued   = 'N' // service, environment: seq of the newest deployment that was queued, and how many have not ended
	keyApproval = 'A' // service, environment, repository, ref, commit, principal: place of the newest statement
	keyLock     = 'K' // environment, service or none, ref or none: place of the lock
	keyVeto     = 'V' // service, commit: place of the newest veto or lift, seq of the newest veto
	keyOverride = 'B' // service, environment, seq with its bits turned: place of an override, how many there are with it
	keyContents = 'T' // service, environment, repository, ref, commit: seqs of the releases that it contains, in order
	keyRelease  = 'E' // seq of a release: its place, its branch
	keyRebuilt  = 'Z' // service, environment, repository, ref: seq of the newest deployed that built a release branch anew
	keyTree     = 'M' // number of a chunk: the stored hashes of the tree in it
	keyPolicy   = 'G' // SHA-256 of a policy file: where it is on record, and how much of it
	keySerial   = 'U' // no fields: the highest serial of a policy, the SHA-256 and the record of the first with it
	// What stamps tell of environments elsewhere has small letters. Of two
	// values the one with the higher record of the origin stays, whichever came first.
	keyChain      = 'o' // service, environment: place of the newest checkpoint, what is known of the origin's ledger
	keyLine       = 'a' // environment, origin, record there: place of the first stamp of the line, the line's hash, its prev
	keyCheckpoint = 'r' // environment, origin, size: place of the first stamp with the checkpoint, the root
	keyStamped    = 'd' // service, environment, commit, repository, ref: place of the newest stamp of a deployment, the record there
	keyReported   = 's' // service, environment, commit, repository, ref, deployment's record: place of the newest status, the record there
	keyTaken      = 'w' // service, environment, commit, repository: place of the newest stamp of a withdrawal, the record there
	keyLiveThere  = 'l' // service, environment, repository, ref: place of the newest stamp of what was deployed, the record there

	keyRoot = 'P' // no fields: the policy root's hash
	keyMark = 'W' // no fields: the watermark, not a projection
)

// key makes a key of fields. Each has its length before it, so that different
// fields never make the same key, and the first fields of a key are a prefix
// of no other's.
func key(kind byte, fields ...string) []byte {
	n := 1
	for _, f := range fields {
		n += len(f) + 3
	}
	b := append(make([]byte, 0, n), kind)
	for _, f := range fields {
		b = appendField(b, f)
	}
	return b
}

// keySeq is key with a number at its end that sorts as it counts.
func keySeq(kind byte, seq uint64, fields ...string) []byte {
	return binary.BigEndian.AppendUint64(key(kind, fields...), seq)
}

// fieldsOf takes a key apart.
func fieldsOf(key []byte, n int) ([]string, error) {
	fields := make([]string, n)
	rest, ok := key[1:], true
	for i := range fields {
		if fields[i], rest, ok = cutField(rest); !ok {
			return nil, fmt.Errorf("%w: the key %x", errIndex, key)
		}
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%w: the key %x", errIndex, key)
	}
	return fields, nil
}

const placeSize = 8 + 8 + 4 + 32

// appendPlace writes p; cutPlace reads it again.
func appendPlace(b []byte, p place) []byte {
	b = binary.BigEndian.AppendUint64(b, p.seq)
	b = binary.BigEndian.AppendUint64(b, uint64(p.offset))
	b = binary.BigEndian.AppendUint32(b, uint32(p.length))
	return append(b, p.hash[:]...)
}

func cutPlace(b []byte) (p place, rest []byte, err error) {
	if len(b) < placeSize {
		return p, nil, fmt.Errorf("%w: a place of %d bytes", errIndex, len(b))
	}
	p.seq = binary.BigEndian.Uint64(b)
	p.offset = int64(binary.BigEndian.Uint64(b[8:]))
	p.length = int64(binary.BigEndian.Uint32(b[16:]))
	copy(p.hash[:], b[20:])
	return p, b[placeSize:], nil
}

// seqOf reads a value that is one number.
func seqOf(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("%w: a number of %d bytes", errIndex, len(b))
	}
	return binary.BigEndian.Uint64(b), nil
}

func seqValue(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }
