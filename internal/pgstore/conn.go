package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A Conn is a connection to a ledger's database, for one goroutine. A lost one
// is made again where that cannot matter: at the beginning of a transaction.
type Conn struct {
	config *pgconn.Config
	name   string
	pg     *pgconn.PgConn
	held   bool // a transaction has the head's lock
	warned bool // the server has sent a warning since the last batch began
	trips  int
}

// Connect connects to the database that a URL names, by the context's deadline.
// Of several hosts the first counts that can be reached and is what
// target_session_attrs says.
//
// Its errors wrap ErrUnreachable, ErrBusy, ErrDenied or ErrMissing.
func Connect(ctx context.Context, place string) (*Conn, error) {
	config, err := Parse(place)
	if err != nil {
		return nil, err
	}
	c := &Conn{config: config, name: Name(place)}
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Conn) connect(ctx context.Context) error {
	config := c.config
	if t, ok := ctx.Deadline(); ok {
		config = withLimit(config, time.Until(t))
	} else {
		config = config.Copy()
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		c.warned = c.warned || n.SeverityUnlocalized == "WARNING"
	}
	pg, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return notConnected(err)
	}
	c.pg, c.held = pg, false
	return nil
}

// alive connects again if the connection was lost.
func (c *Conn) alive(ctx context.Context) error {
	if c.pg != nil && !c.pg.IsClosed() {
		return nil
	}
	return c.connect(ctx)
}

// Close ends the connection without waiting for the server. What was not
// committed is rolled back.
func (c *Conn) Close() {
	if c != nil && c.pg != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = c.pg.Close(ctx) // there is nothing to lose
		c.pg, c.held = nil, false
	}
}

// Name is the URL without its parameters.
func (c *Conn) Name() string { return c.name }

// Held reports whether a transaction has the head's lock, as far as is known.
func (c *Conn) Held() bool { return c.held && c.pg != nil && !c.pg.IsClosed() }

// Trips is how many times something was sent and an answer waited for since
// Connect, without those of connecting.
func (c *Conn) Trips() int { return c.trips }

// A query is a statement with parameters in binary.
type query struct {
	sql  string
	oids []uint32
	args [][]byte
}

// batch sends statements in one go and reads all answers. After an error of a
// statement the server passes over the others.
func (c *Conn) batch(ctx context.Context, queries ...query) ([]*pgconn.Result, error) {
	var b pgconn.Batch
	binary := []int16{1}
	for _, q := range queries {
		b.ExecParams(q.sql, q.args, q.oids, binary[:min(1, len(q.args))], binary)
	}
	c.trips++
	c.warned = false
	results, err := c.pg.ExecBatch(ctx, &b).ReadAll()
	if err == nil && len(results) != len(queries) {
		err = errFormat
	}
	if err != nil {
		c.held = false
	}
	return results, err
}

// Limits are how long a transaction may take.
type Limits struct {
	Statement time.Duration // one statement
	Lock      time.Duration // waiting for the head
	Idle      time.Duration // the client between two batches
}

// begin are the statements that begin a transaction.
func begin(how string, l Limits) []query {
	ms := func(d time.Duration) []byte { return fmt.Appendf(nil, "%dms", max(d.Milliseconds(), 1)) }
	return []query{{sql: "BEGIN " + how}, {
		sql: `SELECT pg_catalog.set_config('search_path', 'pg_catalog', true),
 pg_catalog.set_config('statement_timeout', $1, true),
 pg_catalog.set_config('lock_timeout', $2, true),
 pg_catalog.set_config('idle_in_transaction_session_timeout', $3, true),
 pg_catalog.set_config('client_min_messages', 'warning', true),
 pg_catalog.set_config('synchronous_commit',
  CASE pg_catalog.current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true),
 pg_catalog.set_config('enable_seqscan', 'off', true),
 pg_catalog.set_config('jit', 'off', true)`,
		oids: []uint32{oidText, oidText, oidText},
		args: [][]byte{ms(l.Statement), ms(l.Lock), ms(l.Idle)},
	}}
}

const (
	forWriting = "ISOLATION LEVEL READ COMMITTED READ WRITE"
	forReading = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
)

// until are limits that a context sets: what is left of its time, or an hour.
func until(ctx context.Context) Limits {
	left := time.Hour
	if t, ok := ctx.Deadline(); ok {
		left = time.Until(t)
	}
	return Limits{left, left, left}
}

// faulty makes the error of a batch that was to change nothing.
func faulty(err error) error {
	var p *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return explained(err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer in time: %w", ErrBusy, context.DeadlineExceeded)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}
