// Command deploy runs the deployments of one environment of a service.
// pathgate's hooks start it; see package deploy.
package main

import (
	"os"

	"github.com/pathgate/pathgate/internal/deploy"
)

func main() {
	os.Exit(deploy.Main(os.Args, os.Stderr, os.Getenv))
}
