//go:build postgres

package ledger

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/pgstore"
	"github.com/pathgate/pathgate/internal/pgtest"
)

// A cutter passes connections on, and cuts one after so many bytes in a direction.
type cutter struct {
	net.Listener
	up, down atomic.Int64 // how many bytes yet; negative: no end
}

func (c *cutter) serve(target string) {
	for {
		client, err := c.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", target)
		if err != nil {
			client.Close()
			continue
		}
		go pass(server, client, &c.up)
		go pass(client, server, &c.down)
	}
}

// pass copies bytes until one side ends, or there have been enough.
func pass(to, from net.Conn, left *atomic.Int64) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		k := left.Load()
		cut := k >= 0 && int64(n) >= k
		if cut {
			left.Store(-1)
			n = int(k)
		} else if k >= 0 {
			left.Add(int64(-n))
		}
		if _, failed := to.Write(buf[:n]); err != nil || failed != nil {
			return
		}
		if cut {
			time.Sleep(3 * time.Millisecond) // the other side sees what came before the end
			return
		}
	}
}

// The connection is lost after each so many bytes of a COMMIT and of its answer,
// with and without the beginning of the next transaction:
// what the writer is told is true, and it is told something.
func TestStoreCutAnywhere(t *testing.T) {
	r, name := newShared(t)
	primary := server(t).Primary.Address()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c := &cutter{Listener: listener}
	c.up.Store(-1)
	c.down.Store(-1)
	go c.serve(primary)
	far := *r
	far.dir = server(t).PlainURL(pgtest.Hooks, name, listener.Addr().String())
	told := map[string]bool{}
	try := func(what string, budget *atomic.Int64, n int64, on bool) {
		l := far.open()
		defer l.Close()
		defer budget.Store(-1)
		budget.Store(n)
		id := fmt.Sprint(what, n, on)
		e := &Entry{Type: TypeRefused, Push: id, Service: "shop", Environment: "prd", Codes: []string{"frozen"}}
		err := error(nil)
		if on {
			err = l.AppendOn(Hints{Service: "shop"}, e)
		} else {
			err = l.Append(e)
		}
		if err != nil && (!errors.Is(err, ErrWrite) || !errors.Is(err, pgstore.ErrLost)) {
			t.Errorf("%s: %v", id, err)
		}
		told[id] = err == nil
	}
	for n := int64(0); n < 4300; n += 107 {
		try("up", &c.up, n, false)
	}
	for n := int64(0); n < 420; n += 11 {
		try("down", &c.down, n, false)
	}
	for n := int64(0); n < 8000; n += 211 {
		try("up", &c.up, n, true)
	}
	for n := int64(0); n < 2400; n += 61 {
		try("down", &c.down, n, true)
	}
	there := map[string]int{}
	if err := Read(r.dir, 0, func(l *Line) error { there[l.Entry.Push]++; return nil }); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for id, wrote := range told {
		if n := there[id]; n > 1 || wrote != (n == 1) {
			t.Errorf("%s is there %d times; the writer was told: %v", id, n, wrote)
		}
		if !wrote {
			lost++
		}
	}
	if lost == 0 || lost == len(told) {
		t.Errorf("%d of %d were lost: the cuts were not where they should be", lost, len(told))
	}
	r.verified()
}
