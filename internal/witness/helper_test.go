package witness

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/pathgate/pathgate/internal/tlog"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A history is a ledger as far as a witness sees it: lines and a key.
type history struct {
	t           testing.TB
	id          string
	secret, key string
	lines       []string
}

func newHistory(t testing.TB, name string, n int) *history {
	t.Helper()
	sum := sha256.Sum256([]byte(name))
	h := &history{t: t, id: hex.EncodeToString(sum[:16])}
	var err error
	h.secret, h.key, err = tlog.GenerateKey(rand.Reader, tlog.Origin(h.id))
	must(t, err)
	h.grow(n)
	return h
}

func (h *history) grow(n int) {
	for range n {
		h.lines = append(h.lines, fmt.Sprintf(`{"seq":%d,"id":%q}`, len(h.lines)+1, h.id))
	}
}

// other is the same ledger with the first n lines, the same key, and more
// lines that are others.
func (h *history) other(n, more int) *history {
	o := *h
	o.lines = append([]string(nil), h.lines[:n]...)
	for range more {
		o.lines = append(o.lines, fmt.Sprintf("forged %d", len(o.lines)))
	}
	return &o
}

// ReadHashes implements tlog.HashReader.
func (h *history) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var stored []tlog.Hash
	for i, line := range h.lines {
		more, err := sumdb.StoredHashes(int64(i), []byte(line), sumdb.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
			return pick(stored, at), nil
		}))
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
	}
	return pick(stored, indexes), nil
}

func pick(stored []tlog.Hash, indexes []int64) []tlog.Hash {
	got := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		got[i] = stored[at]
	}
	return got
}

func (h *history) checkpoint() []byte {
	h.t.Helper()
	f := tlog.Frontier{}
	for _, line := range h.lines {
		f.Add(tlog.LeafHash([]byte(line)))
	}
	return h.sign(tlog.Checkpoint{Origin: tlog.Origin(h.id), Tree: f.Tree()})
}

func (h *history) sign(c tlog.Checkpoint) []byte {
	h.t.Helper()
	signer, err := tlog.NewSigner(h.secret, nil)
	must(h.t, err)
	b, err := tlog.Sign(&c, signer)
	must(h.t, err)
	return b
}

// update proves that the history goes on from its first old lines.
func (h *history) update(old int) []byte {
	h.t.Helper()
	u := tlog.Update{Old: int64(old), Checkpoint: h.checkpoint()}
	if old > 0 && old < len(h.lines) {
		var err error
		u.Hashes, err = sumdb.ProveTree(int64(len(h.lines)), int64(old), h)
		must(h.t, err)
	}
	return u.Format()
}

// A site is a witness and its clock.
type site struct {
	*Witness
	t      testing.TB
	clock  time.Time
	logged []string
}

func newSite(t testing.TB) *site {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	_, err := Make(dir, "witness.example", rand.Reader)
	must(t, err)
	s := &site{t: t, clock: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	s.Witness, err = Open(dir, Options{
		Now: func() time.Time { return s.clock },
		Log: func(loud bool, line string) { s.logged = append(s.logged, fmt.Sprintf("%v %s", loud, line)) },
	})
	must(t, err)
	return s
}

// takes adds an offer that must be accepted.
func (s *site) takes(offered []byte, t Terms) *Known {
	s.t.Helper()
	k, err := s.Add(context.Background(), bytes.NewReader(offered), t)
	must(s.t, err)
	return k
}

// knows makes a history known.
func (s *site) knows(h *history) *site {
	s.t.Helper()
	s.takes(h.update(0), Terms{First: true, Log: h.key})
	return s
}

// refuses adds an offer that must be refused, with everything as it was.
func (s *site) refuses(kind Kind, offered []byte, t Terms) *Alarm {
	s.t.Helper()
	before, alarms := s.files(ledgersName), len(s.alarms())
	k, err := s.Add(context.Background(), bytes.NewReader(offered), t)
	a := (*Alarm)(nil)
	if !errors.As(err, &a) || a.Kind != kind || k != nil {
		s.t.Fatalf("%v, %v; want an alarm of kind %s", k, err, kind)
	}
	if got := s.files(ledgersName); got != before {
		s.t.Errorf("%s changed the state:\n%s\nwas\n%s", kind, got, before)
	}
	if len(s.alarms()) != alarms+1 || a.Unrecorded != "" {
		s.t.Errorf("%s is not on record: %s", kind, a.Unrecorded)
	}
	if len(s.logged) == 0 || s.logged[len(s.logged)-1] != fmt.Sprintf("%v %s", kind.Loud(), a.Error()) {
		s.t.Errorf("%s is not in the log: %q", kind, s.logged)
	}
	if head := map[bool]string{true: "ALARM: ", false: "refused: "}[kind.Loud()]; !strings.HasPrefix(a.Text(), "pathgate: witness: "+head) {
		s.t.Errorf("%s", a.Text())
	}
	return a
}

func (s *site) alarms() []string {
	b, err := os.ReadFile(filepath.Join(s.dir, AlarmsName))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	must(s.t, err)
	return strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
}

// files is all that is in a folder below the witness's.
func (s *site) files(name string) string {
	s.t.Helper()
	var b strings.Builder
	must(s.t, filepath.Walk(filepath.Join(s.dir, name), func(path string, info os.FileInfo, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || info.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %s\n%s", path, info.Mode(), text)
		return err
	}))
	return b.String()
}
