package mapping

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Numbers are read as people type them, where KeyCRM's field is one. A comma before three digits is nobody's to guess in money.
func TestNumbers(t *testing.T) {
	t.Parallel()
	const noNumber, ambiguous = "~no number", "~thousands or decimals"
	for _, tt := range []struct{ Typed, Amount, Number string }{
		{"0", "0", "0"},
		{"1", "1", "1"},
		{"007", "7", "7"},
		{"1299", "1299", ""},
		{"12.5", "12.5", "12.5"},
		{"12,5", "12.5", "12.5"},
		{"12.50", "12.50", "12.50"},
		{"12,50 грн", "12.50", "12.50"},
		{"1 299,00 грн", "1299.00", ""},
		{"1 299,00", "1299.00", ""},
		{"1'299.00", "1299.00", ""},
		{"1,299.00", "1299.00", ""},
		{"1.299,00", "1299.00", ""},
		{"1,299,000", "1299000", ""},
		{"1.299.000", "1299000", ""},
		{"1,299,000.5", "1299000.5", ""},
		{"1,299", ambiguous, "1.299"},
		{"12,345", ambiguous, "12.345"},
		{"0,125", ambiguous, "0.125"},
		{"1,299 грн", ambiguous, "1.299"},
		{"-1,299", ambiguous, "~0 or more"},
		{"1.299", "1.299", "1.299"},
		{"1,29", "1.29", "1.29"},
		{"1,2999", "1.2999", "1.2999"},
		{"₴50", "50", "50"},
		{"$ 50", "50", "50"},
		{"50 UAH", "50", "50"},
		{".5", "0.5", "0.5"},
		{"5.", "5", "5"},
		{"5,-", "5", "5"},
		{"100", "100", "100"},
		{"", "", ""},
		{"NaN", noNumber, noNumber},
		{"Inf", noNumber, noNumber},
		{"-Inf", noNumber, noNumber},
		{"Infinity", noNumber, noNumber},
		{"0x10", noNumber, noNumber},
		{"0X1p-2", noNumber, noNumber},
		{"1e3", noNumber, noNumber},
		{"1_000", noNumber, noNumber},
		{"10-20", noNumber, noNumber},
		{"50%", noNumber, noNumber},
		{"від 50", noNumber, noNumber},
		{"5 тис", noNumber, noNumber},
		{"--5", noNumber, noNumber},
		{"٣", noNumber, noNumber},
		{"1,2,3", noNumber, noNumber},
		{"12 34", noNumber, noNumber},
		{strings.Repeat("9", 19), noNumber, noNumber},
		{"-0", "0", "0"},
		{"-0.01", "~0 or more", "~0 or more"},
		{"-5", "~0 or more", "~0 or more"},
	} {
		for word, want := range map[string]string{"amount": tt.Amount, "number": tt.Number} {
			if word == "number" && want == "" && tt.Typed != "" {
				continue // above the hundred percent that the field takes
			}
			line, path := wordLine(word, "${a}")
			if strings.HasPrefix(want, "~") {
				want = "hold " + path + " [a] " + want
			}
			if got := told(apply(mustCompile(t, buyer+line+"\n"), post("a="+tt.Typed)), path); !fits(got, want) {
				t.Errorf("%s %q: got %s, want %s", word, tt.Typed, got, want)
			}
		}
	}
}

// In money a comma before three digits holds the submission by whichever way the value went.
func TestAmbiguousMoney(t *testing.T) {
	t.Parallel()
	const below = "fields: {f: {type: number}, \"p[][f]\": {type: number}, i: {type: int}}\n"
	const hold = "hold taxes ~thousands or decimals"
	runWords(t, below, []wordCase{
		{"AsPosted", "amount", "${a}", []string{"a=1,299"}, hold},
		{"Read", "amount", "${num(a)}", []string{"a=1,299"}, hold},
		{"ReadAndCalculated", "amount", "${num(a) * 2}", []string{"a=1,299"}, hold},
		{"ReadInAList", "amount", "${sum(p, num(.a))}", []string{"p[0][a]=1,299", "p[1][a]=5"}, hold},
		{"CutToAWhole", "amount", "${int(a)}", []string{"a=1,299"}, hold},
		{"OfTypeNumber", "amount", "${f}", []string{"f=1,299"}, hold},
		{"OfTypeNumberCalculated", "amount", "${f * 2}", []string{"f=1,299"}, hold},
		{"OfTypeNumberAsFallback", "amount", "${a ?? f}", []string{"f=1,299"}, hold},
		{"OfTypeNumberInTheFirstLine", "amount", "${sum(p, .f)}", []string{"p[0][f]=1,299", "p[1][f]=5"}, hold},
		{"OfTypeNumberInTheLastLine", "amount", "${sum(p, .f)}", []string{"p[0][f]=5", "p[1][f]=1,299"}, hold},
		{"OfTypeNumberInAMap", "amount", "${sum(map(p, .f))}", []string{"p[0][f]=1,299", "p[1][f]=5"}, hold},
		{"InTwoPlacesOnce", "amount", "${f + f}", []string{"f=1,299"}, hold},
		{"NotInANumber", "number", "${f}", []string{"f=1,299"}, "1.299"},
		{"NotInAText", "text", "${f}", []string{"f=1,299"}, `"1.299"`},
		{"NotOfTwoKinds", "amount", "${f}", []string{"f=1,299.00"}, "1299"},
		{"NotOfTwoDigits", "amount", "${num(a)}", []string{"a=1,29"}, "1.29"},
		{"NotOfADot", "amount", "${num(a)}", []string{"a=1.299"}, "1.299"},
		{"AnotherFieldIsNoMatter", "amount", "${a}", []string{"a=5", "f=1,299"}, "5"},
		{"OfTypeIntIsTheVisitors", "amount", "${i}", []string{"i=1,299"}, "correct i TYPE_NUMERIC"},
	})
	runCases(t, []profileCase{
		{"LinesOfTypeNumber", buyer + "  products: [{each: \"${p}\", price: \"${item.f}\"}]\n" + below, []string{"p[0][f]=5", "p[4][f]=1,299"}, "", "hold products.1.price [p[4][f]] ~thousands"},
		{
			"LinesMadeByMap", buyer + "  products: [{each: \"${map(p, { {'x': .f} })}\", sku: A, price: \"${item.x}\"}]\n" + below,
			[]string{"p[0][f]=1,299", "p[1][f]=5"},
			"",
			"hold products.0.price ~thousands\nhold products.1.price ~thousands",
		},
		{"QuantityMayBeDecimal", buyer + "  products: [{each: \"${p}\", sku: A, quantity: \"${item.f}\"}]\n" + below, []string{"p[0][f]=1,250"}, "products.0.quantity", "1.25"},
		{"PaymentAmount", buyer + "  payments: [{payment_method: x, amount: \"${a}\"}]\n", []string{"a=1,299"}, "", "hold payments.0.amount [a] ~thousands"},
	})
}

// Ids, booleans and texts for fields that are such.
func TestIdsAndBooleans(t *testing.T) {
	t.Parallel()
	const noID, noBool = "hold manager_id [a] ~whole number from 1 up", "hold is_gift [a] ~neither yes nor no"
	var cases []wordCase
	for typed, want := range map[string]string{
		"1": "1", "7.0": "7", "007": "7", " 12 ": "12", "9223372036854775807": "9223372036854775807", "": "",
		"0": noID, "-1": noID, "1.5": noID, "1 000": noID, "1,0": noID, "x": noID, "1x": noID, "0x1": noID, "1e3": noID, "9223372036854775808": noID, "٣": noID, ".0": noID,
	} {
		cases = append(cases, wordCase{"ID" + typed, "id", "${a}", []string{"a=" + typed}, want})
	}
	for typed, want := range map[string]string{
		"on": "true", "ON": "true", "yes": "true", "1": "true", "true": "true", "так": "true", "да": "true", "checked": "true",
		"off": "false", "no": "false", "0": "false", "false": "false", "ні": "false", "нет": "false", "": "",
		"2": noBool, "maybe": noBool, "0.0": noBool, "-": noBool,
	} {
		cases = append(cases, wordCase{"Bool" + typed, "bool", "${a}", []string{"a=" + typed}, want})
	}
	cases = append(cases,
		wordCase{"IDCalculated", "id", "${num(a) + 1}", []string{"a=6"}, "7"},
		wordCase{"IDOfAFraction", "id", "${num(a) / 4}", []string{"a=6"}, noID},
		wordCase{"IDOfATable", "id", "${tables.m[a]}", []string{"a=x"}, "12"},
		wordCase{"IDOfAList", "id", "${a}", []string{"a[]=1", "a[]=2"}, "hold manager_id [a[]] ~whole number"},
		wordCase{"BoolOfACondition", "bool", "${a == 'x'}", []string{"a=y"}, "false"},
		wordCase{"BoolOfANumber", "bool", "${len(a)}", []string{"a=x"}, "true"},
	)
	runWords(t, "tables: {m: {x: 12}}\n", cases)
}

// Times are the form's own and become UTC; a day is a calendar date that nothing converts.
func TestDates(t *testing.T) {
	t.Parallel()
	const no = "~no date"
	for _, tt := range []struct{ Typed, Time, Day string }{
		{"2026-12-01", "2026-11-30 22:00:00", "2026-12-01"},
		{"2026-12-01 00:30", "2026-11-30 22:30:00", "2026-12-01"},
		{"2026-12-01T23:59", "2026-12-01 21:59:00", "2026-12-01"},
		{"2026-12-01 10:00:15", "2026-12-01 08:00:15", "2026-12-01"},
		{"01.12.2026", "2026-11-30 22:00:00", "2026-12-01"},
		{"1.12.2026 9:05", "2026-12-01 07:05:00", "2026-12-01"},
		{"01/12/2026", "2026-11-30 22:00:00", "2026-12-01"},
		{"01/12/2026 10:00", "2026-12-01 08:00:00", "2026-12-01"},
		{"2026-07-01 12:00", "2026-07-01 09:00:00", "2026-07-01"}, // summer time
		{"2026-12-01T10:00:00Z", "2026-12-01 10:00:00", "2026-12-01"},
		{"2026-12-01T23:30:00-05:00", "2026-12-02 04:30:00", "2026-12-01"},
		{"2026-12-01T01:30:00+14:00", "2026-11-30 11:30:00", "2026-12-01"},
		{"29.02.2028", "2028-02-28 22:00:00", "2028-02-29"},
		{"", "", ""},
		{"31.02.2026", no, no},
		{"29.02.2026", no, no},
		{"13/13/2026", no, no},
		{"12/31/2026", no, no},
		{"tomorrow", no, no},
		{"2026", no, no},
		{"01.12", no, no},
		{"25:00", no, no},
		{"2026-12-01 24:30", no, no},
		{"2026-12-01 10:60", no, no},
		{"1764547200", no, no},
		{"0000-00-00", no, no},
	} {
		for word, want := range map[string]string{"time": tt.Time, "day": tt.Day} {
			line, path := wordLine(word, "${a}")
			switch {
			case want == no:
				want = "hold " + path + " [a] ~cannot go into"
			case want == "" && word == "time":
				want = `"2026-11-21 16:30:00"` // when it was received
			case want != "":
				want = `"` + want + `"`
			}
			for _, typed := range []string{"", "fields: {a: {type: date}}\n"} {
				got := told(apply(mustCompile(t, buyer+line+"\n"+typed), post("a="+tt.Typed)), path)
				if typed != "" && strings.HasPrefix(want, "hold") {
					want = "correct a TYPE_DATE"
				}
				if !fits(got, want) {
					t.Errorf("%s %q below %q: got %s, want %s", word, tt.Typed, typed, got, want)
				}
			}
		}
	}
}

func TestDatesOfExpressions(t *testing.T) {
	t.Parallel()
	runWords(t, "fields: {d: {type: date}}\n", []wordCase{
		{"Now", "time", "${now}", nil, `"2026-11-21 16:30:00"`},
		{"NowAsDay", "day", "${now}", nil, `"2026-11-21"`},
		{"LaterAsTime", "time", "${now + duration('36h')}", nil, `"2026-11-23 04:30:00"`},
		{"LaterAsDay", "day", "${now + duration('36h')}", nil, `"2026-11-23"`},
		{"EarlierAsDay", "day", "${now - duration('24h')}", nil, `"2026-11-20"`},
		{"FieldLater", "day", "${d + duration('24h')}", []string{"d=30.11.2026"}, `"2026-12-01"`},
		{"FieldLaterAsTime", "time", "${date(a) + duration('1h30m')}", []string{"a=30.11.2026 10:00"}, `"2026-11-30 09:30:00"`},
		{"InAText", "text", "until ${date(a)}", []string{"a=30.11.2026"}, `"until 2026-11-30"`},
		{"TimeInAText", "text", "until ${date(a)}", []string{"a=30.11.2026 10:00"}, `"until 2026-11-30 10:00:00"`},
		{"OffsetInATextIsLocal", "text", "${date(a)}", []string{"a=2026-11-30T10:00:00Z"}, `"2026-11-30 12:00:00"`},
		{"TooFarDuration", "time", "${now + duration('x')}", nil, "hold ordered_at [] ~\"x\" is no duration"},
		{"WrongDate", "time", "${date(a)}", []string{"a=soon"}, `hold ordered_at [a] ~"soon"`},
		{"DateOfANumber", "time", "${date(5)}", nil, "hold ordered_at [] ~no date"},
		{"DayInAnAmount", "amount", "${d}", []string{"d=30.11.2026"}, "hold taxes [d] ~no number"},
		{"NothingToAdd", "day", "${d + duration('24h')}", nil, ""},
		{"YesterdayOrToday", "text", "${date(a) < now ? 'past' : 'future'}", []string{"a=21.11.2026 18:29"}, `"past"`},
		{"FutureByOneMinute", "text", "${date(a) < now ? 'past' : 'future'}", []string{"a=21.11.2026 18:31"}, `"future"`},
	})
}

// Shortly after midnight the day is the form's, not UTC's.
func TestDayOfNowIsLocal(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, buyer+"  shipping: {shipping_date: \"${now}\"}\n  promocode: ${now}\n")
	at := time.Date(2026, 11, 21, 22, 30, 0, 0, time.UTC)
	entity := string(m.Apply(Input{ID: testID, Now: at, Fields: post()}).Entity)
	for path, want := range map[string]string{"shipping.shipping_date": `"2026-11-22"`, "promocode": `"2026-11-22 00:30:00"`, "ordered_at": `"2026-11-21 22:30:00"`} {
		if got := member(entity, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// Without a zone of its own a form's times are UTC, wherever the server stands.
func TestZoneOfTheProfile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		zone *time.Location
		want string
	}{
		{nil, "2026-11-21 10:00:00"}, {time.UTC, "2026-11-21 10:00:00"}, {time.FixedZone("", -5*3600), "2026-11-21 15:00:00"}, {kyiv(t), "2026-11-21 08:00:00"},
	} {
		s := specOf(t, buyer+"  ordered_at: ${a}\n")
		s.Location = tt.zone
		m, faults := Compile(s)
		if faults != nil {
			t.Fatal(tell(faults))
		}
		if got := member(string(apply(m, post("a=21.11.2026 10:00")).Entity), "ordered_at"); got != `"`+tt.want+`"` {
			t.Errorf("%v: %s", tt.zone, got)
		}
	}
}

// A phone becomes international where it can be read, goes as typed where it cannot, and what is typed beside it is kept.
func TestPhones(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"0501112233": "+380501112233", "050 111 22 33": "+380501112233", "(050) 111-22-33": "+380501112233", "80501112233": "+380501112233", "8 (050) 111-22-33": "+380501112233",
		"380501112233": "+380501112233", "+380501112233": "+380501112233", "+38 (050) 111-22-33": "+380501112233", "00380501112233": "+380501112233", "+48 22 123 45 67": "+48221234567",
		"12": "12", "call me": "call me", "050 111 22 3": "050 111 22 3", "+999 1": "+999 1", "@olena": "@olena",
	} {
		m := mustCompile(t, "map:\n  buyer: {phone: \"${a}\"}\n")
		if got := told(apply(m, post("a="+typed)), "buyer.phone"); got != fmt.Sprintf("%q", want) {
			t.Errorf("%q: %s", typed, got)
		}
	}
	runCases(t, []profileCase{
		{"ThereforeNeverHeld", "map:\n  buyer: {phone: \"${a}\"}\n", []string{"a=xxx"}, "buyer", `{"phone":"xxx"}`},
		{"TextAfter", "map:\n  buyer: {phone: \"${a}\"}\n", []string{"a=050 111 22 33 після 18:00"}, "manager_comment", `"після 18:00"`},
		{"SecondNumber", "map:\n  buyer: {phone: \"${a}\"}\n", []string{"a=050 111 22 33, 067 222 33 44"}, "manager_comment", `"067 222 33 44"`},
		{"ListOfPhones", "map:\n  buyer: {phone: \"${list(a)}\"}\n", []string{"a=050 111 22 33", "a=067 222 33 44"}, "manager_comment", `"067 222 33 44"`},
		{"NothingBesideIt", "map:\n  buyer: {phone: \"${a}\"}\n", []string{"a=тел. 050 111 22 33"}, "manager_comment", ""},
		{"BelowTheMapping", "map:\n  buyer: {phone: \"${a}\"}\n  manager_comment: \"from ${b}\"\n", []string{"a=050 111 22 33 вн. 12", "b=Lviv"}, "manager_comment", `"from Lviv\nвн. 12"`},
		{"AboveTheRest", "map:\n  buyer: {phone: \"${a}\"}\nrest: manager_comment\n", []string{"b=x", "a=050 111 22 33 вн. 12"}, "manager_comment", `"вн. 12\nb: x"`},
		{"InTheManagersCommentEvenWithRestElsewhere", "map:\n  buyer: {phone: \"${a}\"}\nrest: buyer_comment\n", []string{"a=050 111 22 33 вн. 12", "b=x"}, "manager_comment", `"вн. 12"`},
		{"OnceThoughMappedTwice", "map:\n  buyer: {phone: \"${a}\"}\n  shipping: {recipient_phone: \"${a}\"}\n", []string{"a=050 111 22 33 вн. 12"}, "manager_comment", `"вн. 12"`},
		{"OfTwoPhonesBoth", "map:\n  buyer: {phone: \"${a}\"}\n  shipping: {recipient_phone: \"${b}\"}\n", []string{"a=050 111 22 33 вн. 12", "b=067 222 33 44 вн. 7"}, "manager_comment", `"вн. 12\nвн. 7"`},
		{"OfTypePhone", "map:\n  buyer: {phone: \"${a}\"}\nfields: {a: {type: phone}}\n", []string{"a=050 111 22 33 вн. 12"}, "manager_comment", `"вн. 12"`},
		{"OfTypePhoneUnderAnAlias", "map:\n  buyer: {phone: \"${my_phone}\"}\nfields: {my-phone: {type: phone}}\n", []string{"my-phone=050 111 22 33 вн. 12"}, "manager_comment", `"вн. 12"`},
		{"OfTypePhoneThatIsNone", "map:\n  buyer: {phone: \"${a}\"}\nfields: {a: {type: phone}}\n", []string{"a=12"}, "", "correct a TYPE_PHONE"},
		{"OfACardAfterItsMark", "creates: card\nmap:\n  contact: {phone: \"${a}\"}\n", []string{"a=050 111 22 33 вн. 12"}, "manager_comment", `"[formrelay ` + testID + `]\nвн. 12"`},
		{"E164", buyer + "  promocode: ${e164(a)}\n", []string{"a=(050) 111-22-33"}, "promocode", `"+380501112233"`},
		{"E164OfNone", buyer + "  promocode: ${e164(a)}\n", []string{"a=12"}, "promocode", `"12"`},
		{"InATextAsTyped", buyer + "  promocode: \"tel ${a}\"\n", []string{"a=(050) 111-22-33"}, "promocode", `"tel (050) 111-22-33"`},
		{"FromATable", "map:\n  buyer: {phone: \"${tables.t.shop}\"}\ntables: {t: {shop: 0501112233}}\n", nil, "buyer.phone", `"+380501112233"`},
	})
}

// Without a region only international numbers are read.
func TestRegion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ region, typed, want string }{
		{"", "0501112233", `"0501112233"`}, {"", "+380501112233", `"+380501112233"`}, {"PL", "22 123 45 67", `"+48221234567"`}, {"PL", "+380 50 111 22 33", `"+380501112233"`},
	} {
		s := specOf(t, "map:\n  buyer: {phone: \"${a}\"}\n")
		s.Region = tt.region
		m, _ := Compile(s)
		if got := told(apply(m, post("a="+tt.typed)), "buyer.phone"); got != tt.want {
			t.Errorf("%s %s: %s", tt.region, tt.typed, got)
		}
	}
}

// What the relay knows it adds, when the mapping has not said it.
func TestDefaults(t *testing.T) {
	t.Parallel()
	pay := func(more string) string { return buyer + "  payments: [{payment_method: x, amount: 5" + more + "}]\n" }
	who := "map:\n  buyer: {full_name: \"${n}\", phone: \"${p}\"}\n  shipping: {recipient_full_name: \"${rn}\", recipient_phone: \"${rp}\", shipping_address_city: \"${c}\"}\n"
	runCases(t, []profileCase{
		{"SourceID", buyer, nil, "source_id", "22"},
		{"SourceIDIsNotTheVisitors", buyer, []string{"source_id=5"}, "source_id", "22"},
		{"SourceUUID", buyer, nil, "source_uuid", `"` + testID + `"`},
		{"SourceUUIDMapped", buyer + "  source_uuid: ${a}\n", []string{"a=shop-1"}, "source_uuid", `"shop-1"`},
		{"SourceUUIDMappedBlank", buyer + "  source_uuid: ${a}\n", []string{"a= "}, "source_uuid", `"` + testID + `"`},
		{"SourceUUIDTextOfNothing", buyer + "  source_uuid: shop-${a}\n", nil, "source_uuid", `"` + testID + `"`},
		{"SourceUUIDFails", buyer + "  source_uuid: ${a.x}\n", []string{"a=1"}, "", "hold source_uuid [a] ~has no"},
		{"OrderedAt", buyer, nil, "ordered_at", `"2026-11-21 16:30:00"`},
		{"OrderedAtMapped", buyer + "  ordered_at: ${a}\n", []string{"a=20.11.2026 10:00"}, "ordered_at", `"2026-11-20 08:00:00"`},
		{"PaymentStatus", pay(""), nil, "payments.0.status", `"not_paid"`},
		{"PaymentStatusBlank", pay(", status: \"${a}\""), []string{"a="}, "payments.0.status", `"not_paid"`},
		{"PaymentStatusMapped", pay(", status: \"${a}\""), []string{"a=canceled"}, "payments.0.status", `"canceled"`},
		{"PaymentStatusRefund", pay(", status: \"${a}\""), []string{"a=refund"}, "payments.0.status", `"refund"`},
		{"PaymentStatusFails", pay(", status: \"${a.x}\""), []string{"a=1"}, "", "hold payments.0.status [a] ~has no"},
		{"PaidWithoutDate", pay(", status: paid"), nil, "payments.0.payment_date", `"2026-11-21 16:30:00"`},
		{"PaidWithBlankDate", pay(", status: paid, payment_date: \"${a}\""), nil, "payments.0.payment_date", `"2026-11-21 16:30:00"`},
		{"PaidWithDate", pay(", status: paid, payment_date: \"${a}\""), []string{"a=20.11.2026 10:00"}, "payments.0.payment_date", `"2026-11-20 08:00:00"`},
		{"PaidByTheForm", pay(", status: \"${a}\""), []string{"a=paid"}, "payments.0.payment_date", `"2026-11-21 16:30:00"`},
		{"NotPaidWithoutDate", pay(""), nil, "payments.0.payment_date", ""},
		{"PaidWithWrongDate", pay(", status: paid, payment_date: \"${a}\""), []string{"a=soon"}, "", "hold payments.0.payment_date [a] ~date"},
		{"PaymentWithoutMethodID", pay(""), nil, "payments.0", `{"payment_method":"x","amount":5,"status":"not_paid"}`},
		{"EveryPayment", buyer + "  payments: [{payment_method: x, amount: 1}, {payment_method: y, amount: 2, status: paid}]\n", nil, "payments.1.payment_date", `"2026-11-21 16:30:00"`},
		{"PaymentOfACard", "creates: card\nmark: none\nmap:\n  contact: {phone: \"1\"}\n  payments: [{payment_method: x, amount: 1}]\n", nil, "payments.0.status", `"not_paid"`},
		{"CardHasNoNumberOfItsOwn", "creates: card\nmark: none\nmap:\n  contact: {phone: \"1\"}\n", nil, "", `{"source_id":22,"contact":{"phone":"1"}}`},
		{"SameRecipient", who, []string{"n=O", "p=050 111 22 33", "rn=O", "rp=+380501112233"}, "shipping", ""},
		{"SameName", who, []string{"n=O", "p=050 111 22 33", "rn= O ", "rp=067 111 22 33"}, "shipping", `{"recipient_phone":"+380671112233"}`},
		{"SamePhone", who, []string{"n=O", "p=050 111 22 33", "rn=I", "rp=8 050 111 22 33"}, "shipping", `{"recipient_full_name":"I"}`},
		{"OtherRecipient", who, []string{"n=O", "p=1", "rn=I", "rp=2", "c=Lviv"}, "shipping", `{"shipping_address_city":"Lviv","recipient_full_name":"I","recipient_phone":"2"}`},
		{"RecipientWithoutBuyersName", who, []string{"p=1", "rn=I"}, "shipping", `{"recipient_full_name":"I"}`},
	})
	s := specOf(t, "creates: card\nmark: none\nmap:\n  contact: {phone: \"1\"}\n")
	s.SourceID = 0
	m, _ := Compile(s)
	if got := told(apply(m, post()), ""); got != `{"contact":{"phone":"1"}}` {
		t.Errorf("a card without source: %s", got)
	}
}
