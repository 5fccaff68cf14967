package mapping

import (
	"strings"
	"testing"
	"time"
)

const tooMuch = "the expression does too much work for this form"

// Loops over what was posted inside loops over it are bounded by what there is to do, never by time: the same post is always held, and
// ten seconds of work in seven kilobytes are not begun.
func TestWorkIsBounded(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		items       int
		held        bool
		dear        bool // seconds under the race detector: mapped once, and not again to see the same
	}{
		{"AListInALoopInALoop", "len(filter(list(x), len(filter(list(x), # in list(x))) > 5))", 998, true, false},
		{"TheSameOfALittleForm", "len(filter(list(x), len(filter(list(x), # in list(x))) > 5))", 100, false, false},
		{"ALoopInALoop", "count(list(x), any(list(x), # == 'M'))", 998, false, false},
		{"TwoLoopsInALoop", "count(list(x), any(list(x), # == 'M') or any(list(x), # == 'L') or any(list(x), # == 'S'))", 998, true, true},
		{"ALongFormula", "count(list(x), any(list(x), # == 'M' or # == 'L' or # == 'S' or # == 'XL' or # == 'XS' or # == 'XXL'))", 998, true, true},
		{"TextsThatAreJoined", "count(list(x), note + # == 'y')", 998, true, false},
		{"TextsThatAreMatched", "count(list(x), note matches 'y.*z')", 998, true, true},
		{"TextsThatAreSearched", "count(list(x), note contains #)", 998, true, false},
		{"TextsThatAreMadeAnew", "count(list(x), upper(note) == #)", 998, true, true},
		{"TextsThatAreCut", "count(list(x), note[1:] == #)", 998, true, false},
		{"TextsThatAreAsked", "count(list(x), note)", 998, false, false},
		{"ListsOfLists", "let m = map(list(x), list(x)); count(list(x), len(flatten(m)) > 0)", 998, true, false},
		{"ShortTexts", "count(list(x), lower(#) == 'n')", 998, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := mustCompile(t, buyer+"  promocode: \"${"+tt.value+"}\"\n")
			in := post(append(manyPairs(tt.items, "x=N"), "note="+strings.Repeat("y", 200<<10))...)
			begin := time.Now()
			got := told(apply(m, in), "promocode")
			// Some tenths of a second are usual, five seconds under the race detector, and a busy machine may take several times that. That
			// the work is bounded is told by what is held; this finds a bound that is there and costs more than the work.
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("took %v", took)
			}
			if tt.held != (got == "hold promocode [] it has no value: "+tooMuch) || !tt.held && strings.HasPrefix(got, "hold") {
				t.Errorf("got %.300s", got)
			}
			if tt.dear {
				return
			}
			if again := told(apply(m, in), "promocode"); again != got {
				t.Errorf("the same post, then %.300s", again)
			}
		})
	}
}

// The budget is the post's, not each expression's; that it is used up is told once, whatever fails for it afterwards, and the next post
// has its own.
func TestWorkOfAllExpressions(t *testing.T) {
	t.Parallel()
	const loop = "${count(list(x), any(list(x), # == 'M'))}"
	m := mustCompile(t, "map:\n  buyer: {full_name: \"${name}\", phone: \"+380501112233\"}\n  promocode: \""+loop+"\"\n  gift_message: \""+loop+"\"\n  buyer_comment: \""+loop+
		"\"\n  shipping: {shipping_address_city: \"${name}\"}\n  payments: [{payment_method: x, amount: \"${num(name)}\"}]\nrest: manager_comment\n")
	large := post(append(manyPairs(998, "x=N"), "name=5")...)
	if got, want := told(apply(m, large), ""), "hold gift_message [] it has no value: "+tooMuch; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := told(apply(m, post("x=N", "name=5")), "payments.0.amount"); got != "5" {
		t.Errorf("the next post: %s", got)
	}
}

// Several lists of lines in one list are held where they pass its bound together, and told once, not once a line.
func TestLinesBeyondTheBound(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, buyer+"  products: [{each: \"${list(x)}\", sku: A}, {each: \"${list(x)}\", sku: B}]\n")
	if got := told(apply(m, post(manyPairs(250, "x=%d")...)), "products.499.sku"); got != `"B"` {
		t.Errorf("500 lines: %.300s", got)
	}
	if got := told(apply(m, post(manyPairs(251, "x=%d")...)), ""); got != "hold products [] there are more than 500 items; 500 are allowed" {
		t.Errorf("502 lines: %.300s", got)
	}
}

// Lines inside lines multiply without any loop in an expression.
func TestWorkOfLines(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, buyer+"  products: [{each: \"${list(x)}\", sku: A, properties: [{each: \"${list(x)}\", name: a, value: \"${item}\"}]}]\n")
	if got := told(apply(m, post(manyPairs(490, "x=%d")...)), ""); !fits(got, "hold products.~"+tooMuch) {
		t.Errorf("got %.300s", got)
	}
	if got := told(apply(m, post(manyPairs(100, "x=%d")...)), "products.99.properties.99.value"); got != `"99"` {
		t.Errorf("got %.300s", got)
	}
}
