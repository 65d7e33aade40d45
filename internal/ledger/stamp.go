package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// Stamp reports what of a stamp entry is signed beside its lines: what the
// stamp says, one of the kinds deployed, status and withdrawal, of Commit. Of a
// fork or a successor, whose kind is their own, it follows from the line. The
// error says that the line does not bear it out.
func (e *Entry) Stamp() (about string, err error) {
	line, err := e.OriginLine()
	if err != nil {
		return "", err
	}
	about, wrong := aboutOf(e, &line)
	if wrong != "" {
		return "", errors.New(wrong)
	}
	return about, nil
}

// OriginLine decodes the line of the origin's ledger that a stamp holds. It
// must be written as pathgate writes lines.
func (e *Entry) OriginLine() (line Entry, err error) {
	if len(e.Lines) != 2 {
		return line, errors.New("it does not hold a line and its signature")
	}
	if line, err = Canonical([]byte(e.Lines[0])); err != nil {
		return line, fmt.Errorf("its line: %w", err)
	}
	return line, nil
}

// StampTree is the origin's tree in a stamp's Checkpoint.
func (e *Entry) StampTree() (t tlog.Tree, err error) {
	size, root, _ := strings.Cut(e.Checkpoint, " ")
	n, err := strconv.ParseInt(size, 10, 64)
	b, wrong := decode64(root)
	if err != nil || wrong != nil || n < 1 || strconv.FormatInt(n, 10) != size || len(b) != len(t.Hash) {
		return t, fmt.Errorf("%.80q is no size and root of a tree", e.Checkpoint)
	}
	t.N = n
	copy(t.Hash[:], b)
	return t, nil
}

// CheckpointText is how a tree stands in Checkpoint.
func CheckpointText(t tlog.Tree) string {
	return strconv.FormatInt(t.N, 10) + " " + base64.StdEncoding.EncodeToString(t.Hash[:])
}

// StampSignature is the signature that a stamp holds, not armoured.
func (e *Entry) StampSignature() ([]byte, error) {
	if len(e.Lines) != 2 {
		return nil, errors.New("it does not hold a line and its signature")
	}
	b, err := decode64(e.Lines[1])
	if err != nil || len(b) == 0 {
		return nil, errors.New("its signature is not in base64")
	}
	return b, nil
}

// decode64 reads base64 that is written in the one way.
func decode64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err == nil && base64.StdEncoding.EncodeToString(b) != s { // it passes over newlines
		err = errors.New("not canonical")
	}
	return b, err
}

// firstYear is before any ledger was: a stamp of an earlier time has none.
const firstYear = 2000

// CheckStamp checks what an entry that keeps a stamp says by itself: that it is
// whole, and says nothing but what the origin's line in it says. The error is fit
// to print. Who signed it, and whether it may be taken, is not looked at.
func CheckStamp(e *Entry) error {
	if e.Type != TypeStamp {
		return errors.New("it is no stamp")
	}
	if wrong := stampShape(e); wrong != "" {
		return errors.New(wrong)
	}
	return nil
}

// stampShape is shape of a stamp.
func stampShape(e *Entry) string {
	if wrong := stampFields(e); wrong != "" {
		return wrong
	}
	tree, err := e.StampTree()
	if err == nil {
		_, err = e.StampSignature()
	}
	if err != nil {
		return err.Error()
	}
	if e.Record > uint64(tree.N) {
		return "its checkpoint does not reach to its record"
	}
	if wrong := lacks(e, stampNeeds(e.Kind)...); wrong != "" {
		return wrong
	}
	line, err := e.OriginLine()
	if err != nil {
		return err.Error()
	}
	return saysOtherwise(e, &line)
}

// stampFields says what is wrong with the fields that only stamps have.
func stampFields(e *Entry) string {
	switch {
	case !slices.Contains([]string{KindDeployed, KindStatus, KindWithdrawal, KindFork, KindSuccessor}, e.Kind):
		return "it does not say what its stamp is of"
	case e.Serial != 0 || e.Part != 0 || e.Parts != 0:
		return "it is no policy and tells of one's content"
	case len(e.Origin) != 32 || strings.Trim(e.Origin, "0123456789abcdef") != "":
		return "it does not name the ledger that it comes from"
	case e.Record == 0:
		return "it names no record"
	case e.Stamped.Year() < firstYear:
		return "it does not say when it was recorded there"
	case !isFingerprint(e.Key):
		return "it does not name the key that signed it"
	}
	return ""
}

// stampNeeds lists what a stamp must have beside that.
func stampNeeds(kind string) []string {
	switch kind {
	case KindFork:
		return []string{"service", "environment", "repository", "ref", "commit", "reason"}
	case KindSuccessor:
		return []string{"service", "environment", "repository", "ref", "commit", "principal", "reason"}
	}
	return []string{"service", "environment", "repository", "ref", "commit"}
}

// isFingerprint reports whether s is one as ssh-keygen -l prints it: SHA256,
// a colon, and 32 bytes in base64 without padding.
func isFingerprint(s string) bool {
	sum, ok := strings.CutPrefix(s, "SHA256:")
	b, err := base64.RawStdEncoding.Strict().DecodeString(sum)
	return ok && err == nil && len(b) == 32 && len(sum) == 43
}

// aboutOf is what a line can be a stamp of, where it is about the commit of e.
func aboutOf(e, line *Entry) (about, wrong string) {
	switch {
	case line.Type == TypeStatus && line.Record != 0 && line.Record < line.Seq && line.Commit == e.Commit:
		return KindStatus, ""
	case line.Type != TypeDeployed && line.Type != TypeAdopt, line.Commit == "", e.Commit == "":
		return "", "its line is nothing that there are stamps of"
	case line.Commit == e.Commit:
		return KindDeployed, ""
	case line.Type == TypeDeployed && (rebuilds(actionOf(line)) || line.Kind == string(policy.Rollback) || line.Kind == KindOverride):
		return KindWithdrawal, ""
	}
	return "", "its line is about another commit, and withdraws none"
}
