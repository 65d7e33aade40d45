package setup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The keys of git's configuration that pathgate writes.
const (
	keyPolicy   = "pathgate.policy"
	keyHooks    = "pathgate.hooks"
	keyAdded    = "pathgate.added"
	keyProcRefs = "receive.procReceiveRefs"
	keyOptions  = "receive.advertisePushOptions"
	keyFsck     = "receive.fsckObjects"
	keyHideRefs = "receive.hideRefs"
)

// A setting is one value of git's configuration. Scope and Origin are known of
// effective settings only.
type setting struct{ Scope, Origin, Key, Value string }

// A config is the repository's own configuration file, without what it
// includes: the only one that a push goes by.
type config struct {
	git  git
	path string
	list []setting
}

func (g git) config(ctx context.Context) (*config, error) {
	c := &config{git: g, path: filepath.Join(g.dir, "config")}
	return c, c.read(ctx)
}

func (c *config) read(ctx context.Context) error {
	out, err := c.git.run(ctx, "config", "--file", c.path, "--list", "-z")
	if err != nil {
		return fmt.Errorf("read the configuration %s: %w", c.path, err)
	}
	c.list = nil
	for _, item := range records(out) {
		c.list = append(c.list, keyValue(item))
	}
	return nil
}

// records takes output apart that ends each record with a NUL.
func records(out string) []string {
	if out == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
}

// keyValue reads "key\nvalue". A key without a value means yes.
func keyValue(item string) setting {
	key, value, ok := strings.Cut(item, "\n")
	if !ok {
		value = "true"
	}
	return setting{Key: key, Value: value}
}

// values are all that the file has for key.
func (c *config) values(key string) []string { return valuesOf(c.list, key) }

func valuesOf(list []setting, key string) []string {
	var out []string
	for _, s := range list {
		if strings.EqualFold(s.Key, key) {
			out = append(out, s.Value)
		}
	}
	return out
}

func (c *config) has(key, value string) bool { return slices.Contains(c.values(key), value) }

// write runs git config on the file, which keeps its owner.
func (c *config) write(ctx context.Context, args ...string) error {
	before, err := os.Stat(c.path)
	if err != nil {
		return fmt.Errorf("change the configuration: %w", err)
	}
	_, failed := c.git.run(ctx, append([]string{"config", "--file", c.path}, args...)...)
	if err := ownAs(c.path, ownerOf(before)); err != nil {
		return fmt.Errorf("keep the owner of the configuration: %w", err)
	}
	if failed != nil {
		return fmt.Errorf("change the configuration %s: %w", c.path, failed)
	}
	return c.read(ctx)
}

// add appends a value that is not there yet, on record as pathgate's.
func (c *config) add(ctx context.Context, key, value string) error {
	if note := key + " " + value; !c.has(keyAdded, note) {
		if err := c.write(ctx, "--add", keyAdded, note); err != nil {
			return err
		}
	}
	return c.write(ctx, "--add", key, value)
}

// remove takes a value away. One that is not there is no error.
func (c *config) remove(ctx context.Context, key, value string) error {
	if !c.has(key, value) {
		return nil
	}
	return c.write(ctx, "--unset-all", key, "^"+regexp.QuoteMeta(value)+"$")
}

// effective is all configuration that git goes by in this repository when the
// current user runs it.
func (g git) effective(ctx context.Context) ([]setting, error) {
	out, err := g.run(ctx, "config", "--list", "-z", "--show-scope", "--show-origin")
	if err != nil {
		return nil, fmt.Errorf("read git's configuration: %w", err)
	}
	items := records(out)
	if len(items)%3 != 0 {
		return nil, fmt.Errorf("read git's configuration: %d items are no triples", len(items))
	}
	var list []setting
	for i := 0; i < len(items); i += 3 {
		s := keyValue(items[i+2])
		s.Scope, s.Origin = items[i], items[i+1]
		if s.Scope != "command" { // that is our own safe.directory
			list = append(list, s)
		}
	}
	return list, nil
}

// truth reads a boolean as git does.
func truth(value string) bool {
	switch strings.ToLower(value) {
	case "true", "yes", "on", "1":
		return true
	}
	return false
}

// hidden tells which setting hides ref from pushes, as git decides it: the
// last one that matches.
func hidden(list []setting, ref string) (setting, bool) {
	for _, s := range slices.Backward(list) {
		if !strings.EqualFold(s.Key, keyHideRefs) && !strings.EqualFold(s.Key, "transfer.hideRefs") {
			continue
		}
		pattern, negative := strings.CutPrefix(s.Value, "!")
		pattern = strings.TrimRight(strings.TrimPrefix(pattern, "^"), "/")
		if rest, ok := strings.CutPrefix(ref, pattern); ok && (rest == "" || rest[0] == '/') {
			return s, !negative
		}
	}
	return setting{}, false
}
