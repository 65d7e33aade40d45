package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
)

// Parse reads a policy file of at most 1 MiB. The base name of file is what
// places in it are quoted by. An error is of type Errors and holds all that is
// wrong, except that a file that is not TOML, or that sets a key twice, is not
// examined further.
func Parse(file string, data []byte) (*Policy, error) {
	s := newSource(text.Clean(path.Base(file), 100), string(data))
	var p *Policy
	if root := s.tree(); root != nil {
		p = s.policy(root)
	}
	if len(s.errs) > 0 {
		s.errs.sort()
		return nil, s.errs
	}
	sum := sha256.Sum256(data)
	p.Hash, p.Text = hex.EncodeToString(sum[:]), string(data)
	return p, nil
}

// policy reads the whole file.
func (s *source) policy(root *node) *Policy {
	s.known(root, keysOf("")...)
	s.version(root)
	s.people(root)
	p := &Policy{
		File:     s.file,
		Serial:   s.serial(root),
		Root:     s.folder(root, "root"),
		Unlisted: Unlisted(s.choice(root, "unlisted", "refuse", "allow")),
	}
	s.ledger(root, p)
	if n := root.kid("identity"); n == nil {
		s.fail(root.at, `key identity.source is missing`)
	} else if s.table(n) {
		s.known(n, keysOf("identity")...)
		p.Source = s.identity(n)
	}
	if n := root.kid("environments"); n == nil {
		s.fail(root.at, "no environment: write [environments.NAME]")
	} else if s.table(n) {
		p.Environments = s.environments(n)
	}
	p.aliases = s.persons.aliases
	s.freezes(root, p)
	s.override(root, p)
	s.audit(root, p)
	s.board(root, p)
	return p
}

func (s *source) version(root *node) {
	n := root.kid("version")
	if n == nil {
		s.fail(root.at, "key version is missing: write version = 1")
		return
	}
	switch v, ok := n.val.(int64); {
	case !ok:
		s.fail(n.value, "version must be an integer, not %s", kindOf(n.val))
	case v != 1:
		s.fail(n.value, "version %d is not known: this pathgate reads version 1", v)
	}
}

// serial reads a number that may be there and is not negative.
func (s *source) serial(root *node) uint64 {
	n := root.kid("serial")
	if n == nil {
		return 0
	}
	v, ok := n.val.(int64)
	switch {
	case !ok:
		s.fail(n.value, "serial must be an integer, not %s", kindOf(n.val))
	case v < 0:
		s.fail(n.value, "serial must not be negative")
	default:
		return uint64(v)
	}
	return 0
}

// folder reads a required absolute path.
func (s *source) folder(t *node, key string) string {
	n, v := s.required(t, key)
	if n != nil {
		s.absolute(n, v)
	}
	return v
}

// identity reads where the principal comes from.
func (s *source) identity(t *node) string {
	n, v := s.required(t, "source")
	if n == nil {
		return ""
	}
	name, custom := strings.CutPrefix(v, "env:")
	switch {
	case custom && !validVariable(name):
		s.fail(n.value, "%s is not the name of an environment variable", quote(name))
	case custom && strings.HasPrefix(name, "GIT_"):
		s.fail(n.value, "%s vouches for nobody: names that begin with GIT_ are git's", name)
	case !custom && EnvironmentVariable(v) == "":
		s.fail(n.value, "unknown identity source %s: one of ssh, http, gitolite, gitea, gitlab, softserve, gogs, bitbucket, github, env:NAME", quote(v))
	}
	return v
}

// validVariable checks for [A-Za-z_][A-Za-z0-9_]*.
func validVariable(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (!alphanumeric(c) || i == 0 && '0' <= c && c <= '9') {
			return false
		}
	}
	return s != ""
}
