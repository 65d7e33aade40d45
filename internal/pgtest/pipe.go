package pgtest

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A pipe is one connection through a Proxy.
type pipe struct {
	proxy          *Proxy
	client, server net.Conn
	number         int         // among the proxy's connections
	asked          atomic.Bool // the client spoke last
	once           sync.Once
	mu             sync.Mutex
	fault          *fault // to happen when the server answers
}

// A chunk is what was read at once, and when it is to be passed on.
type chunk struct {
	body []byte
	due  time.Time
}

// idle is how PostgreSQL ends what it says when no transaction is open any more:
// the message ReadyForQuery (documentation of PostgreSQL, Message Formats).
const idle = "Z\x00\x00\x00\x05I"

// alert begins a record of TLS 1.3 with two bytes in it (RFC 8446, 5.2): its end,
// and no message of PostgreSQL, which have five or more.
const alert = "\x17\x03\x03\x00\x13"

func (c *pipe) close() {
	c.once.Do(func() {
		_ = c.client.Close() // both ends are given up in any case
		_ = c.server.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.fault != nil {
			c.fault.over()
		}
	})
}

// copy passes on what one side says. Reading goes on while what was read waits
// for its time, as on a long line.
func (c *pipe) copy(from, to net.Conn, upward bool) {
	defer c.close()
	chunks := make(chan chunk, 4096)
	go func() {
		defer close(chunks)
		for {
			b := make([]byte, 32<<10)
			n, err := from.Read(b)
			if n > 0 {
				chunks <- chunk{b[:n], time.Now().Add(time.Duration(c.proxy.delay.Load()))}
			}
			if err != nil {
				return
			}
		}
	}()
	alive := true
	for next := range chunks {
		if !alive {
			continue
		}
		wait(next.due)
		c.proxy.hush()
		if alive = c.deliver(to, next.body, upward); !alive {
			c.close()
		}
	}
}

// deliver passes some bytes on; false if the connection is over.
func (c *pipe) deliver(to net.Conn, b []byte, upward bool) bool {
	if !upward {
		return c.answer(to, b)
	}
	c.asked.Store(true)
	f := c.proxy.hit(b)
	if f != nil && f.when == BeforeServer {
		f.over()
		return false
	}
	if f != nil && f.when == AfterAnswer {
		c.mu.Lock()
		c.fault = f
		c.mu.Unlock()
	}
	_, err := to.Write(b)
	if f != nil && f.when == AfterServer {
		f.over()
		return false
	}
	return err == nil
}

func (c *pipe) answer(to net.Conn, b []byte) bool {
	c.mu.Lock()
	f := c.fault
	c.mu.Unlock()
	if f != nil {
		if !bytes.HasSuffix(b, []byte(idle)) {
			return true // the beginning of an answer, which is lost as well
		}
		f.over()
		return false
	}
	if !bytes.HasPrefix(b, []byte(alert)) && c.asked.Swap(false) {
		c.proxy.trip(c)
	}
	_, err := to.Write(b)
	return err == nil
}

// wait returns when a time has come.
func wait(due time.Time) {
	for left := time.Until(due); left > 0; left = time.Until(due) {
		time.Sleep(left)
	}
}
