package command

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/policy"
)

// Of a host with many refs they are counted; what moves, and the refs of hosts
// with few, are named.
func TestStatusAfar(t *testing.T) {
	var rows []gate.Status
	for i := range 14 {
		r := gate.Status{Spot: gate.Spot{Service: "shop", Environment: "dev", Ref: policy.RefName(fmt.Sprintf("refs/heads/r%d", i))}, Host: "git-2"}
		switch {
		case i == 12:
			r.Moving = true
		case i > 12:
			r.Host = "git-3"
		}
		rows = append(rows, r)
	}
	var out strings.Builder
	a := &app{stdout: &out}
	a.printStatus(rows)
	got := out.String()
	for want, n := range map[string]int{"elsewhere: 12 refs on host git-2": 1, "elsewhere: ": 2, "moving: ": 1, "r13 is on host git-3": 1} {
		if strings.Count(got, want) != n {
			t.Errorf("%q is not there %d times:\n%s", want, n, got)
		}
	}
}
