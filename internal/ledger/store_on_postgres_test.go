//go:build postgres

package ledger

import (
	"sync"
	"testing"

	"github.com/pathgate/pathgate/internal/pgstore"
	"github.com/pathgate/pathgate/policy"
)

// Who goes on after an entry needs one round trip for that and for the lock, and
// nobody comes between.
func TestStoreAppendOn(t *testing.T) {
	r, _ := newShared(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	l := r.open()
	defer l.Close()
	intent := entryFor(TypeIntent, "dev", mainRef, oid("b"), "deploy")
	next := Hints{Service: "shop", Commits: []policy.ObjectID{policy.ObjectID(oid("b"))}, Spots: []Hint{{"dev", "shop/dev.git", mainRef}}, Back: true}
	if err := l.AppendOn(next, intent); err != nil {
		t.Fatal(err)
	}
	if !l.store.(*remote).conn.Held() {
		t.Error("nobody else wants the head, and it is not held")
	}
	deployed := entryFor(TypeDeployed, "dev", mainRef, oid("b"), "deploy")
	deployed.Intent = intent.Seq
	if err := l.Append(deployed); err != nil {
		t.Fatal(err)
	}
	if n := l.RoundTrips(); n != 3 {
		t.Errorf("%d round trips", n)
	}
	r.verified()
}

// Of many who go on at once each writes what it says, once, though others come
// between its entries.
func TestStoreAppendOnAtOnce(t *testing.T) {
	r, _ := newShared(t)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			for range 8 {
				l := r.open()
				intent := entryFor(TypeIntent, "dev", mainRef, oid("b"), "deploy")
				deployed := entryFor(TypeDeployed, "dev", mainRef, oid("b"), "deploy")
				err := l.AppendOn(Hints{Service: "shop"}, intent)
				if deployed.Intent = intent.Seq; err == nil {
					err = l.Append(deployed)
				}
				if l.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := len(r.entries()); n != 1+6*8*2 {
		t.Errorf("%d entries", n)
	}
	r.verified()
}

// What fails after a COMMIT takes nothing back, and leaves no transaction.
func TestStoreCommitOnFails(t *testing.T) {
	r, _ := newShared(t)
	conn, err := pgstore.Connect(t.Context(), r.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	limits := limitsOf(patience)
	got, err := conn.Lock(t.Context(), limits, pgstore.Want{})
	if err != nil {
		t.Fatal(err)
	}
	value := pgstore.Value{Key: []byte("x"), Value: []byte("one")}
	change := pgstore.Change{Expect: got.Head.Seq, Head: got.Head, New: []pgstore.Value{value}}
	wrong := pgstore.Want{Ranges: []pgstore.Range{{From: []byte("x"), To: []byte("y"), Most: -1}}}
	if _, err := conn.CommitOn(t.Context(), change, limits, wrong); err != nil || conn.Held() {
		t.Errorf("%v, held: %t", err, conn.Held())
	}
	// It is there, and stays what it is.
	want := pgstore.Want{Keys: [][]byte{[]byte("x")}}
	if got, err = conn.Lock(t.Context(), limits, want); err != nil || len(got.Values) != 1 {
		t.Fatalf("%+v, %v", got.Values, err)
	}
	change.New[0].Value = []byte("two")
	got, err = conn.CommitOn(t.Context(), change, limits, want)
	if err != nil || !conn.Held() || len(got.Values) != 1 || string(got.Values[0].Value) != "one" {
		t.Errorf("%+v, %v", got.Values, err)
	}
}
