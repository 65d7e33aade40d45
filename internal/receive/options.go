package receive

import (
	"strconv"
)

// Bounds of a push's options.
const (
	MaxOptions     = 32      // options of one push
	MaxOptionBytes = 1 << 10 // bytes of one option
)

// Options reads the push options that git passes to pre-receive and
// post-receive: exactly GIT_PUSH_OPTION_COUNT of them (githooks(5)). Without
// the count there are none, whatever GIT_PUSH_OPTION_0 holds: git lets a
// variable of the pusher's through. The error is an *InputError.
func Options(getenv func(string) string) ([]string, error) {
	count := getenv("GIT_PUSH_OPTION_COUNT")
	if count == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(count, 10, 31)
	if err != nil || strconv.FormatUint(n, 10) != count {
		return nil, malformed(0, "the number of push options is not a number")
	}
	var options []string
	for i := range int(n) {
		if reason := admit(len(options)); reason != nil {
			return nil, reason
		}
		option := getenv("GIT_PUSH_OPTION_" + strconv.Itoa(i))
		if len(option) > MaxOptionBytes {
			return nil, tooLarge(i+1, "the push option is longer than 1 KiB")
		}
		options = append(options, option)
	}
	return options, nil
}

// admit says no to an option beyond the first MaxOptions.
func admit(have int) error {
	if have >= MaxOptions {
		return tooLarge(0, "the push has more than 32 push options")
	}
	return nil
}

// Namespaced reports whether the push goes to a ref namespace
// (gitnamespaces(7)). Hooks then see refs/heads/stg while git moves
// refs/namespaces/NAME/refs/heads/stg, so that nothing can be judged.
func Namespaced(getenv func(string) string) bool {
	return getenv("GIT_NAMESPACE") != ""
}
