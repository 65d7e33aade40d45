package setup

import (
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// Options are what the verbs work with.
type Options struct {
	// Policy is the policy that shall judge. Uninstall does without it; Doctor
	// reads PolicyPath where it is nil.
	Policy *policy.Policy
	// PolicyPath is the policy file, an absolute path.
	PolicyPath string
	// Default says that PolicyPath is where hooks look of themselves, so that
	// the repository need not name it.
	Default bool
	// HooksDir is the folder of pathgate's hooks, an absolute path.
	HooksDir string
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// The hooks that pathgate brings, in the order in which install wires them.
var hookNames = [...]string{"proc-receive", "post-receive", "pre-receive"}

// OperatingUser is the name of the person who runs this process: the user, or
// who became root by sudo.
func OperatingUser() string {
	if name := os.Getenv("SUDO_USER"); name != "" && os.Geteuid() == 0 {
		return name
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Geteuid())
}
