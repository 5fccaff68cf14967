// Package openapitest holds a body that the relay made against the vendor's own OpenAPI file, for tests. The file is not part of the
// project; where it is absent the check is skipped, and says so.
//
//	openapitest.Check(t, "../../../shared/keycrm/open-api.yml", keycrm.KindOrder, body)
//
// Two differences are allowed by name, because the scripts that KeyCRM hands out for copying ask for them: an array of texts as a
// custom field's value, and refund as a payment's status.
package openapitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"formrelay/internal/keycrm"
)

// refund is the payment status that the vendor's file lacks.
const refund = "refund"

// Check fails t with every place where body is not what the vendor's file wants of a new entity of that kind: a missing field, a
// value of another type, a name that the file does not have, a payment status it does not list. It skips t when there is no file.
func Check(t testing.TB, file string, kind keycrm.Kind, body []byte) {
	t.Helper()
	faults, err := Faults(file, kind, body)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the vendor's file %s is not here, so the body was not held against it", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		t.Errorf("against the vendor's file: %s", fault)
	}
}

// Faults says where body differs from the vendor's file. The error is fs.ErrNotExist when there is no file.
func Faults(file string, kind keycrm.Kind, body []byte) ([]string, error) {
	root, err := load(file, kind)
	if err != nil {
		return nil, err
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return []string{"the body is no JSON: " + err.Error()}, nil //nolint:nilerr // that is a fault of the body, not of the check
	}
	var w walker
	w.value(root, v, "")
	return w.faults, nil
}

// node is the part of a JSON schema that the vendor's file uses.
type node struct {
	Type        string           `yaml:"type"`
	Nullable    bool             `yaml:"nullable"`
	Required    []string         `yaml:"required"`
	Properties  map[string]*node `yaml:"properties"`
	Items       *node            `yaml:"items"`
	Enum        []string         `yaml:"enum"`
	Description string           `yaml:"description"`
	Ref         string           `yaml:"$ref"`
}

// load reads one path of the file: the file is large and a YAML reader takes a second over the whole of it.
func load(file string, kind keycrm.Kind) (*node, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	path := map[keycrm.Kind]string{keycrm.KindOrder: "/order", keycrm.KindCard: "/pipelines/cards"}[kind]
	part := section(string(text), path)
	if part == "" {
		return nil, fmt.Errorf("openapitest: %s has no path %q", file, path)
	}
	var paths map[string]struct {
		Post struct {
			RequestBody struct {
				Content map[string]struct{ Schema *node }
			} `yaml:"requestBody"`
		}
	}
	if err := yaml.Unmarshal([]byte(part), &paths); err != nil {
		return nil, fmt.Errorf("openapitest: %s: %w", file, err)
	}
	root := paths[path].Post.RequestBody.Content["application/json"].Schema
	if root == nil {
		return nil, fmt.Errorf("openapitest: %s: POST %s has no JSON schema", file, path)
	}
	return root, nil
}

// section cuts the lines of one path out of the file.
func section(text, path string) string {
	begin := strings.Index(text, "\n  "+path+":\n")
	if begin < 0 {
		return ""
	}
	part := text[begin+1:]
	next := regexp.MustCompile(`\n {0,2}\S`).FindStringIndex(part)
	if next == nil {
		return part
	}
	return part[:next[0]+1]
}

// walker collects faults on its way through a body.
type walker struct{ faults []string }

// fault notes what is wrong at path.
func (w *walker) fault(path, format string, args ...any) {
	if path == "" {
		path = "the body"
	}
	w.faults = append(w.faults, path+": "+fmt.Sprintf(format, args...))
}

// value checks one value, first against the two differences that are allowed by name.
func (w *walker) value(n *node, v any, path string) {
	switch {
	case n.Ref != "":
		w.fault(path, "the file refers to %s, which this check does not follow", n.Ref)
	case v == nil && !n.Nullable:
		w.fault(path, "is null")
	case v == nil:
	case strings.HasSuffix(path, ".value") && strings.HasPrefix(path, "custom_fields.") && isTexts(v):
		// the first named difference
	default:
		w.typed(n, v, path)
	}
}

// typed checks what is not null against the type that the file gives. A type or a reference this walker does not know is a fault of its
// own, so that a newer file can never pass by not being understood.
func (w *walker) typed(n *node, v any, path string) {
	switch n.Type {
	case "object":
		w.object(n, v, path)
	case "array":
		list, ok := v.([]any)
		if !ok {
			w.fault(path, "is %T, want an array", v)
		}
		for i, item := range list {
			w.value(n.Items, item, join(path, strconv.Itoa(i)))
		}
	case "string":
		w.text(n, v, path)
	case "boolean":
		if _, ok := v.(bool); !ok {
			w.fault(path, "is %T, want a boolean", v)
		}
	case "integer":
		if number, ok := v.(json.Number); !ok || strings.ContainsAny(number.String(), ".eE") {
			w.fault(path, "is %v (%T), want an integer", v, v)
		}
	case "number":
		if _, ok := v.(json.Number); !ok {
			w.fault(path, "is %T, want a number", v)
		}
	default:
		w.fault(path, "the file gives the type %q, which this check does not know", n.Type)
	}
}

// object checks the fields of an object. A name that the file does not have is a fault: KeyCRM would drop it without a word.
func (w *walker) object(n *node, v any, path string) {
	object, ok := v.(map[string]any)
	if !ok {
		w.fault(path, "is %T, want an object", v)
		return
	}
	for _, name := range n.Required {
		if _, ok := object[name]; !ok {
			w.fault(join(path, name), "is missing")
		}
	}
	for name, inner := range object {
		if field := n.Properties[name]; field != nil {
			w.value(field, inner, join(path, name))
		} else {
			w.fault(join(path, name), "is not in the file")
		}
	}
}

// listed finds the values that a description lists, one a line after a dash, which is how the file gives a payment's statuses.
func (n *node) listed() []string {
	values := slices.Clone(n.Enum)
	for line := range strings.Lines(n.Description) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "- "); ok {
			values = append(values, value)
		}
	}
	return values
}

// text checks a text, and where the file lists values, that it is one of them.
func (w *walker) text(n *node, v any, path string) {
	text, ok := v.(string)
	if !ok {
		w.fault(path, "is %v (%T), want a text", v, v)
		return
	}
	allowed := n.listed()
	if strings.HasPrefix(path, "payments.") && strings.HasSuffix(path, ".status") {
		allowed = append(allowed, refund) // the second named difference
	}
	if len(n.listed()) > 0 && !slices.Contains(allowed, text) {
		w.fault(path, "is %q, want one of %s", text, strings.Join(allowed, ", "))
	}
}

// isTexts says whether v is an array of texts only.
func isTexts(v any) bool {
	list, ok := v.([]any)
	return ok && !slices.ContainsFunc(list, func(item any) bool { _, ok := item.(string); return !ok })
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
