package ledger

import (
	"context"
	"fmt"
	"time"
)

// An Examination is what can be said of a ledger in a database without its lock.
type Examination struct {
	Role string // that the URL names
	// Missing are rights that who writes needs and the role has not, such as
	// "INSERT on entry"; Excess those that no writer should have, as with them the
	// lines can be changed.
	Missing, Excess []string
	TLS             string        // the version of the protocol, empty where there is none
	Server          string        // the version of the server
	Standbys        string        // what the server waits for at a commit (synchronous_standby_names), empty: nothing
	Trip            time.Duration // the fastest of a few round trips
}

// Examine looks at the database that url names. Its errors are those of Open.
func Examine(ctx context.Context, url string) (Examination, error) {
	x, err := examineStore(ctx, url)
	if err != nil {
		return x, fmt.Errorf("examine the ledger %s: %w", nameOf(url), err)
	}
	return x, nil
}
