// Command proc-receive is pathgate's proc-receive hook (githooks(5)).
package main

import (
	"io"
	"os"

	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/internal/hook"
)

func main() {
	os.Exit(run(os.Stdin, os.Stdout, os.Stderr, os.Getenv, os.Args))
}

func run(stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string, args []string) int {
	return gate.ProcReceive(hook.Process(stdin, stdout, stderr, getenv, args))
}
