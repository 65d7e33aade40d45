package policy

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReference holds the reference of the policy file, which "pathgate help
// policy" prints, against the keys that the parser knows: each has an example
// that parses, and in the comment above it its meaning, its default and, of a
// length of time, the unit.
func TestReference(t *testing.T) {
	data, err := os.ReadFile("../internal/command/reference.toml")
	if err != nil {
		t.Fatal(err)
	}
	mustParse(t, string(data))
	whole := uncommented(string(data))
	shared := strings.Replace(whole, `ledger = "/var/lib/pathgate"`, `ledger = "postgres://pathgate@localhost/pathgate"`, 1)
	p := mustParse(t, shared)
	if len(p.Environments) != 5 || !p.Shared() || p.Override == nil || len(p.Environments[2].Freezes) != 2 || p.Canonical("ana.b") != "ana" {
		t.Errorf("the reference with all its examples: %+v", p)
	}
	for _, table := range tableNames() {
		for _, key := range keysOf(table) {
			if err := documented(whole, table, key); err != "" {
				t.Errorf("reference.toml: key %s of table %q: %s", key, table, err)
			}
		}
	}
}

// uncommented returns the reference with the examples in its comments put to
// use.
func uncommented(reference string) string {
	return regexp.MustCompile(`(?m)^#([a-z\[])`).ReplaceAllString(reference, "$1")
}

// documented says what is missing of a key in the reference.
func documented(reference, table, key string) string {
	if parent, inline := inlineTable(table); inline {
		comment, example := commentOf(reference, parent, table[strings.LastIndexByte(table, '.')+1:])
		switch {
		case !regexp.MustCompile(`\b` + key + `,\s`).MatchString(comment):
			return "not in the comment of its table"
		case !regexp.MustCompile(`[{,] ` + key + ` = `).MatchString(example):
			return "not in the example of its table"
		}
		return sound(comment)
	}
	comment, example := commentOf(reference, table, key)
	if example == "" {
		return "no example"
	}
	if slices.Contains([]string{"soak", "timeout", "pause", "max_age"}, key) && !strings.Contains(comment, "length of time") {
		return "no unit"
	}
	if key == "identity" || key == "environments" {
		return "" // tables whose keys say all
	}
	return sound(comment)
}

// inlineTable reports whether the reference writes a table as { ... }, and
// below which one.
func inlineTable(table string) (parent string, inline bool) {
	i := strings.LastIndexByte(table, '.')
	return table[:max(i, 0)], i > 0 && table != "environments.NAME" &&
		table != "environments.NAME.deploy" && table != "environments.NAME.release"
}

func sound(comment string) string {
	switch {
	case len(strings.Fields(comment)) < 4:
		return "no meaning"
	case !regexp.MustCompile(`(?i)default|required`).MatchString(comment):
		return "no default"
	}
	return ""
}

// commentOf returns the longest comment above a key of a table, and the line
// with the key itself.
func commentOf(reference, table, key string) (comment, example string) {
	header := regexp.MustCompile(`^\[+([a-z_.]+)\]+$`)
	current, above := "", ""
	for line := range strings.Lines(reference) {
		line = strings.TrimSuffix(line, "\n")
		name, _, pair := strings.Cut(line, " = ")
		m := header.FindStringSubmatch(line)
		if m != nil {
			current = tableName(m[1])
			pair, name = true, strings.TrimPrefix(current, "environments.NAME.")
			if name == current {
				name, _, _ = strings.Cut(current, ".")
			}
		}
		here := current == table && m == nil || m != nil && (table == "" || table == "environments.NAME" && (name == "deploy" || name == "release"))
		switch {
		case strings.HasPrefix(line, "#"):
			above += strings.TrimPrefix(line, "#") + "\n"
			continue
		case pair && here && name == key:
			example = line
			if len(above) > len(comment) {
				comment = above
			}
		}
		above = ""
	}
	return comment, example
}

// tableName is a table of the reference as keysOf calls it.
func tableName(written string) string {
	parts := strings.Split(written, ".")
	if parts[0] == "environments" && len(parts) > 1 {
		parts[1] = "NAME"
	}
	return strings.Join(parts, ".")
}
