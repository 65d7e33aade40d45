package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

//go:embed sql/*.sql
var migrations embed.FS

// Roles are the roles that get rights on the tables. They must be there; an
// empty one gets none. The tables belong to whoever migrates.
type Roles struct {
	Writer string // hooks and the command: adds lines, moves the head, keeps the values
	Reader string // auditors: reads lines, head and values
}

// Migrate makes the tables in the database that place names, or brings them to
// this version, and gives the roles their rights; it may be run again. It
// returns the version that was there, zero if there were no tables. Only an
// operator does that: no hook ever changes a table.
//
// With tables of a newer version it fails with ErrLayout.
func Migrate(ctx context.Context, place string, roles Roles) (was int, err error) {
	c, err := Connect(ctx, place)
	if err != nil {
		return 0, fmt.Errorf("migrate %s: %w", Name(place), err)
	}
	defer func() { c.Close() }()
	was, err = c.migrate(ctx, roles)
	for try := 0; try < 3 && raced(err); try++ {
		c.Close()
		if err = c.connect(ctx); err == nil {
			was, err = c.migrate(ctx, roles)
		}
	}
	if err != nil {
		return was, fmt.Errorf("migrate %s: %w", Name(place), explained(err))
	}
	return was, nil
}

// raced reports whether somebody else made the tables at the same moment: unique
// key, duplicate_schema, or a row of the catalogue that was being changed.
func raced(err error) bool {
	var p *pgconn.PgError
	return errors.As(err, &p) && (p.Code == "23505" || p.Code == "42P06" || p.Code == "XX000")
}

func (c *Conn) migrate(ctx context.Context, roles Roles) (was int, err error) {
	encoding, err := c.one(ctx, "SHOW server_encoding")
	if err == nil && encoding != "UTF8" {
		err = fmt.Errorf("the database's encoding is %s: make it with ENCODING 'UTF8'", encoding)
	}
	if err != nil {
		return 0, err
	}
	if err := c.script(ctx, "BEGIN; SET LOCAL search_path = pg_catalog; SET LOCAL lock_timeout = '30s'"); err != nil {
		return 0, err
	}
	there, err := c.one(ctx, "SELECT to_regclass('pathgate.head') IS NOT NULL")
	if err == nil && there == "t" {
		var version string
		if version, err = c.one(ctx, "SELECT layout FROM pathgate.head WHERE one FOR UPDATE"); err == nil {
			_, err = fmt.Sscan(version, &was)
		}
	}
	if err == nil && was > Layout {
		err = fmt.Errorf("%w: %d, and this pathgate knows %d", ErrLayout, was, Layout)
	}
	for version := was + 1; err == nil && version <= Layout; version++ {
		var sql []byte
		if sql, err = migrations.ReadFile(fmt.Sprintf("sql/%03d.sql", version)); err == nil {
			err = c.script(ctx, string(sql))
		}
	}
	var owner string
	if err == nil {
		owner, err = c.one(ctx, "SELECT current_user")
	}
	if err == nil {
		err = c.script(ctx, grants(roles, owner))
	}
	if err != nil {
		return was, err
	}
	return was, c.script(ctx, fmt.Sprintf("UPDATE pathgate.head SET layout = %d; COMMIT", Layout))
}

// grants gives each role what it needs and takes what it does not. The owner
// has all rights.
func grants(r Roles, owner string) string {
	var b strings.Builder
	// Default privileges of the owner's may have given some to all.
	b.WriteString("REVOKE ALL ON SCHEMA pathgate FROM PUBLIC;\nREVOKE ALL ON ALL TABLES IN SCHEMA pathgate FROM PUBLIC;\n")
	for _, role := range [...]string{r.Writer, r.Reader} {
		if role == "" || role == owner {
			continue
		}
		name := `"` + strings.ReplaceAll(role, `"`, `""`) + `"`
		fmt.Fprintf(&b, "REVOKE ALL ON ALL TABLES IN SCHEMA pathgate FROM %s;\n", name)
		fmt.Fprintf(&b, "REVOKE ALL ON SCHEMA pathgate FROM %s;\n", name)
		fmt.Fprintf(&b, "GRANT USAGE ON SCHEMA pathgate TO %s;\n", name)
		fmt.Fprintf(&b, "GRANT SELECT ON pathgate.entry, pathgate.head, pathgate.projection, pathgate.record TO %s;\n", name)
		if role == r.Writer {
			fmt.Fprintf(&b, "GRANT INSERT ON pathgate.entry TO %s;\n", name)
			fmt.Fprintf(&b, "GRANT UPDATE (seq, starts, ends, hash, at, ledger, schema, next_keys) ON pathgate.head TO %s;\n", name)
			fmt.Fprintf(&b, "GRANT INSERT, UPDATE, DELETE ON pathgate.projection TO %s;\n", name)
		}
	}
	return b.String()
}

// script runs statements without parameters.
func (c *Conn) script(ctx context.Context, sql string) error {
	_, err := c.pg.Exec(ctx, sql).ReadAll()
	return err
}

// one is the only value that a statement answers, as text.
func (c *Conn) one(ctx context.Context, sql string) (string, error) {
	results, err := c.pg.Exec(ctx, sql).ReadAll()
	if err != nil {
		return "", err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 1 {
		return "", errors.New("no answer to " + sql)
	}
	return string(results[0].Rows[0][0]), nil
}
