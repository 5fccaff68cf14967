package value

import (
	"slices"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	words := []string{"buyer", "full_name", "email", "phone", "payment_method_id", "payment_method", "sku", "max", "min"}
	tests := []struct{ word, want string }{
		{"buyr", "buyer"},
		{"byuer", "buyer"}, // two letters changed places: one slip
		{"fullName", "full_name"},
		{"full-name", "full_name"},
		{"Email", "email"},
		{"e-mail", "email"},
		{"emial", "email"},
		{"phome", "phone"},
		{"paymet_method", "payment_method"},
		{"payment_methodid", "payment_method_id"},
		{"skuu", "sku"},
		{"mac", "max"},
		{"email", ""}, // the word itself is no answer
		{"colour", ""},
		{"x", ""},
		{"", ""},
		{"___", ""},
		{strings.Repeat("a", 1000), ""},
	}
	for _, tt := range tests {
		if got := Nearest(tt.word, words); got != tt.want {
			t.Errorf("Nearest(%q) = %q; want %q", tt.word, got, tt.want)
		}
	}
	if got := Nearest("мейл", []string{strings.Repeat("ї", 100), "імейл"}); got != "імейл" {
		t.Errorf("Cyrillic: %q", got)
	}
	if got := Nearest("cat", []string{"car", "bat"}); got != "car" {
		t.Errorf("of two equally near words: %q", got)
	}
}

func TestAllNearest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		word string
		want []string
	}{
		{"lst", []string{"list", "last"}},
		{"lis", []string{"list"}},
		{"lasst", []string{"last"}},
		{"last", []string{"list"}}, // the word itself is no answer
		{"zzzz", nil},
		{"", nil},
	}
	for _, tt := range tests {
		if got := AllNearest(tt.word, []string{"list", "join", "first", "last"}); !slices.Equal(got, tt.want) {
			t.Errorf("AllNearest(%q) = %q; want %q", tt.word, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"a", "", 1},
		{"", "ab", 2},
		{"abc", "abc", 0},
		{"abc", "acb", 1},
		{"abc", "abd", 1},
		{"abc", "ab", 1},
		{"ca", "abc", 3},
		{"kitten", "sitting", 3},
	}
	for _, tt := range tests {
		if got := distance([]rune(tt.a), []rune(tt.b), 10); got != tt.want {
			t.Errorf("%q to %q: %d; want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
