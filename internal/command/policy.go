package command

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/policyfile"
	"github.com/pathgate/pathgate/policy"
)

// policyPath is the policy file that a verb works by: --policy, else what the
// repository's own configuration names, else the default. An empty repository
// stands for the current folder, which need not be one.
func (a *app) policyPath(repository string) (string, error) {
	if a.policyFlag != "" {
		return filepath.Abs(a.policyFlag)
	}
	here := repository
	if here == "" {
		here = "."
	}
	repo, err := gitfacts.Open(here)
	if err != nil {
		if repository != "" {
			return "", faulted(fmt.Errorf("read repository %s: %w", repository, err))
		}
		return policyfile.Default, nil
	}
	path, err := policyfile.Path(repo.Config(policyfile.Key))
	if err != nil {
		return "", faulted(err)
	}
	return path, nil
}

// loadPolicy reads the policy for a verb.
func (a *app) loadPolicy(repository string) (*policy.Policy, string, error) {
	path, err := a.policyPath(repository)
	if err != nil {
		return nil, "", err
	}
	pol, err := policyfile.Load(path)
	if err != nil {
		if access := (*policyfile.AccessError)(nil); errors.As(err, &access) {
			err = fmt.Errorf("policy file %s %s", path, access.Reason)
		}
		return nil, path, faulted(err)
	}
	return pol, path, nil
}
