package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A schema is a table in testdata: a line for each field, with its path, its
// kind, "required" if the object that it is in must have it, and "=" with the
// values that it may have. A path "a" of kind oneof names members of which a
// must have one. An array of objects is like an object. Below a field of kind
// any, all is allowed; whatever else is not in the table is not.
type schema struct {
	fields map[string]field
	oneof  map[string][]string
}

type field struct {
	kind     string
	required bool
	allowed  []string
}

func readSchema(t *testing.T, name string) schema {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	s := schema{make(map[string]field), make(map[string][]string)}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		rest, allowed, listed := strings.Cut(strings.TrimSpace(line), "=")
		words := strings.Fields(rest)
		if len(words) == 3 && words[1] == "oneof" {
			s.oneof[words[0]] = strings.Split(words[2], ",")
			continue
		}
		f := field{kind: words[1], required: len(words) == 3 && words[2] == "required"}
		if listed {
			f.allowed = strings.Split(allowed, ",")
		}
		s.fields[words[0]] = f
	}
	return s
}

// check holds a line of output against the schema.
func (s schema) check(line []byte) error {
	value, err := strictJSON(line)
	if err != nil {
		return err
	}
	return s.object("", value)
}

func (s schema) object(path string, value any) error {
	members, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is no object", path)
	}
	below := path
	if below != "" {
		below += "."
	}
	for name, member := range members {
		if err := s.value(below+name, member); err != nil {
			return err
		}
	}
	for name, f := range s.fields {
		parent, last := "", name
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			parent, last = name[:i], name[i+1:]
		}
		if _, there := members[last]; f.required && parent == path && !there {
			return fmt.Errorf("%s is required", name)
		}
	}
	if names := s.oneof[path]; names != nil && !slices.ContainsFunc(names, func(n string) bool { return members[n] != nil }) {
		return fmt.Errorf("%s has none of %v", path, names)
	}
	return nil
}

func (s schema) value(path string, value any) error {
	f, known := s.fields[path]
	if !known {
		return fmt.Errorf("%s is not in the schema", path)
	}
	single, plural := strings.CutSuffix(f.kind, "s")
	switch {
	case f.kind == "any":
		return nil
	case f.kind == "object":
		return s.object(path, value)
	case !plural:
		return f.single(path, f.kind, value)
	}
	values, ok := value.([]any)
	if !ok || len(values) == 0 {
		return fmt.Errorf("%s is no list", path)
	}
	for _, v := range values {
		err := error(nil)
		if single == "object" {
			err = s.object(path, v)
		} else {
			err = f.single(path, single, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f field) single(path, kind string, value any) (err error) {
	text := fmt.Sprint(value)
	_, isString := value.(string)
	_, isNumber := value.(json.Number)
	switch kind {
	case "string":
		if !isString || text == "" {
			err = errors.New("no string")
		}
	case "integer":
		if !isNumber || strings.ContainsAny(text, ".eE") {
			err = errors.New("no integer")
		}
	case "date":
		_, err = time.Parse(time.RFC3339Nano, text)
	case "ip":
		_, err = netip.ParseAddr(text)
	case "uri":
		_, err = url.Parse(text)
	default:
		err = errors.New("unknown kind " + kind)
	}
	if err == nil && f.allowed != nil && !slices.Contains(f.allowed, text) {
		err = errors.New("not allowed")
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", path, text, err)
	}
	return nil
}

// strictJSON reads one JSON value in which no key comes twice.
func strictJSON(line []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	value, err := strictValue(d)
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	return value, err
}

func strictValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		members := make(map[string]any)
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			if _, twice := members[key.(string)]; twice {
				return nil, fmt.Errorf("the key %v comes twice", key)
			}
			if members[key.(string)], err = strictValue(d); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return members, err
	case json.Delim('['):
		var values []any
		for d.More() {
			v, err := strictValue(d)
			if err != nil {
				return nil, err
			}
			values = append(values, v)
		}
		_, err = d.Token()
		return values, err
	}
	return token, nil
}

// TestSchemaChecks shows that the checker finds what is wrong.
func TestSchemaChecks(t *testing.T) {
	s := readSchema(t, "ocsf-1.8.0.txt")
	good := sample(t, OCSF)[2]
	if err := s.check(good); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		`"class_uid":6003`:       `"class_uid":6004`,
		`"time":`:                `"times":`,
		`"operation":`:           `"service2":`,
		`"severity_id":`:         `"severity_id":1,"severity_id":`,
		`"sequence":3`:           `"sequence":"3"`,
		`"actor":{"user":`:       `"actor":{"use":`,
		`"src_endpoint":{"ip":"`: `"src_endpoint":{"ip":"x`,
	} {
		bad := bytes.Replace(good, []byte(from), []byte(to), 1)
		if bytes.Equal(bad, good) {
			t.Fatalf("%s is not in %s", from, good)
		}
		if s.check(bad) == nil {
			t.Errorf("%s: accepted", to)
		}
	}
}
