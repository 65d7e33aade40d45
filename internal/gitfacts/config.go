package gitfacts

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// maxConfigBytes bounds a repository's config file.
const maxConfigBytes = 1 << 20

// Config gives the values of a key, in the order of the file, from the
// repository's own config file alone: no includes, no worktree, user or system
// configuration, no environment. Where git takes one value it is the last. A
// key without "=" has the value "true". In key, the case of the first and the
// last component does not matter.
func (r *Repository) Config(key string) []string {
	return r.values[canonicalKey(key)]
}

// canonicalKey lower-cases all but the subsection, as git does.
func canonicalKey(key string) string {
	first, end := strings.IndexByte(key, '.'), strings.LastIndexByte(key, '.')
	if first < 0 {
		return strings.ToLower(key)
	}
	return strings.ToLower(key[:first]) + key[first:end] + strings.ToLower(key[end:])
}

// readConfig reads the config file. Nearly all lines that git itself writes
// are plain, and read natively. Go-git's decoder would lose the difference
// between "key" and "key =", and refuses forms that git takes ([a.b], a key on
// the section's line, a byte order mark); so a file with any line that is not
// plain is read by git.
func (r *Repository) readConfig(ctx context.Context) error {
	name := filepath.Join(r.commonDir, "config")
	raw, err := readFile(name, maxConfigBytes)
	if err != nil {
		return fmt.Errorf("read its configuration: %w", err)
	}
	values, ok := plainConfig(string(raw))
	if !ok {
		if values, err = r.gitConfig(ctx, name); err != nil {
			return fmt.Errorf("read its configuration: %w", err)
		}
	}
	r.values = values
	return nil
}

// gitConfig reads a config file by git.
func (r *Repository) gitConfig(ctx context.Context, name string) (map[string][]string, error) {
	out, exit, err := r.Git(ctx, nil, "config", "--file", name, "--no-includes", "--null", "--list")
	if err != nil {
		return nil, err
	}
	if exit != 0 {
		return nil, errors.New("git cannot parse it")
	}
	values := make(map[string][]string)
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		key, value, ok := strings.Cut(entry, "\n")
		if key == "" {
			continue
		}
		if !ok {
			value = "true"
		}
		values[key] = append(values[key], value)
	}
	return values, nil
}

// plainConfig parses a config file of plain lines: blank ones, comments,
// [section], [section "subsection"], "key" and "key = value" where the value
// needs no quotes, escapes or comments. ok is false for anything else.
func plainConfig(raw string) (values map[string][]string, ok bool) {
	if raw != "" && !strings.HasSuffix(raw, "\n") {
		raw += "\n"
	}
	values = make(map[string][]string)
	section := ""
	for line := range strings.Lines(raw) {
		line = strings.Trim(line[:len(line)-1], " \t")
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			if section, ok = plainSection(line); !ok {
				return nil, false
			}
		default:
			key, value, ok := plainEntry(line)
			if section == "" || !ok {
				return nil, false
			}
			key = section + "." + key
			values[key] = append(values[key], value)
		}
	}
	return values, true
}

// plainSection gives "section" or "section.Subsection".
func plainSection(line string) (string, bool) {
	inner, ok := strings.CutSuffix(line[1:], "]")
	if !ok {
		return "", false
	}
	name, sub, has := strings.Cut(inner, " ")
	if !nameOf(name) {
		return "", false
	}
	name = strings.ToLower(name)
	if !has {
		return name, true
	}
	if len(sub) < 3 || sub[0] != '"' || sub[len(sub)-1] != '"' || !plainText(sub[1:len(sub)-1]) {
		return "", false
	}
	return name + "." + sub[1:len(sub)-1], true
}

func plainEntry(line string) (key, value string, ok bool) {
	key, value, has := strings.Cut(line, "=")
	key, value = strings.TrimRight(key, " \t"), strings.TrimLeft(value, " \t")
	if !has {
		value = "true"
	}
	first := key != "" && (key[0] < '0' || key[0] > '9') && key[0] != '-'
	return strings.ToLower(key), value, first && nameOf(key) && plainText(value)
}

// nameOf reports whether s can be the name of a section or a key.
func nameOf(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}

// plainText reports whether s stands for itself in a config file.
func plainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || strings.IndexByte(`"\#;`, c) >= 0 {
			return false
		}
	}
	return true
}
