package evidence

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
	stamps "github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/tlog"
)

// Modes of what is written: it names persons and addresses.
const (
	fileMode   = 0o640
	folderMode = 0o750
)

// Write reads the ledger, verifies it, and writes the folder, all of it or
// nothing. It takes no lock. A ledger that does not hold is told of in the
// result and in the files, and nothing is signed then.
//
// Its errors wrap ErrTaken, ErrUnknown or ErrTooMany where those apply.
func Write(ctx context.Context, o Options) (Result, error) {
	r, err := write(ctx, o)
	if err != nil {
		return Result{}, fmt.Errorf("write the evidence of %s: %w", o.Service, err)
	}
	return r, nil
}

func write(ctx context.Context, o Options) (r Result, err error) {
	if o, err = o.prepared(); err != nil {
		return r, err
	}
	out, err := filepath.Abs(o.Out)
	if err != nil {
		return r, err
	}
	mode, err := free(out)
	if err != nil {
		return r, err
	}
	made := filepath.Join(filepath.Dir(out), ".pathgate-evidence-"+rand.Text())
	if err := os.Mkdir(made, folderMode); err != nil {
		return r, err
	}
	defer os.RemoveAll(made)
	if r, err = fill(ctx, &o, made); err != nil {
		return r, err
	}
	return r, putInPlace(made, out, mode)
}

// free looks whether a folder may be put at a path, and with the mode of which
// folder; zero for a new one.
func free(path string) (fs.FileMode, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case !info.IsDir():
		return 0, fmt.Errorf("%s: %w", path, ErrTaken)
	}
	names, err := os.ReadDir(path)
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("%s: %w", path, ErrTaken)
	}
	return info.Mode().Perm(), err
}

// putInPlace makes the folder durable and puts it in its place in one step, which
// fails if something came there meanwhile (rename(2)).
func putInPlace(made, out string, mode fs.FileMode) error {
	if mode != 0 {
		if err := os.Chmod(made, mode); err != nil {
			return err
		}
	}
	f, err := os.Open(made)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", made, err)
	}
	err = unix.Rename(made, out)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("%s: %w", out, ErrTaken)
	}
	if err != nil {
		return fmt.Errorf("rename %s to %s: %w", made, out, err)
	}
	parent, err := os.Open(filepath.Dir(out))
	if err != nil {
		return err
	}
	defer parent.Close()
	return parent.Sync()
}

// fill writes all files into an empty folder.
func fill(ctx context.Context, o *Options, made string) (r Result, err error) {
	trees, err := newForest(made)
	if err != nil {
		return r, err
	}
	defer trees.file.Close()
	p := &pack{}
	if p.gathering, err = gather(ctx, o, trees); err != nil {
		return r, err
	}
	held := ledger.Held{Name: "checkpoint.txt", Ledger: p.ledger, Tree: p.tree}
	if p.report, err = ledger.VerifyWith(o.Policy.Ledger, ledger.VerifyOptions{Progress: o.Progress, Held: []ledger.Held{held}, Signed: stamps.CheckEntry}); err != nil {
		return r, err
	}
	for _, ch := range p.changes {
		for i := range ch.said {
			p.approvals = append(p.approvals, approvalRow{ch, &ch.said[i]})
		}
	}
	r = Result{Changes: len(p.changes), Exceptions: len(p.exceptions), Approvals: len(p.approvals),
		Ledger: p.ledger, Tree: p.tree, Findings: p.report.Findings}
	checkpoint, err := p.sign()
	if err != nil {
		return r, err
	}
	r.Signed = len(p.signed) > 0
	files := &folder{dir: made}
	if err := p.files(files, checkpoint); err != nil {
		return r, err
	}
	if r.Proofs, err = p.prove(ctx, files); err != nil {
		return r, err
	}
	r.Manifest, err = files.manifest()
	return r, err
}

// sign makes the checkpoint. What does not hold is not signed.
func (p *pack) sign() ([]byte, error) {
	c := tlog.Checkpoint{Origin: tlog.Origin(p.ledger), Tree: p.tree}
	if p.o.Signer == nil || !p.report.OK() {
		return []byte(c.Text()), nil
	}
	if p.o.Signer.Name() != c.Origin {
		return nil, fmt.Errorf("the key is of %s, and this is %s", p.o.Signer.Name(), c.Origin)
	}
	var err error
	p.signed, err = tlog.Sign(&c, p.o.Signer)
	return p.signed, err
}

// files writes all but the proofs and the manifest.
func (p *pack) files(f *folder, checkpoint []byte) error {
	all := []struct {
		name  string
		write func(io.Writer) error
	}{
		{"exceptions.csv", func(w io.Writer) error { return writeCSV(w, exceptionColumns, p.exceptions) }},
		{"changes.csv", func(w io.Writer) error { return writeCSV(w, changeColumns, p.changes) }},
		{"approvals.csv", func(w io.Writer) error { return writeCSV(w, approvalColumns, p.approvals) }},
		{"report.html", p.page},
		{"README.txt", p.readme},
		{"checkpoint.txt", func(w io.Writer) error { _, err := w.Write(checkpoint); return err }},
		{"verification.txt", func(w io.Writer) error {
			_, err := io.WriteString(w, strings.Join(p.verification(), "\n")+"\n")
			return err
		}},
	}
	for _, file := range all {
		if err := f.write(file.name, file.write); err != nil {
			return err
		}
	}
	return p.policyFiles(f)
}

// policyFiles writes the policies that the tables name.
func (p *pack) policyFiles(f *folder) error {
	named := make(map[*policyFile]bool)
	for _, ch := range p.changes {
		named[ch.policy] = true
	}
	for _, x := range p.exceptions {
		named[p.policies[x.entry.Policy]], named[x.before] = true, true
	}
	delete(named, nil)
	if len(named) == 0 {
		return nil
	}
	if err := f.mkdir("policies"); err != nil {
		return err
	}
	for file := range named {
		err := f.write("policies/"+file.Hash+".toml", func(w io.Writer) error { _, err := w.Write(file.Content); return err })
		if err != nil {
			return err
		}
	}
	return nil
}

// A folder is written into, and knows the SHA-256 of each file.
type folder struct {
	dir  string
	sums []fileSum
}

type fileSum struct {
	name string
	sum  [sha256.Size]byte
}

func (f *folder) mkdir(name string) error { return os.Mkdir(filepath.Join(f.dir, name), folderMode) }

// write writes a new file, named with slashes.
func (f *folder) write(name string, fn func(io.Writer) error) error {
	file, err := os.OpenFile(filepath.Join(f.dir, filepath.FromSlash(name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	hash := sha256.New()
	w := bufio.NewWriter(io.MultiWriter(file, hash))
	err = errors.Join(fn(w), w.Flush())
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f.sums = append(f.sums, fileSum{name, [sha256.Size]byte(hash.Sum(nil))})
	return nil
}

// manifest writes MANIFEST, in the form of sha256sum(1), and returns its own
// SHA-256.
func (f *folder) manifest() (string, error) {
	slices.SortFunc(f.sums, func(a, b fileSum) int { return cmp.Compare(a.name, b.name) })
	var b bytes.Buffer
	for _, s := range f.sums {
		fmt.Fprintf(&b, "%x  %s\n", s.sum, s.name)
	}
	err := f.write("MANIFEST", func(w io.Writer) error { _, err := w.Write(b.Bytes()); return err })
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:]), err
}
