package profile

import (
	"slices"
	"strings"
	"testing"
)

// eachKey calls do with every key of the language.
func eachKey(k Key, do func(Key)) {
	for _, child := range k.Keys {
		do(child)
		eachKey(child, do)
	}
}

// Every key has its reference, in whole sentences that begin with its name, so that a new key cannot come without one.
func TestEveryKeyHasItsReference(t *testing.T) {
	t.Parallel()
	eachKey(Language(), func(k Key) {
		if !strings.HasPrefix(k.Doc, k.Name+" ") || !strings.HasSuffix(k.Doc, ".") {
			t.Errorf("%s: the comment in language.go is %q; write sentences that begin with %q", k.Path, k.Doc, k.Name)
		}
		if k.Reads != "" && !slices.Contains([]Reads{ReadsNumber, ReadsTruth, ReadsSize, ReadsDuration}, k.Reads) {
			t.Errorf("%s: there is no way to read called %q", k.Path, k.Reads)
		}
	})
}

// The words that a tag lists are the words that the reader takes.
func TestWordsOfAKeyAreTheReaders(t *testing.T) {
	t.Parallel()
	const least = "creates: order\nsource_id: 1\nmap: {buyer: {phone: \"${phone}\"}}\n"
	write := func(path, word string) string {
		block, key, nested := strings.Cut(path, ".")
		switch {
		case path == "creates":
			return strings.Replace(strings.Replace(least, "order", word, 1), "buyer", map[string]string{"order": "buyer", "card": "contact"}[word], 1)
		case strings.HasPrefix(path, "form.fields.NAME."):
			return least + "form: {fields: {x: {" + strings.TrimPrefix(path, "form.fields.NAME.") + ": " + word + "}}}\n"
		case nested:
			return least + block + ": {" + key + ": " + word + "}\n"
		}
		return least + path + ": " + word + "\n"
	}
	eachKey(Language(), func(k Key) {
		if k.Kind != KeyValue {
			return
		}
		for _, word := range k.Words {
			if _, faults := Parse("p", "p.yaml", []byte(write(k.Path, word)), Options{}); len(faults) > 0 {
				t.Errorf("%s: %s is in the reference and is refused: %v", k.Path, word, faults)
			}
		}
		if k.Words != nil {
			if p, _ := Parse("p", "p.yaml", []byte(write(k.Path, "zebra")), Options{}); p != nil {
				t.Errorf("%s: zebra is taken, and the reference lists only %v", k.Path, k.Words)
			}
		}
	})
}

// A type that reads a key and that the reference does not know would be described as anything.
func TestReferenceKnowsEveryReader(t *testing.T) {
	t.Parallel()
	eachKey(Language(), func(k Key) {
		if k.Kind == KeyAny && !slices.Contains([]string{"form.fields.NAME.default", "tests[].form", "tests[].expect"}, k.Path) {
			t.Errorf("%s is described as any value: teach kindOf its type", k.Path)
		}
	})
}
