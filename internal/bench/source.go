package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A source is the repository that is pushed from. Only its objects are pushed,
// by ID, so one source serves all variants of a scenario and is never changed
// by a push.
type source struct {
	dir     string
	commits [][]string // for each round, the commit of each ref
}

// newSource makes the repository of a scenario with its history, but none of
// the commits to push.
func (w *workshop) newSource(s scenario, dir string) (*source, error) {
	if err := w.git.initBare(dir); err != nil {
		return nil, err
	}
	if s.objects > 0 {
		if err := w.fastImport(dir, func(out io.Writer) { history(out, s.objects) }); err != nil {
			return nil, err
		}
		if s.name == released {
			if err := w.git.run(dir, nil, "git", "branch", "-m", "history", mainBranch); err != nil {
				return nil, err
			}
		}
		if err := w.git.run(dir, nil, "git", "gc", "-q"); err != nil {
			return nil, err
		}
	}
	return &source{dir: dir}, nil
}

// Each commit of the history makes this many objects: blobs, two trees, and
// itself.
const objectsPerCommit = blobsPerCommit + 3

const blobsPerCommit = 7

// history writes commits that make the given number of objects, and that keep
// their trees small.
func history(out io.Writer, objects int) {
	for c := range objects / objectsPerCommit {
		fmt.Fprintf(out, "commit refs/heads/history\ncommitter Bench <bench@example.com> %d +0000\ndata 8\nhistory\n\n",
			1_700_000_000+c)
		for b := range blobsPerCommit {
			content := fmt.Sprintf("file %d of commit %d\n", b, c)
			fmt.Fprintf(out, "M 100644 inline folder-%02d/file-%d\ndata %d\n%s\n", c%100, b, len(content), content)
		}
	}
}

// addCommits makes the commits to push: one chain for each ref, with a commit
// for each round. The commits of a round share a tree.
func (w *workshop) addCommits(s scenario, src *source, rounds int) error {
	marks := filepath.Join(src.dir, "marks")
	err := w.fastImport(src.dir, func(out io.Writer) {
		for round := range rounds {
			for ref := range s.refs {
				writeCommit(out, s, round, ref)
			}
		}
	}, "--export-marks="+marks)
	if err != nil {
		return err
	}
	if src.commits, err = readMarks(marks, rounds, s.refs); err != nil {
		return fmt.Errorf("read the commits that fast-import made: %w", err)
	}
	return nil
}

func writeCommit(out io.Writer, s scenario, round, ref int) {
	subject := fmt.Sprintf("release %d of branch %d\n", round, ref)
	fmt.Fprintf(out, "commit refs/heads/source-%04d\nmark :%d\ncommitter Bench <bench@example.com> %d +0000\ndata %d\n%s\n",
		ref, round*s.refs+ref+1, 1_750_000_000+round, len(subject), subject)
	switch {
	case round > 0:
		fmt.Fprintf(out, "from :%d\n", (round-1)*s.refs+ref+1)
	case s.objects > 0:
		fmt.Fprint(out, "from refs/heads/history^0\n")
	}
	content := fmt.Sprintf("release %d\n", round)
	fmt.Fprintf(out, "M 100644 inline app.txt\ndata %d\n%s\n", len(content), content)
}

// fastImport runs git fast-import on what write writes.
func (w *workshop) fastImport(dir string, write func(io.Writer), args ...string) error {
	read, pipe, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer read.Close()
	go func() {
		out := bufio.NewWriterSize(pipe, 1<<16)
		write(out)
		// A failure to write is fast-import's own failure, which is told.
		_ = out.Flush()
		_ = pipe.Close()
	}()
	return w.git.run(dir, read, "git", append([]string{"fast-import", "--quiet"}, args...)...)
}

// readMarks reads lines like ":12 5f3c…".
func readMarks(name string, rounds, refs int) ([][]string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	out := make([][]string, rounds)
	for i := range out {
		out[i] = make([]string, refs)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != rounds*refs {
		return nil, fmt.Errorf("%d commits, want %d", len(lines), rounds*refs)
	}
	for _, line := range lines {
		var mark int
		var id string
		if _, err := fmt.Sscanf(line, ":%d %s", &mark, &id); err != nil || mark < 1 || mark > rounds*refs {
			return nil, fmt.Errorf("the line %q is not understood", line)
		}
		out[(mark-1)/refs][(mark-1)%refs] = id
	}
	return out, nil
}
