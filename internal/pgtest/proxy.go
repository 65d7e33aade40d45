package pgtest

import (
	"bytes"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A When says at what moment of a message a Proxy cuts the connection.
type When int

// The moments.
const (
	// BeforeServer: the server never sees the message.
	BeforeServer When = iota
	// AfterServer: the server has the message, and may still be at it. Whether it
	// ends that is open: pgx asks it to cancel what a lost connection was at.
	AfterServer
	// AfterAnswer: the server has done it and ended the transaction, and the
	// client never hears of it. It knows PostgreSQL without TLS only.
	AfterAnswer
)

// A Proxy passes TCP connections on to a server, slowly and with faults.
type Proxy struct {
	listener net.Listener
	target   string
	delay    atomic.Int64 // each way

	mu     sync.Mutex
	trips  []int // round trips of each connection so far
	down   bool  // nobody is let in
	silent chan struct{}
	fault  *fault
	pipes  []*pipe
}

// A fault is what CutAt asked for.
type fault struct {
	pattern []byte
	when    When
	done    chan struct{}
	once    sync.Once
}

func (f *fault) over() { f.once.Do(func() { close(f.done) }) }

// NewProxy listens on a port of 127.0.0.1 and passes what comes on to target.
func NewProxy(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, target: target}
	go p.serve()
	return p, nil
}

// ProxyTo is NewProxy for a test, which ends it.
func ProxyTo(tb testing.TB, target string) *Proxy {
	tb.Helper()
	p, err := NewProxy(target)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

// Address is the host and port that the proxy listens on.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// SetDelay makes each way take so much longer: a round trip takes twice that.
func (p *Proxy) SetDelay(each time.Duration) { p.delay.Store(int64(each)) }

// Trips is how many round trips each connection has had, in the order in which
// they were opened: how often the server answered what the client had sent. They
// are counted before the client has the answer, so that all are there when it has
// ended. A good-bye has none.
func (p *Proxy) Trips() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.trips)
}

// Cut ends all connections and lets nobody in until Restore.
func (p *Proxy) Cut() {
	p.mu.Lock()
	p.down = true
	pipes := slices.Clone(p.pipes)
	p.mu.Unlock()
	for _, c := range pipes {
		c.close()
	}
}

// Shut lets nobody in until Restore; who is connected stays.
func (p *Proxy) Shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
}

// Silence passes nothing on any more, in either direction, and ends nothing:
// the other side is just not heard. Restore undoes it.
func (p *Proxy) Silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent == nil {
		p.silent = make(chan struct{})
	}
}

// Restore undoes Cut, Shut and Silence.
func (p *Proxy) Restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
	if p.silent != nil {
		close(p.silent)
		p.silent = nil
	}
}

// CutAt cuts the connection on which a client next sends bytes with the pattern
// in them, at the given moment. What it returns is closed when that has
// happened, or the connection has ended otherwise meanwhile.
func (p *Proxy) CutAt(pattern string, when When) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = &fault{pattern: []byte(pattern), when: when, done: make(chan struct{})}
	return p.fault.done
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() {
	p.Cut()
	p.Restore()
	_ = p.listener.Close() // nothing can be done about it
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.pass(client)
	}
}

func (p *Proxy) pass(client net.Conn) {
	server, err := net.DialTimeout("tcp", p.target, patience)
	if err != nil {
		_ = client.Close() // as the server itself would refuse it
		return
	}
	c := &pipe{proxy: p, client: client, server: server}
	p.mu.Lock()
	if p.down {
		p.mu.Unlock()
		c.close()
		return
	}
	c.number = len(p.trips)
	p.pipes, p.trips = append(p.pipes, c), append(p.trips, 0)
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { c.copy(client, server, true) })
	both.Go(func() { c.copy(server, client, false) })
	both.Wait()
	p.mu.Lock()
	p.pipes = slices.DeleteFunc(p.pipes, func(other *pipe) bool { return other == c })
	p.mu.Unlock()
}

// hit takes the fault if these bytes of a client are the ones.
func (p *Proxy) hit(b []byte) *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.fault
	if f == nil || !bytes.Contains(b, f.pattern) {
		return nil
	}
	p.fault = nil
	return f
}

// trip counts a round trip of a connection.
func (p *Proxy) trip(c *pipe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trips[c.number]++
}

// hush waits while the proxy is silent.
func (p *Proxy) hush() {
	p.mu.Lock()
	silent := p.silent
	p.mu.Unlock()
	if silent != nil {
		<-silent
	}
}
