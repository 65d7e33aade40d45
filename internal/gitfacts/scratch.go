package gitfacts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// mergeConfig is the configuration under which all merges are made, so that a
// merge is the same one wherever it is made and looked at again. These are
// git's defaults. No driver can be named, and no attributes are followed.
const mergeConfig = `[core]
	repositoryformatversion = 1
	bare = true
	attributesFile = /dev/null
[merge]
	renames = true
	directoryRenames = conflict
	renameLimit = 7000
	renormalize = false
[advice]
	graftFileDeprecated = false
`

// written are the keys of the repository by which git writes objects.
var written = [...]string{"core.sharedrepository", "core.fsync", "core.fsyncmethod",
	"core.fsyncobjectfiles", "core.compression", "core.loosecompression"}

// scratch makes a git directory that sees the repository's objects, without its
// refs, configuration and attributes. Objects that are made go into objects, or
// into the git directory if that is empty. remove deletes the git directory.
func (r *Repository) scratch(objects string) (s *Repository, remove func(), err error) {
	dir, err := os.MkdirTemp("", "pathgate-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a folder for merges: %w", err)
	}
	remove = func() { os.RemoveAll(dir) }
	if err := r.fillScratch(dir); err != nil {
		remove()
		return nil, nil, fmt.Errorf("make a folder for merges: %w", err)
	}
	alternates := r.besideObjects()
	if objects == "" {
		objects = filepath.Join(dir, "objects")
		own := []string{quoteFolder(r.objects)}
		if r.quarantine != "" {
			own = []string{quoteFolder(r.quarantine), r.alternates, quoteFolder(r.objects)}
		}
		alternates = append(own, alternates...)
	}
	copied := *r
	copied.gitDir = dir
	copied.odb = []string{
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_OBJECT_DIRECTORY=" + objects,
		"GIT_ALTERNATE_OBJECT_DIRECTORIES=" + strings.Join(alternates, ":"),
	}
	return &copied, remove, nil
}

func (r *Repository) fillScratch(dir string) error {
	if !filepath.IsAbs(dir) {
		return errors.New("TMPDIR is not absolute")
	}
	for _, name := range []string{"objects", "refs"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/none\n"), 0o600); err != nil {
		return err
	}
	config := mergeConfig + "[extensions]\n\tobjectFormat = " + string(r.format) + "\n"
	for _, key := range written {
		if value := last(r.Config(key)); plainText(value) && value != "" {
			config += "[core]\n\t" + strings.TrimPrefix(key, "core.") + " = " + value + "\n"
		}
	}
	return os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600)
}
