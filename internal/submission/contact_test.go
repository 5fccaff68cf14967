package submission

import (
	"testing"

	"formrelay/internal/form"
)

func TestSamePerson(t *testing.T) {
	t.Parallel()
	posted := func(value string) []string {
		return Submission{Pairs: []form.Pair{{Name: "x", Value: value}}}.Contacts()
	}
	made := Submission{
		Pairs:  []form.Pair{{Name: "shop_phone", Value: "+380441234567"}},
		Entity: []byte(`{"buyer":{"full_name":"Olena","email":"olena@shop.example","phone":"+380501112233"}}`),
	}.Contacts()
	for value, want := range map[string]bool{
		"0501112233": true, "050 111 22 33": true, "8 (050) 111-22-33": true, "+38 050 111-22-33": true, "00380501112233": true, " OLENA@shop.example ": true,
		"0501112234": false, "+380441234567": false, "1112233": false, "Olena": false, "joan@shop.example": false, "olena@": false, "": false,
		"a 0501112233": false, "0501112233, 0671112233": false,
	} {
		if got := SamePerson(posted(value), made); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
	if SamePerson(nil, made) || SamePerson(nil, nil) {
		t.Error("nobody is somebody")
	}
}

func TestPersonIn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		person, value string
		want          bool
	}{
		{"+380501112233", "call 050 111-22-33 after 18:00", true},
		{"050 111 22 33", "+380501112233", true},
		{"0501112233", "0501112233 18-00", true},
		{"0501112233", "0501112234", false},
		{"0501112233", "111 22 33", false},
		{"an@b.example", "write to An@B.example.", true},
		{"an@b.example", "joan@b.example", false},
		{"an@b.example", "an@b.examples", false},
		{"an@b.example", "joan@b.example, an@b.example", true},
	} {
		p, ok := NewPerson(tt.person)
		if got := p.In(Submission{Pairs: []form.Pair{{Name: "comment", Value: tt.value}}}); !ok || got != tt.want {
			t.Errorf("%s in %q: %v", tt.person, tt.value, got)
		}
	}
	for _, nobody := range []string{"", "Olena", "050111", "@b.example", "a b@c.example", "+", "12345678901234567890"} {
		if _, ok := NewPerson(nobody); ok {
			t.Errorf("%q is a person", nobody)
		}
	}
	if (Person{}).In(Submission{Pairs: []form.Pair{{Name: "a", Value: "b"}}}) {
		t.Error("nobody was found")
	}
}
