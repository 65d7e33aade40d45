package gitfacts

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

func FuzzParseCommit(f *testing.F) {
	tree := strings.Repeat("a", 40)
	f.Add([]byte("tree " + tree + "\nauthor x\n\none\ntwo\n\nthree"))
	f.Add([]byte("tree " + tree + "\n\n\n\n"))
	f.Add([]byte("object " + tree + "\ntype commit\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, digits := range []int{40, 64} {
			tree, subject, ok := parseCommit(raw, digits)
			if ok != (tree != "") || len(subject) > maxSubject || strings.Contains(subject, "\n") {
				t.Fatalf("got %q, %q, %v", tree, subject, ok)
			}
			if ok && (len(tree) != digits || !bytes.HasPrefix(raw, []byte("tree "+tree+"\n"))) {
				t.Fatalf("tree %q", tree)
			}
			target, kind, ok := parseTag(raw, digits)
			if ok && !bytes.HasPrefix(raw, []byte("object "+target+"\ntype "+kind+"\n")) {
				t.Fatalf("got %q, %q", target, kind)
			}
		}
	})
}

// The binary search finds what reading all lines finds, and an arbitrary file
// does no harm.
func FuzzPackedRefs(f *testing.F) {
	f.Add("a b c/d refs/heads/main", 400, uint8(3), []byte("# pack-refs with: sorted \n"))
	f.Add("", 0, uint8(0), []byte("x"))
	r := &Repository{format: SHA1}
	f.Fuzz(func(t *testing.T, words string, count int, peel uint8, raw []byte) {
		names := packedNames(words, count%2000)
		var file strings.Builder
		file.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
		for i, name := range names {
			fmt.Fprintf(&file, "%040x %s\n", i+1, name)
			if peel > 0 && i%int(peel) == 0 {
				fmt.Fprintf(&file, "^%040x\n", i+1)
			}
		}
		p, err := newPacked(strings.NewReader(file.String()), int64(file.Len()), r.objectID)
		if err != nil || !p.sorted {
			t.Fatalf("sorted: %v, %v", p, err)
		}
		linear := make(map[policy.RefName]Ref)
		if err := p.scan(p.start, p.size, names, linear); err != nil || len(linear) != len(names) {
			t.Fatalf("%d of %d, %v", len(linear), len(names), err)
		}
		for i := 0; i < len(names); i += 1 + len(names)/50 {
			name := names[i]
			got := make(map[policy.RefName]Ref)
			if err := p.search(name, got); err != nil || got[name] != linear[name] || got[name].ID == "" {
				t.Fatalf("%d %q: got %v, %v", i, name, got, err)
			}
			absent := name + "\x01"
			if err := p.search(absent, got); err != nil || len(got) != 1 {
				t.Fatalf("%q: got %v, %v", absent, got, err)
			}
		}
		if wild, err := newPacked(bytes.NewReader(raw), int64(len(raw)), r.objectID); err == nil {
			_ = wild.find([]policy.RefName{"refs/heads/main"}, linear)
		}
	})
}

// packedNames makes sorted names without repetition.
func packedNames(words string, count int) (names []policy.RefName) {
	list := strings.FieldsFunc(words, func(r rune) bool { return r <= ' ' || r == '\u0085' || r == '\u00a0' })
	for i, word := range list {
		word = word[:min(len(word), 4000)]
		names = append(names, policy.RefName("refs/"+word))
		for j := range max(count, 0) / len(list) {
			names = append(names, policy.RefName(fmt.Sprintf("refs/%s/%d", word, i+j)))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
