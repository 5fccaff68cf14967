package mapping

import "testing"

// A day stays the day that was typed: where KeyCRM wants a day, in a comment, and after the functions that only hand it on.
func TestDayStaysADay(t *testing.T) {
	t.Parallel()
	const fields = "fields:\n  d: {type: date}\n  e: {type: date}\n"
	var cases []profileCase
	for expression, want := range map[string]string{
		"d": "2026-03-06", "d ?? e": "2026-03-06", "none + d": "2026-03-06", "d + none": "2026-03-06", "d - none": "2026-03-06",
		"first([d])": "2026-03-06", "last(list(d))": "2026-03-06", "first(sort([d, e]))": "2026-03-05", `first(sort([e, d], "desc"))`: "2026-03-06",
		"first(flatten([[none, d], [e]]))": "2026-03-06", "first(uniq([d, d]))": "2026-03-06", "first(reverse([e, d]))": "2026-03-06",
		"first(concat([d], [e]))": "2026-03-06", "find([d, e], # < d)": "2026-03-05", "first(map([d], #))": "2026-03-06", "date(d)": "2026-03-06",
		"first(take([d, e], 1))": "2026-03-06", "d > e ? d : e": "2026-03-06", "first(sortBy([d, e], #))": "2026-03-05", "let x = d; x": "2026-03-06",
	} {
		quoted := "'${" + expression + "}'"
		form := []string{"d=06.03.2026", "e=05.03.2026"}
		cases = append(cases,
			profileCase{"shipping_date " + expression, "map:\n  buyer: {phone: \"1\"}\n  shipping: {shipping_date: " + quoted + "}\n" + fields, form, "shipping.shipping_date", `"` + want + `"`},
			profileCase{"comment " + expression, "map:\n  buyer: {phone: \"1\"}\n  manager_comment: " + quoted + "\n" + fields, form, "manager_comment", `"` + want + `"`},
			profileCase{"text " + expression, "map:\n  buyer: {phone: \"1\"}\n  manager_comment: 'on ${" + expression + "}'\n" + fields, form, "manager_comment", `"on ` + want + `"`})
	}
	runCases(t, cases)
}
