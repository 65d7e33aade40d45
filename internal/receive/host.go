package receive

import (
	"fmt"
	"os"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// HostOf is what this host is called in the policy's ledger, if hosts share
// that: the policy's host, or the node name (uname(2)) where it has none. It is
// empty where the ledger is this host's own. A node name that no two hosts can
// be told apart by, such as none or localhost, is an error.
func HostOf(pol *policy.Policy) (string, error) {
	if !pol.Shared() {
		return "", nil
	}
	if pol.Host != "" {
		return pol.Host, checkHost(pol.Host)
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("find this host's name: %w", err)
	}
	return name, checkHost(name)
}

// maxHost is the longest name of a host, in bytes (gethostname(2)).
const maxHost = 64

func checkHost(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	short, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch {
	case name == "" || len(name) > maxHost || strings.Trim(name, letters+"._-") != "" || !strings.Contains(letters, name[:1]):
		return fmt.Errorf("%q cannot be a host's name: set host in the policy", name)
	case short == "localhost" || short == "localhost4" || short == "localhost6":
		return fmt.Errorf("%q is the name of every host: set host in the policy", name)
	}
	return nil
}
