package gitfacts

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

func TestContents(t *testing.T) {
	bare, _ := newRepository(t)
	put := func(text string) policy.ObjectID {
		out, err := tryGit(bare, text, "hash-object", "-w", "--stdin")
		if err != nil {
			t.Fatal(out)
		}
		return policy.ObjectID(out)
	}
	small, large := put("small\n"), put(strings.Repeat("x", maxDiscard+100))
	c, err := open(t, bare).Contents(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	absent := policy.ObjectID(strings.Repeat("1", 40))
	if _, _, _, err := c.Next(absent); !errors.Is(err, ErrMissing) {
		t.Errorf("absent: %v", err)
	}
	for _, id := range []policy.ObjectID{"", "HEAD", "x\n" + small} {
		if _, _, _, err := c.Next(id); err == nil || errors.Is(err, ErrMissing) {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, all := range []bool{true, false, true} { // also where nothing of one is read
		kind, size, r, err := c.Next(small)
		if err != nil || kind != "blob" || size != 6 {
			t.Fatalf("%s of %d bytes, %v", kind, size, err)
		}
		if !all {
			continue
		}
		if text, err := io.ReadAll(r); err != nil || string(text) != "small\n" {
			t.Errorf("%q, %v", text, err)
		}
	}
	_, _, r, err := c.Next(large)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, r, 100); err != nil {
		t.Fatal(err)
	}
	if kind, _, _, err := c.Next(small); err != nil || kind != "blob" {
		t.Errorf("after most of a large one: %v", err)
	}
	if _, _, _, err := c.Next(large); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, _, err := c.Next(small); err == nil {
			t.Error("a large object was read past")
		}
	}
}
