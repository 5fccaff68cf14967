package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/form"
)

// Whatever is posted, Apply ends in JSON that is valid, or in faults; the same again; and nothing of the post is changed by it.
func FuzzApply(f *testing.F) {
	for _, body := range []string{
		"name=O&email=o@example.test&phone=050 111 22 33 call&p[0][s]=A&p[0][n]=1,299&p[0][o][c]=red", "p[]=x&p[a][s]=y&p=z", "q[0][s]=A&q[0][o][][k]=v", "a=1&a=2&a[]=3", "cart=[{\"id\":1}]&name=x",
		"_replyto=x&name=\xff", "p[-1][s]=A&p[9999999999999999999][s]=B", "name=" + strings.Repeat("є", 3000), "phone[]=1&phone[]=2", "text=a&name[x]=y", "First Name=x&First_Name=y&first-name=z", "=x&[]=y&[a]=z",
	} {
		f.Add(body)
	}
	m := mustCompile(f, hostileProfile)
	card := mustCompile(f, cardProfile+"rest: manager_comment\nmark: LD_9\nfields: {\"u[mail]\": {type: email, default: o@example.test}, \"c[]\": {validate: required, default: [x]}, amount: {type: number}}\n")
	f.Fuzz(func(t *testing.T, body string) {
		fields := post(strings.Split(body, "&")...)
		if len(fields.Pairs) > 1000 {
			return
		}
		untouched := append([]form.Pair(nil), fields.Pairs...)
		for _, m := range []*Mapping{m, card} {
			in := Input{ID: testID, Now: testNow(), Fields: fields, Explain: true}
			res := m.Apply(in)
			if (res.Entity == nil) != (len(res.Corrections)+len(res.Problems) > 0) {
				t.Fatalf("an entity and a fault, or neither: %+v", res)
			}
			if res.Entity != nil && (!json.Valid(res.Entity) || !utf8.Valid(res.Entity) || bytes.Contains(res.Entity, []byte("null"))) && !strings.Contains(body, "null") {
				t.Fatalf("no entity for KeyCRM: %s", res.Entity)
			}
			for _, p := range res.Problems {
				if p.Text == "" || strings.Contains(p.Text, "the relay itself") || strings.Contains(p.Text, "is not a valid index") {
					t.Fatalf("no sentence for ops: %+v", p)
				}
			}
			for _, c := range res.Corrections {
				if c.Field == "" && !strings.Contains(body, "=") || c.Code == "" {
					t.Fatalf("a correction of nothing: %+v", c)
				}
			}
			if again := m.Apply(in); fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", res) {
				t.Fatalf("the same post, another result:\n%+v\n%+v", res, again)
			}
			if diff := cmp.Diff(untouched, fields.Pairs); diff != "" {
				t.Fatalf("the post was changed:\n%s", diff)
			}
		}
	})
}
