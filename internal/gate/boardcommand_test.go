package gate

import "testing"

func TestCommandBeside(t *testing.T) {
	for hooks, want := range map[string]string{
		"/usr/local/lib/pathgate/hooks": "/usr/local/bin/pathgate",
		"/lib/pathgate/hooks":           "/bin/pathgate",
		"/tmp/a/b/hooks":                "",
		"/opt/mylib/pathgate/hooks":     "",
		"/opt/lib/pathgate/hooks/old":   "",
		"lib/pathgate/hooks":            "",
	} {
		if got, err := commandBeside(hooks); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", hooks, got, err, want)
		}
	}
}
