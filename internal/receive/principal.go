package receive

import (
	"net/netip"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// MaxNameBytes bounds the name of a principal.
const MaxNameBytes = 255

// A Principal is who pushes, as the transport vouches for it.
type Principal struct {
	Name    string // printable, never empty
	Via     string // the identity source that the policy names
	Address string // the client's IP address without zone, or empty
}

// FindPrincipal takes the pusher's name from the one environment variable that
// belongs to source (the policy's key "identity.source") and from no other. An
// absent or unsound name is an *InputError with the code NoIdentity.
func FindPrincipal(source string, getenv func(string) string) (Principal, error) {
	variable := policy.EnvironmentVariable(source)
	if variable == "" {
		return Principal{}, nobody("the identity source is unknown")
	}
	name := getenv(variable)
	switch {
	case name == "":
		return Principal{}, nobody("the server did not say who pushes: " + variable + " is empty")
	case len(name) > MaxNameBytes:
		return Principal{}, nobody("the name in " + variable + " is longer than 255 bytes")
	case !text.Printable(name):
		return Principal{}, nobody("the name in " + variable + " has characters that cannot be printed")
	case strings.TrimSpace(name) != name:
		return Principal{}, nobody("the name in " + variable + " begins or ends with a space")
	}
	return Principal{Name: name, Via: source, Address: address(source, getenv)}, nil
}

func nobody(reason string) *InputError {
	return &InputError{Code: policy.NoIdentity, Reason: reason}
}

// address is the client's: of a CGI request REMOTE_ADDR (RFC 3875), of an SSH
// session the first field of SSH_CONNECTION or SSH_CLIENT (ssh(1)). A web
// server may carry the SSH variables of whoever started it, so "http" does not
// look at them. The address informs; nothing is decided by it.
func address(source string, getenv func(string) string) string {
	variables := []string{"SSH_CONNECTION", "SSH_CLIENT", "REMOTE_ADDR"}
	if source == "http" {
		variables = variables[2:]
	}
	for _, v := range variables {
		first, _, _ := strings.Cut(getenv(v), " ")
		if a, err := netip.ParseAddr(first); err == nil {
			return a.WithZone("").String()
		}
	}
	return ""
}
