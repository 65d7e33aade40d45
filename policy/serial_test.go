package policy

import (
	"fmt"
	"strings"
	"testing"
)

func TestSerial(t *testing.T) {
	for line, want := range map[string]uint64{"": 0, "serial = 0": 0, "serial = 7": 7, "serial = 9223372036854775807": 1<<63 - 1} {
		file := strings.Replace(issuePolicy, "version = 1\n", fmt.Sprintf("version = 1\n%s\n", line), 1)
		if p := mustParse(t, file); p.Serial != want || p.Text != file {
			t.Errorf("%q: serial %d", line, p.Serial)
		}
	}
}
