package store

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"formrelay/internal/form"
	"formrelay/internal/submission"
)

// FuzzEncodePairs holds the hand-written encoder against encoding/json: what it writes is JSON, and it reads back as what was posted.
func FuzzEncodePairs(f *testing.F) {
	f.Add("name", "Тарас \"Т\" \\ \x00\x1f\x7f\u2028", "a[]", "")
	f.Add("\xff\xfe", "line\r\n\ttab", "", "</script>")
	f.Fuzz(func(t *testing.T, name, value, name2, value2 string) {
		pairs := []form.Pair{{Name: name, Value: value}, {Name: name2, Value: value2}}
		text := encodePairs(pairs)
		if !json.Valid([]byte(text)) {
			t.Fatalf("no JSON: %s", text)
		}
		got, err := decodePairs(text)
		if err != nil {
			t.Fatal(err)
		}
		for i := range pairs { // a byte that is no UTF-8 cannot stand in JSON
			pairs[i] = form.Pair{Name: strings.ToValidUTF8(pairs[i].Name, "\uFFFD"), Value: strings.ToValidUTF8(pairs[i].Value, "\uFFFD")}
		}
		if diff := cmp.Diff(pairs, got); diff != "" {
			t.Errorf("(-posted +read):\n%s", diff)
		}
	})
}

func TestEncodeVisitor(t *testing.T) {
	t.Parallel()
	for _, v := range []submission.Visitor{
		{},
		{IP: "203.0.113.9"},
		{Language: "uk"},
		{UserAgent: `a"b`, Page: "https://x/"},
		{IP: "1", UserAgent: "2", Referrer: "3", Page: "4", Language: "5"},
	} {
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := encodeVisitor(v); got != string(want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestDecodeReportsDamage(t *testing.T) {
	t.Parallel()
	if _, err := decodePairs(`[["name"`); err == nil {
		t.Error("half a list was read")
	}
	pairs, err := decodePairs(encodePairs(nil))
	if diff := cmp.Diff([]form.Pair(nil), pairs, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func BenchmarkEncodePairs(b *testing.B) {
	pairs := callBack()
	b.ReportAllocs()
	for range b.N {
		encodePairs(pairs)
	}
}
