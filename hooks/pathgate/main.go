// Command pathgate is what operators and auditors of pathgate type.
package main

import (
	"os"

	"github.com/pathgate/pathgate/internal/command"
)

func main() {
	os.Exit(command.Run(os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}
