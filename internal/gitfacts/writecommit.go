package gitfacts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pathgate/pathgate/policy"
)

// A NewCommit is a commit to be written.
type NewCommit struct {
	Tree    policy.ObjectID
	Parents []policy.ObjectID
	Name    string // the author's and the committer's
	Email   string
	Time    time.Time // for both; written in UTC, to the second
	Message string    // UTF-8
}

// WriteCommit writes a commit to the repository's objects, as git does (modes
// of a shared repository, fsync), and gives its ID; no ref is touched. It must
// not be used from a pre-receive hook. That the tree and the parents are there
// is not checked.
//
// A name or address with "<", ">" or a control character, a message with NUL,
// any text that is not UTF-8, an empty name or message, a time before 1970 and
// a commit larger than 1 MiB are errors.
func (r *Repository) WriteCommit(ctx context.Context, c NewCommit) (policy.ObjectID, error) {
	raw, err := r.encodeCommit(c)
	if err != nil {
		return "", fmt.Errorf("write a commit: %w", err)
	}
	if r.quarantine != "" {
		return "", errors.New("write a commit: nothing may be written while a push is judged")
	}
	res, err := r.run(ctx, served, strings.NewReader(raw), "hash-object", "-t", "commit", "-w", "--stdin")
	if err != nil {
		return "", fmt.Errorf("write a commit: %w", err)
	}
	id, ok := r.objectID(strings.TrimSuffix(string(res.out), "\n"))
	if res.exit != 0 || !ok || id != r.hash("commit", []byte(raw)) {
		return "", fmt.Errorf("write a commit: git hash-object: status %d: %s", res.exit, lastLine(res.messages))
	}
	return id, nil
}

func (r *Repository) encodeCommit(c NewCommit) (string, error) {
	var b strings.Builder
	for i, id := range append([]policy.ObjectID{c.Tree}, c.Parents...) {
		if _, ok := r.objectID(string(id)); !ok || id.IsZero() {
			return "", fmt.Errorf("%q is not an object ID of this repository", id)
		}
		key := "parent "
		if i == 0 {
			key = "tree "
		}
		b.WriteString(key + string(id) + "\n")
	}
	if !plainIdentity(c.Name) || !plainIdentity(c.Email) || c.Name == "" {
		return "", errors.New("the name or the address is malformed")
	}
	if strings.TrimSpace(c.Message) == "" || strings.ContainsRune(c.Message, 0) || !utf8.ValidString(c.Message) {
		return "", errors.New("the message is malformed")
	}
	if c.Time.Unix() < 0 {
		return "", errors.New("the time is before 1970")
	}
	who := fmt.Sprintf("%s <%s> %d +0000\n", c.Name, c.Email, c.Time.Unix())
	b.WriteString("author " + who + "committer " + who + "\n" + strings.TrimRight(c.Message, "\n") + "\n")
	if b.Len() > maxCommit {
		return "", fmt.Errorf("it is larger than %d bytes", maxCommit)
	}
	return b.String(), nil
}

// plainIdentity reports whether s can stand in a header that git takes apart.
func plainIdentity(s string) bool {
	control := func(c rune) bool { return c < ' ' || c == 0x7f || c == '<' || c == '>' }
	return utf8.ValidString(s) && !strings.ContainsFunc(s, control) && strings.TrimSpace(s) == s
}
