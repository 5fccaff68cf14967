package mapping

import (
	"fmt"
	"strings"
	"testing"
)

// A text and a profile may have so many expressions and not one more.
func TestTooManyExpressions(t *testing.T) {
	t.Parallel()
	text := func(n int) string { return strings.Repeat("${a}", n) }
	// A whole profile of one list, each item with a full text.
	whole := func(n int) string {
		var b strings.Builder
		b.WriteString("map:\n  buyer: {phone: x}\n  products:\n")
		for ; n > 0; n -= maxTextExpressions {
			fmt.Fprintf(&b, "    - {sku: \"%s\"}\n", text(min(n, maxTextExpressions)))
		}
		return b.String()
	}
	tests := []struct{ name, profile, want string }{
		{"a full text", "map:\n  buyer: {phone: x}\n  promocode: \"" + text(maxTextExpressions) + "\"\n", ""},
		{"a text with one too many", "map:\n  buyer: {phone: x}\n  promocode: \"" + text(maxTextExpressions+1) + "\"\n", "this text has 101 expressions; 100 are allowed"},
		{"a full profile", whole(maxProfileExpressions), ""},
		{"a profile with one too many", whole(maxProfileExpressions + 1), "the map has more than 2000 expressions"},
		{"a profile with many too many", whole(3 * maxProfileExpressions), "the map has more than 2000 expressions"},
		{"a text that fills the profile's file", "map:\n  buyer: {phone: x}\n  promocode: \"" + text(50_000) + "\"\n", "this text has 50000 expressions"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, faults := Compile(specOf(t, tt.profile))
			switch {
			case tt.want == "" && m == nil:
				t.Errorf("faults %+v", faults)
			case tt.want != "" && (len(faults) != 1 || !strings.Contains(faults[0].What, tt.want) || faults[0].Do == "" || faults[0].Pos == (Pos{})):
				t.Errorf("faults %+v, want one: %s", faults, tt.want)
			}
		})
	}
}
