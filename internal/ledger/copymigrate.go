package ledger

import (
	"context"
	"fmt"
)

// Roles are the roles of a database that Migrate gives rights to; an empty one
// gets none.
type Roles struct {
	Writer string // who adds lines: hooks and the command
	Reader string // who reads them: auditors
}

// IsURL reports whether a ledger's place is a database and not a folder.
func IsURL(place string) bool { return isURL(place) }

// Migrate makes the tables of a ledger in the database that url names, or brings
// them to this version, and gives the roles their rights. Only an operator does
// that, as the owner of the tables. It returns the version that was there, zero
// if there were no tables, and the one that is there now. It may be run again.
func Migrate(ctx context.Context, url string, r Roles) (was, now int, err error) {
	if !isURL(url) {
		return 0, 0, fmt.Errorf("migrate %s: it is not the URL of a database", url)
	}
	return migrateStore(ctx, url, r)
}
