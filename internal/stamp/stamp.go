package stamp

import (
	"strconv"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// Bounds of what is read. A note that pathgate writes keeps them too.
const (
	// MaxNote is the most bytes of a note.
	MaxNote = 256 << 10
	// MaxStamps is the most stamps of a note.
	MaxStamps = 64
	// MaxLine is the most bytes of a ledger line in a stamp, without its newline.
	MaxLine = 8000

	maxHashes  = 63      // of a proof: a tree has at most 2^63 leaves
	maxArmour  = 200     // lines of an armoured signature
	maxSigBlob = 8 << 10 // bytes of a signature: a key of 16384 bits
	maxHead    = 200     // bytes of each of the lines before the ledger's
	reserve    = 512     // of a ledger's line: what the gate adds to EntryFor
	header     = "pathgate-stamp v1"
	namespace  = "pathgate-stamp@v1"
	armourHead = "-----BEGIN SSH SIGNATURE-----"
	armourTail = "-----END SSH SIGNATURE-----"
)

// About is what a stamp says about its commit.
type About string

// What stamps say.
const (
	Deployed   About = ledger.KindDeployed   // the line deployed or adopted the commit
	Status     About = ledger.KindStatus     // the line is an outcome of a deployment of the commit
	Withdrawal About = ledger.KindWithdrawal // the line deployed another commit and took this one away
)

// A Stamp is the statement that a ledger has a line. What was parsed is a claim:
// only Verify tells who made it.
type Stamp struct {
	About     About
	Commit    policy.ObjectID
	Origin    string    // the ledger's ID, 32 hex digits
	Tree      tlog.Tree // of the ledger when it was signed
	Line      []byte    // the ledger's line without its newline
	Entry     ledger.Entry
	Proof     tlog.RecordProof
	Signature []byte // SSHSIG blob (OpenSSH, PROTOCOL.sshsig), not armoured
}

// Message is what is signed.
func (s *Stamp) Message() []byte {
	b := make([]byte, 0, len(s.Line)+320)
	b = append(b, header+"\n"...)
	b = append(b, string(s.About)+" "+string(s.Commit)+"\n"...)
	b = append(b, tlog.Origin(s.Origin)+"\n"...)
	b = append(strconv.AppendInt(b, s.Tree.N, 10), '\n')
	b = append(b, s.Tree.Hash.String()+"\n"...)
	b = append(b, s.Line...)
	return append(b, '\n')
}

// EntryFor is the entry that keeps a verified stamp on record: what the origin's
// line says of the deployment, and the line with its signature. k is the key that
// Verify gave.
func (s *Stamp) EntryFor(k policy.StampKey) *ledger.Entry {
	e := ledger.NewStamp(string(s.About), string(s.Commit), &s.Entry)
	e.Origin, e.Checkpoint, e.Key = s.Origin, ledger.CheckpointText(s.Tree), k.Fingerprint
	e.Lines = []string{string(s.Line), encodeBlob(s.Signature)}
	return e
}
