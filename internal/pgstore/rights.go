package pgstore

import (
	"context"
	"fmt"
	"strings"
)

// Rights is what the role of a connection may do, and how it is connected.
type Rights struct {
	Role string
	// Missing are rights that a writer needs and the role has not, such as
	// "INSERT on entry"; Excess those that no writer should have, such as
	// "superuser".
	Missing, Excess []string
	TLS             string // the protocol's version, empty where there is none
	Server          string // the server's version
	Standbys        string // synchronous_standby_names, empty if none is waited for
}

// rightsSQL answers in one value: fields with a line feed after each, lists with
// commas. PostgreSQL's manual: 9.26 "Access Privilege Inquiry Functions".
const rightsSQL = `SELECT concat(current_user, E'\n',
 concat_ws(',',
  CASE WHEN NOT has_schema_privilege('pathgate', 'USAGE') THEN 'USAGE on the schema' END,
  CASE WHEN NOT has_table_privilege('pathgate.entry', 'SELECT') THEN 'SELECT on entry' END,
  CASE WHEN NOT has_table_privilege('pathgate.entry', 'INSERT') THEN 'INSERT on entry' END,
  CASE WHEN NOT has_table_privilege('pathgate.head', 'SELECT') THEN 'SELECT on head' END,
  CASE WHEN NOT has_any_column_privilege('pathgate.head', 'UPDATE') THEN 'UPDATE on head' END,
  CASE WHEN NOT (has_table_privilege('pathgate.projection', 'SELECT') AND has_table_privilege('pathgate.projection', 'INSERT')
   AND has_table_privilege('pathgate.projection', 'UPDATE') AND has_table_privilege('pathgate.projection', 'DELETE'))
   THEN 'all on projection' END), E'\n',
 concat_ws(',',
  CASE WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN 'superuser' END,
  CASE WHEN (SELECT rolreplication FROM pg_roles WHERE rolname = current_user) THEN 'replication' END,
  CASE WHEN (SELECT pg_has_role(relowner, 'MEMBER') FROM pg_class WHERE oid = 'pathgate.entry'::regclass) THEN 'owner of the tables' END,
  CASE WHEN has_any_column_privilege('pathgate.entry', 'UPDATE') THEN 'UPDATE on entry' END,
  CASE WHEN has_table_privilege('pathgate.entry', 'DELETE') THEN 'DELETE on entry' END,
  CASE WHEN has_table_privilege('pathgate.entry', 'TRUNCATE') THEN 'TRUNCATE on entry' END), E'\n',
 (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()), E'\n',
 current_setting('server_version'), E'\n', current_setting('synchronous_standby_names'))`

// Rights asks what the connection's role may do. Its errors are those of
// Connect.
func (c *Conn) Rights(ctx context.Context) (r Rights, err error) {
	c.trips++
	answer, err := c.one(ctx, rightsSQL)
	if err != nil {
		return r, explained(err)
	}
	f := strings.Split(answer, "\n")
	if len(f) != 6 {
		return r, fmt.Errorf("%d fields about the role's rights", len(f))
	}
	list := func(s string) []string {
		if s == "" {
			return nil
		}
		return strings.Split(s, ",")
	}
	return Rights{Role: f[0], Missing: list(f[1]), Excess: list(f[2]), TLS: f[3], Server: f[4], Standbys: f[5]}, nil
}
