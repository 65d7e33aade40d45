package setup

import (
	"errors"
	"fmt"
)

// No is the error of a verb that cannot do what was asked as things are: the
// answer is known, and it is no. Every other error says that something could
// not be found out or done.
type No struct{ err error }

func (n *No) Error() string { return n.err.Error() }

// Unwrap returns what stands in the way.
func (n *No) Unwrap() error { return n.err }

// IsNo reports whether err says that the answer is no.
func IsNo(err error) bool {
	no := (*No)(nil)
	return errors.As(err, &no)
}

// no makes a No.
func no(format string, args ...any) error { return &No{fmt.Errorf(format, args...)} }
