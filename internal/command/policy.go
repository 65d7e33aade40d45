package command

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/policyfile"
	"github.com/pathgate/pathgate/policy"
)

// policyPath is the policy file that a verb works by: --policy, else what the
// configuration of the first of the repositories that is one names, else the
// default. None stands for the current folder, which need not be one.
func (a *app) policyPath(repositories ...string) (string, error) {
	if a.policyFlag != "" {
		return filepath.Abs(a.policyFlag)
	}
	if len(repositories) == 0 {
		repositories = []string{"."}
	}
	for _, name := range repositories {
		repo, err := gitfacts.Open(name)
		if err != nil {
			continue // the verb itself tells of those that it was given
		}
		path, err := policyfile.Path(repo.Config(policyfile.Key))
		return path, faulted(err)
	}
	return policyfile.Default, nil
}

// loadPolicy reads the policy for a verb.
func (a *app) loadPolicy(repositories ...string) (*policy.Policy, string, error) {
	path, err := a.policyPath(repositories...)
	if err != nil {
		return nil, "", err
	}
	pol, err := policyfile.Load(path)
	if err != nil {
		if access := (*policyfile.AccessError)(nil); errors.As(err, &access) {
			missing := errors.Is(err, fs.ErrNotExist) && a.policyFlag == ""
			switch {
			case errors.Is(err, fs.ErrPermission):
				err = fmt.Errorf("policy file %s may not be read by you: %w", path, fs.ErrPermission)
			default:
				err = fmt.Errorf("policy file %s %s", path, access.Reason)
			}
			if missing {
				err = fmt.Errorf("%w; name another with --policy", err)
			}
		}
		return nil, path, faulted(err)
	}
	return pol, path, nil
}
