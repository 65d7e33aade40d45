package ledger

import "context"

// readFrom is Read that ends with a context, between two lines.
func readFrom(ctx context.Context, from string, offset int64, fn func(*Line) error) error {
	return Read(from, offset, func(line *Line) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return fn(line)
	})
}
