//go:build postgres

package ledger

import (
	"context"
	"time"

	"github.com/pathgate/pathgate/internal/pgstore"
)

func examineStore(ctx context.Context, place string) (x Examination, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgstore.Connect(ctx, place)
	if err != nil {
		return x, explainStore(err)
	}
	defer conn.Close()
	rights, err := conn.Rights(ctx)
	if err != nil {
		return x, explainStore(err)
	}
	x = Examination{Role: rights.Role, Missing: rights.Missing, Excess: rights.Excess,
		TLS: rights.TLS, Server: rights.Server, Standbys: rights.Standbys}
	for range 5 {
		begun := time.Now()
		if _, err := conn.Size(ctx); err != nil {
			return x, explainStore(err)
		}
		if took := time.Since(begun); x.Trip == 0 || took < x.Trip {
			x.Trip = took
		}
	}
	return x, nil
}
