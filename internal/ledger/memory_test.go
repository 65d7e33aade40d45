package ledger

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The kv in memory does what a map does, whatever is put, changed and deleted.
func TestMemory(t *testing.T) {
	t.Run("memory", func(t *testing.T) { likeMap(t, nil) })
	t.Run("file", func(t *testing.T) { likeMap(t, scratchOf(t)) })
}

func likeMap(t *testing.T, s *scratch) {
	r := rand.New(rand.NewPCG(5, 26))
	m, want := newMemory(s), map[string]string{}
	scan := func(prefix string) (all []string) {
		err := m.Scan([]byte(prefix), func(k, v []byte) error {
			all = append(all, string(k)+"="+string(v))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	kinds := []byte{keyLock, keyQueue, keyRecord, keyApproval, keyIntent, keyContents, keyStamped, keyLiveThere}
	for i := range 40000 {
		f := make([]string, 6)
		for j := range f {
			f[j] = strings.Repeat("x", r.IntN(3))
		}
		k := key(kinds[r.IntN(len(kinds))], f...)
		switch r.IntN(5) {
		case 0, 1:
			if err := m.Delete(k); err != nil {
				t.Fatal(err)
			}
			delete(want, string(k))
		default:
			length := r.IntN(90)
			if r.IntN(200) == 0 {
				length = arenaChunk + r.IntN(100)
			}
			v := bytes.Repeat([]byte{byte('a' + i%26)}, length)
			if err := m.Put(k, v); err != nil {
				t.Fatal(err)
			}
			want[string(k)] = string(v)
			v = append(v, 'z')
			v[0] = 'z' // it is the caller's
		}
		if got, err := m.Get(k); err != nil || (got != nil) != hasKey(want, k) || string(got) != want[string(k)] {
			t.Fatalf("step %d: %q is %q, not %q", i, k, got, want[string(k)])
		}
		if i%500 != 0 {
			continue
		}
		each := 0
		m.each(func(k, v []byte) {
			if each++; want[string(k)] != string(v) {
				t.Fatalf("step %d: each has %q otherwise", i, k)
			}
		})
		if each != len(want) {
			t.Fatalf("step %d: each has %d keys, not %d", i, each, len(want))
		}
		if m.count != len(want) {
			t.Fatalf("step %d: %d keys, not %d", i, m.count, len(want))
		}
		for n := range 7 {
			prefix := ""
			if n > 0 {
				prefix = string(key(k[0], f[:n-1]...))
			}
			var all []string
			for _, have := range slices.Sorted(maps.Keys(want)) {
				if strings.HasPrefix(have, prefix) {
					all = append(all, have+"="+want[have])
				}
			}
			if got := scan(prefix); !slices.Equal(got, all) {
				t.Fatalf("step %d: scan of %q finds %d and not %d", i, prefix, len(got), len(all))
			}
		}
	}
}

func hasKey(all map[string]string, k []byte) bool {
	_, ok := all[string(k)]
	return ok
}

// What is deleted makes room for what comes.
func TestMemoryReuse(t *testing.T) {
	m := newMemory(nil)
	for i := range 100000 {
		k := fmt.Appendf(nil, "I%06d", i)
		if err := m.Put(k, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if err := m.Delete(k); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.blocks.chunks) > 1 || len(m.keys.depths) > 1 || m.count > 0 {
		t.Errorf("%d chunks, %d buckets, %d items", len(m.blocks.chunks), len(m.keys.depths), m.count)
	}
}
