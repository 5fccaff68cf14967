package mapping

import (
	"fmt"
	"strings"
	"testing"

	"formrelay/internal/keycrm"
)

// faultCase is a profile and what Compile says of it, a line a fault: line:column, then what it must say, then what it must say to do.
type faultCase struct {
	Name, Profile string
	Want          []string // line:column|part of what|part of do
}

func runFaults(t *testing.T, cases []faultCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.Name, func(t *testing.T) {
			t.Parallel()
			m, faults := Compile(specOf(t, tt.Profile))
			if (m == nil) != (len(tt.Want) > 0) || len(faults) != len(tt.Want) {
				t.Fatalf("want %d faults, got:\n%s", len(tt.Want), tell(faults))
			}
			for i, f := range faults {
				want := strings.SplitN(tt.Want[i], "|", 3)
				if at := fmt.Sprintf("%d:%d", f.Pos.Line, f.Pos.Column); want[0] != at || !strings.Contains(f.What, want[1]) || !strings.Contains(f.Do, want[2]) || f.Do == "" {
					t.Errorf("want %q, got %s: %s; %s", tt.Want[i], at, f.What, f.Do)
				}
			}
		})
	}
}

// Every slip inside ${…} is found when the profile is loaded, at its own place, with what to write instead.
func TestExpressionFaults(t *testing.T) {
	t.Parallel()
	at := func(expr string) string {
		return buyer + "  promocode: ${" + expr + "}\ntables: {price: {A-1: 1, kyiv: {x: 1}}, city: {}}\n"
	}
	runFaults(t, []faultCase{
		{"UnknownFunction", at("uper(a)"), []string{"3:16|no function `uper`|write upper"}},
		{"UnknownFunctionOfNoKin", at("zzzzzzzz(a)"), []string{"3:16|no function `zzzzzzzz`|`formrelay help profile` lists them"}},
		{"FunctionInCapitals", at("UPPER(a)"), []string{"3:16|no function `UPPER`|"}},
		{"FunctionOfExprThatIsLeftOut", at("keys(a)"), []string{"3:16|no function `keys`|"}},
		{"ValueThatIsCalled", at("now()"), []string{"3:16|`now` is a value|leave the brackets out"}},
		{"ItemThatIsCalled", at("item(a)"), []string{"3:16|`item` is a value|leave the brackets out"}},
		{"IDWithALeadingZero", buyer + "  manager_id: 0501\n", []string{"3:15|\"0501\" begins with a zero|as KeyCRM shows it"}},
		{"QuotedIDWithALeadingZero", buyer + "  manager_id: \"0501\"\n", []string{"3:15|\"0501\" begins with a zero|as KeyCRM shows it"}},
		{"FunctionNotOfTheLanguage", at("keys(form)"), []string{"3:16|no function `keys`|"}},
		{"FieldCalled", at("name(a)"), []string{"3:16|no function `name`|"}},
		{"MethodCalled", at("a.upper()"), []string{"3:18|cannot be called|upper(name)"}},
		{"TooFewValues", at("join(',')"), []string{"3:16|2 values or more, not 1|"}},
		{"TooManyValues", at("upper(a, b)"), []string{"3:16|takes 1 value, not 2|"}},
		{"NoValues", at("num()"), []string{"3:16|takes 1 value, not 0|"}},
		{"Dash", at("your-name"), []string{"3:16|`your-name` would subtract|write your_name or form[\"your-name\"]"}},
		{"DashTwice", at("your-first-name"), []string{"3:16|`your-first-name`|your_first_name"}},
		{"DashBeforeDigit", at("field-1"), []string{"3:16|`field-1`|field_1"}},
		{"DashInACall", at("upper(your-name)"), []string{"3:22|`your-name`|form[\"your-name\"]"}},
		{"DashOnBothSides", at("a-b + c-d"), []string{"3:16|`a-b`|", "3:22|`c-d`|"}},
		{"DashBelowAField", at("form.your-name"), []string{"3:21|`your-name`|form[\"your-name\"]"}},
		{"DashInCyrillic", at("ваше-ім"), []string{"3:16|`ваше-ім`|ваше_ім"}},
		{"DashWithBlanksIsMeant", at("num(a) - num(b)"), nil},
		{"DashOfCallsIsMeant", at("num(a)-num(b)"), nil},
		{"DashOfALetIsMeant", at("let x = num(a); x-1"), nil},
		{"Apostrophe", at("ім'я"), []string{"3:14|quote|form[\"ім'я\"]"}},
		{"ApostropheInALongerText", "map:\n  buyer: {phone: \"1\"}\n  promocode: \"x ${a} ${ім'я} y\"\n", []string{"3:22|quote|form[\"ім'я\"]"}},
		{"Unclosed", buyer + "  promocode: \"x ${a\"\n", []string{"3:17|no closing|$${"}},
		{"UnclosedSecond", buyer + "  promocode: \"${b} ${a\"\n", []string{"3:20|no closing|"}},
		{"Empty", at(""), []string{"3:16|no expression|"}},
		{"Blanks", at("  "), []string{"3:16|no expression|"}},
		{"UnexpectedEnd", at("a +"), []string{"3:18|unexpected end|"}},
		{"TwoNames", at("a b"), []string{"3:18|unexpected|"}},
		{"Assignment", at("a = 1"), []string{"3:18|cannot be read|"}},
		{"UnknownTable", at("tables.prise[a]"), []string{"3:23|no table \"prise\"|write price"}},
		{"UnknownTableOfNoKin", at("tables.zzzzzzz[a]"), []string{"3:23|no table \"zzzzzzz\"|under `tables`"}},
		{"TablesAlone", at("tables"), []string{"3:16|stands alone|tables.price[sku]"}},
		{"TableByAField", at("tables[a][b]"), []string{"3:22|named by an expression|"}},
		{"KeyThatIsNotThere", at("tables.price.B"), []string{"3:29|no key \"B\"|tables.price[B]"}},
		{"KeyWithASlip", at("tables.price['A-2']"), []string{"3:29|no key \"A-2\"|write A-1"}},
		{"KeyWithAFallback", at("tables.price.B ?? 1"), nil},
		{"ItemOutside", at("item.a"), []string{"3:16|only below an `each`|form[\"item\"]"}},
		{"IndexOutside", at("index"), []string{"3:16|only below an `each`|form[\"index\"]"}},
		{"VisitorsUnknown", at("visitor.name"), []string{"3:24|no such member|visitor.ip"}},
		{"VisitorByAField", at("visitor[a]"), []string{"3:23|no such member|"}},
		{"Range", at("1..3"), []string{"3:17|not part of|[1, 2, 3]"}},
		{"PatternOfTheForm", at("a matches b"), []string{"3:18|pattern|quotes"}},
		{"PatternThatIsNone", at("a matches '('"), []string{"3:18|missing closing|"}},
		{"TextForAFallback", at("a || 'x'"), []string{"3:21|yes or no|??"}},
		{"WordForAFallback", at("a or 'x'"), []string{"3:21|yes or no|??"}},
		{"ReservedWord", at("in"), []string{"3:16|word of the expression language|form[\"in\"]"}},
		{"ReservedWordIf", at("if"), []string{"3:16|word of the expression language|form[\"if\"]"}},
		{"ReservedWordNot", at("not"), []string{"3:16|word of the expression language|form[\"not\"]"}},
		{"ReservedWordMatches", at("matches"), []string{"3:16|word of the expression language|form[\"matches\"]"}},
		{"LetOfTheRelaysName", at("let now = 1; now"), []string{"3:20|there is already|another name"}},
		{"LetTwice", at("let x = 1; let x = 2; x"), []string{"3:31|there is already|another name"}},
		{"DollarName", at("$env"), []string{"3:16|no name|form[\"$env\"]"}},
		{"HiddenFunction", at("$get(form, 'a')"), []string{"3:16|no function `$get`|"}},
		{"TooDeep", at("map(a, map(b, map(c, .x)))"), []string{"3:30|inside more than|"}},
		{"TooLong", at(strings.Repeat("a", 4001)), []string{"3:4016|4000 are allowed|table"}},
		{"AsLongAsAllowed", at(strings.Repeat("a", 4000)), nil},
		{"SeveralInOne", at("uper(a) + your-name + tables.x[a] + item"), []string{"3:16|uper|upper", "3:26|your-name|", "3:45|no table \"x\"|", "3:52|item|"}},
		{"SeveralInOneText", buyer + "  promocode: \"${uper(a)} and ${your-name}\"\n", []string{"3:17|uper|", "3:32|your-name|"}},
		{"AfterWideCharacters", buyer + "  promocode: \"№😀 ${uper(a)}\"\n", []string{"3:20|uper|"}},
		{"InAWhen", buyer + "  shipping: {when: \"${uper(a)}\", shipping_address_city: x}\n", []string{"3:23|uper|upper"}},
		{"InAnEach", buyer + "  products: [{each: \"${uper(a)}\", sku: x}]\n", []string{"3:24|uper|upper"}},
		{"InAListOfTexts", buyer + "  custom_fields: [{uuid: OR_1, value: [a, \"${uper(a)}\"]}]\n", []string{"3:46|uper|upper"}},
		{"ItemInTheEachItself", buyer + "  products: [{each: \"${item.x}\", sku: x}]\n", []string{"3:24|only below an `each`|"}},
		{"ItemBesideTheEach", buyer + "  products: [{each: \"${p}\", sku: x}, {sku: \"${item.s}\"}]\n", []string{"3:47|only below an `each`|"}},
		{"ItemInANestedEach", buyer + "  products: [{each: \"${p}\", properties: [{each: \"${item.o}\", name: \"${index}\", value: \"${item}\"}]}]\n", nil},
	})
}

// What the map says about KeyCRM's fields is checked against KeyCRM's own, as are the profile's other keys.
func TestMoreFaults(t *testing.T) {
	t.Parallel()
	fields := func(spec string) string { return buyer + "fields: {" + spec + "}\n" }
	runFaults(t, []faultCase{
		{"EachOverALiteral", buyer + "  products: [{each: [a, b], sku: x}]\n", []string{"3:21|`each` is no expression|${products}"}},
		{"EachAndNothing", buyer + "  products: [{each: , sku: x}]\n", []string{"3:20|`each` is no expression|${products}"}},
		{"WhenIsAnObject", buyer + "  shipping: {when: {a: b}, shipping_address_city: x}\n", []string{"3:14|`when` is an object|${amount}"}},
		{"WhenTwice", buyer + "  shipping: {when: a, when: b, shipping_address_city: x}\n", []string{"3:23|when is there twice|"}},
		{"ObjectInAList", buyer + "  custom_fields: [{uuid: OR_1, value: [{a: b}]}]\n", []string{"3:40|an item of custom_fields.value is a text|one value"}},
		{"ListInAList", buyer + "  custom_fields: [{uuid: OR_1, value: [[a]]}]\n", []string{"3:40|an item of custom_fields.value is a text|"}},
		{"ObjectForACustomField", buyer + "  custom_fields: [{uuid: OR_1, value: {a: b}}]\n", []string{"3:39|a text or a list of texts|"}},
		{"ListForAnID", buyer + "  manager_id: [1]\n", []string{"3:15|manager_id is an id in KeyCRM, and here a list|"}},
		{"PropertyWithoutName", buyer + "  products: [{properties: [{value: x}]}]\n", []string{"3:28|no name|"}},
		{"PaymentWithoutMethod", buyer + "  payments: [{amount: 1}]\n", []string{"3:14|payment_method_id or payment_method|"}},
		{"PaymentWithBlankMethod", buyer + "  payments: [{amount: 1, payment_method: }]\n", []string{"3:14|payment_method_id or payment_method|"}},
		{"EveryPayment", buyer + "  payments: [{amount: 1, payment_method: x}, {amount: 1}, {payment_method: x}]\n", []string{"3:46|payment_method_id|", "3:59|no amount|"}},
		{"LiteralTime", buyer + "  ordered_at: 31.02.2026\n", []string{"3:15|\"31.02.2026\" is not|form's time zone"}},
		{"LiteralDay", buyer + "  shipping: {shipping_date: soon}\n", []string{"3:29|a date|2026-11-21"}},
		{"LiteralNumber", buyer + "  discount_percent: ten\n", []string{"3:21|a number in KeyCRM|1299.50"}},
		{"LiteralNaN", buyer + "  taxes: NaN\n", []string{"3:10|no number|"}},
		{"LiteralInfinity", buyer + "  taxes: .inf\n", []string{"3:10|no number|"}},
		{"LiteralHexadecimal", buyer + "  taxes: 0x10\n", []string{"3:10|no number|"}},
		{"LiteralExponent", buyer + "  taxes: 1e3\n", []string{"3:10|no number|"}},
		{"LiteralIDZero", buyer + "  manager_id: 0\n", []string{"3:15|whole number from 1 up|"}},
		{"LiteralPhoneOfAnyKind", "map:\n  buyer: {phone: call}\n", nil},
		{"LiteralStatusInCapitals", buyer + "  payments: [{payment_method: x, amount: 1, status: Paid}]\n", []string{"3:53|\"Paid\"|write one of not_paid, paid"}},
		{"StatusOfText", buyer + "  payments: [{payment_method: x, amount: 1, status: \"not ${a}\"}]\n", nil},
		{"NameOfAnotherObject", buyer + "  shipping: {full_name: x}\n", []string{"3:14|\"full_name\" in shipping|under buyer"}},
		{"NameInAnItem", buyer + "  products: [{skuu: x}]\n", []string{"3:15|\"skuu\" in products|write sku"}},
		{"NameInAnItemsItem", buyer + "  products: [{properties: [{name: a, value: b, valeu: c}]}]\n", []string{"3:48|\"valeu\" in products.properties|write value"}},
		{"CommentOfAnOrder", buyer + "  comment: x\n", []string{"3:3|\"comment\"|write buyer_comment or manager_comment; or does it belong under products?"}},
		{"CommentOfACard", "creates: card\nmap:\n  contact: {phone: x}\n  comment: x\n", []string{"4:3|\"comment\"|write manager_comment"}},
		{"CityInShipping", buyer + "  shipping: {city: x}\n", []string{"3:14|\"city\" in shipping|write shipping_address_city"}},
		{"NameOfTheEnd", "map:\n  buyer: {name: x, phone: y}\n", []string{"2:11|\"name\" in buyer|write full_name"}},
		{"NameInCapitals", buyer + "  Promocode: x\n", []string{"3:3|\"Promocode\"|write promocode"}},
		{"SourceIDInTheMap", buyer + "  source_id: ${a}\n", []string{"3:3|source_id stands in `map`|top level"}},
		{"SourceIDInAnObjectIsUnknown", buyer + "  shipping: {source_id: 1}\n", []string{"3:14|\"source_id\" in shipping|"}},
		{"PipelineOfAnOrder", buyer + "  pipeline_id: 1\n", []string{"3:3|\"pipeline_id\"|"}},
		{"TitleOfAnOrder", buyer + "  title: x\n", []string{"3:3|\"title\"|"}},
		{"BuyersCommentOfACard", "creates: card\nmap:\n  contact: {phone: x}\n  buyer_comment: x\n", []string{"4:3|buyer_comment|manager_comment"}},
		{"ShippingOfACard", "creates: card\nmap:\n  contact: {phone: x}\n  shipping: {shipping_address_city: x}\n", []string{"4:3|\"shipping\"|"}},
		{"ClientOfAnOrder", "map:\n  buyer: {client_id: 1, phone: x}\n", []string{"2:11|client_id|"}},
		{"BuyerOfClientOnly", "map:\n  buyer: {client_id: 1}\n", []string{"2:11|client_id|"}},
		{"BuyerWithoutAny", "map:\n  buyer: {}\n", []string{"2:10|no full_name, email or phone|"}},
		{"BuyerIsNothing", "map:\n  buyer:\n", []string{"2:10|no full_name, email or phone|"}},
		{"MapIsAList", "map: [a]\n", []string{"1:6|says nothing|"}},
		{"FieldsTypeNearest", fields("a: {type: phon}"), []string{"3:20|no type \"phon\"|write phone"}},
		{"FieldsTypeOfNoKin", fields("a: {type: zzzz}"), []string{"3:20|no type \"zzzz\"|text, int, number"}},
		{"FieldsRuleNearest", fields("a: {validate: \"required,mx=3\"}"), []string{"3:24|mx|"}},
		{"FieldsRuleOfAnotherField", fields("a: {validate: \"eqfield=b\"}"), []string{"3:24|compares fields|"}},
		{"FieldsRuleWithoutNumber", fields("a: {validate: \"min=x\"}"), []string{"3:24|min|"}},
		{"FieldsRuleOfAnotherType", fields("a: {type: bool, validate: \"min=3\"}"), []string{"3:36|min|"}},
		{"FieldsDefaultInAList", fields("a: {type: int, default: [1, x]}"), []string{"3:38|\"x\", is no int|"}},
		{"FieldsDefaultNestedInAList", fields("a: {default: [[x]]}"), []string{"3:24|the default of a is a list|"}},
		{"FieldsDefaultObjectInAList", fields("a: {default: [{a: b}]}"), []string{"3:24|the default of a is an object|"}},
		{"FieldsDefaultTooLong", fields("a: {validate: \"max=2\", default: abc}"), []string{"3:42|breaks its own rule max|"}},
		{"FieldsDefaultDate", fields("a: {type: date, default: soon}"), []string{"3:35|is no date|"}},
		{"FieldsWithoutName", fields("\" \": {type: int}"), []string{"3:10|has no name|"}},
		{"TableKeyTwiceNested", buyer + "tables: {t: {a: {b: 1, b: 2}}}\n", []string{"3:24|the table t.a has the key \"b\" twice|keep one"}},
		{"RestIntoAnEmail", buyer + "rest: buyer.email\n", []string{"3:7|rest cannot go|"}},
		{"RestIntoTheNumber", buyer + "rest: source_uuid\n", []string{"3:7|rest cannot go|"}},
		{"RestIntoAnObject", buyer + "rest: buyer\n", []string{"3:7|rest cannot go|"}},
		{"RestOfACard", "creates: card\nrest: buyer_comment\nmap:\n  contact: {phone: x}\n", []string{"2:7|rest cannot go into \"buyer_comment\"|manager_comment"}},
		{"MarkOfAnOrder", buyer + "mark: LD_1\n", []string{"3:7|an order has no `mark`|source_uuid"}},
		{"MarkInAnOrdersField", "creates: card\nmark: OR_1\nmap:\n  contact: {phone: x}\n", []string{"2:7|`mark` cannot be \"OR_1\"|LD_"}},
		{"MarkNone", "creates: card\nmark: none\nmap:\n  contact: {phone: x}\n", nil},
		{"SameFaultOnce", "map:\n  zzz: x\n", []string{"1:1|no buyer|", "2:3|zzz|"}},
	})
}

// What a script's lines leave behind in a value is told with the field's own name; a price is no PHP.
func TestPHPFaults(t *testing.T) {
	t.Parallel()
	const what = "this is PHP and would be sent as it stands"
	comment := func(text string) string { return buyer + "  buyer_comment: " + text + "\n" }
	runFaults(t, []faultCase{
		{"Post", comment(`$_POST['comment']`), []string{"3:18|" + what + "|write ${comment}"}},
		{"PostInDoubleQuotes", comment(`$_POST["comment"];`), []string{"3:18|" + what + "|write ${comment}"}},
		{"Get", comment(`$_GET[ 'comment' ]`), []string{"3:18|" + what + "|write ${comment}"}},
		{"Request", comment(`$_REQUEST['comment']`), []string{"3:18|" + what + "|write ${comment}"}},
		{"InText", comment(`"Call {$_POST['phone']} back"`), []string{"3:25|" + what + "|write ${phone}"}},
		{"BesideAnExpression", comment(`"${name} $_POST['phone']"`), []string{"3:27|" + what + "|write ${phone}"}},
		{"NameWithABlank", comment(`$_POST['first name']`), []string{"3:18|" + what + "|write ${first_name}"}},
		{"NameThatMeansSomethingElse", comment(`$_POST['index']`), []string{"3:18|" + what + "|write ${form[\"index\"]}"}},
		{"SeveralNames", comment(`$_POST['a', 'b']`), []string{"3:18|" + what + "|write ${…}"}},
		{"NestedName", comment(`$_POST['a']['b']`), []string{"3:18|" + what + "|write ${…}"}},
		{"Variable", comment(`$comment`), []string{"3:18|" + what + "|write ${comment}"}},
		{"VariableInCyrillic", comment(`$коментар`), []string{"3:18|" + what + "|write ${коментар}"}},
		{"WholeArray", comment(`$_POST`), []string{"3:18|" + what + "|write ${…}"}},
		{"OfAStatus", buyer + "  payments: [{payment_method: x, amount: 1, status: $status}]\n", []string{"3:53|" + what + "|write ${status}"}},
		{"OfAnEach", buyer + "  products: [{each: $products, sku: x}]\n", []string{"3:21|" + what + "|write ${products}"}},
		{"OfAWhen", buyer + "  shipping: {when: $city, shipping_address_city: x}\n", []string{"3:20|" + what + "|write ${city}"}},
		{"InAListOfTexts", buyer + "  custom_fields: [{uuid: OR_1, value: [a, $b]}]\n", []string{"3:43|" + what + "|write ${b}"}},
		{"Price", comment(`$5`), nil},
		{"PriceWithItsCountry", comment(`US$ 10`), nil},
		{"DollarAlone", comment(`$`), nil},
		{"DollarInText", comment(`paid in $us`), nil},
		{"LiteralBrace", comment(`$${name}`), nil},
		{"DollarBeforeAnExpression", comment(`"US$ ${amount}"`), nil},
	})
}

// Only a text that reads one field and does nothing else is turned into what it stands for.
func TestFromPHP(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"$_POST['name']": "${name}", `$_GET["first name"]`: "${first_name}", "$_POST['in']": `${form["in"]}`,
		"$_POST['a']['b']": "", "x $_POST['a']": "", "$_POST[a]": "", "$name": "", "colours[]": "", "": "",
	} {
		if got, ok := FromPHP(text); ok != (want != "") || ok && got != want {
			t.Errorf("FromPHP(%q) = %q, %v; want %q", text, got, ok, want)
		}
	}
}

// All faults come at once, sorted by their place, whichever part of the profile they are in.
func TestFaultsAreSorted(t *testing.T) {
	t.Parallel()
	s := specOf(t, `rest: zzz
mark: x
fields: {a: {type: wrong, default: {b: c}}, b: {validate: wrong}}
tables: {t: {a: 1, a: 2}}
map:
  buyr: {phone: x}
  taxes: abc
  promocode: ${uper(x)} ${your-name}
  products: [{each: x, skuu: x}]
`)
	_, faults := Compile(s)
	if len(faults) < 10 {
		t.Errorf("only %d faults:\n%s", len(faults), tell(faults))
	}
	for i := 1; i < len(faults); i++ {
		if faults[i].Pos.compare(faults[i-1].Pos) < 0 {
			t.Errorf("not sorted:\n%s", tell(faults))
			break
		}
	}
	for _, f := range faults {
		if f.Pos.Line < 1 || f.Pos.Column < 1 || f.What == "" || f.Do == "" || strings.Contains(f.What+f.Do, "\n") || strings.HasSuffix(f.What, ".") || strings.HasSuffix(f.Do, ".") {
			t.Errorf("a fault without place or advice: %+v", f)
		}
	}
	_, again := Compile(s)
	if tell(again) != tell(faults) {
		t.Errorf("the same profile, other faults:\n%s\n%s", tell(faults), tell(again))
	}
}

// Every field that KeyCRM has can be mapped, by a literal or an expression, and arrives under its name.
func TestEveryField(t *testing.T) {
	t.Parallel()
	values := map[keycrm.Word]string{
		keycrm.WordText: "x", keycrm.WordTexts: "x", keycrm.WordInteger: "7", keycrm.WordNumber: "7", keycrm.WordAmount: "7", keycrm.WordBoolean: "true", keycrm.WordTime: "2026-11-20 10:00",
		keycrm.WordDay: "2026-11-20", keycrm.WordPhone: "+380671112233", keycrm.WordEmail: "o@example.test",
	}
	for _, kind := range []keycrm.Kind{keycrm.KindOrder, keycrm.KindCard} {
		for _, expression := range []bool{false, true} {
			var build func(typ *keycrm.Type, path string) *Node
			var paths []string
			build = func(typ *keycrm.Type, path string) *Node {
				n := &Node{Kind: Map, Pos: Pos{1, 1}}
				for _, child := range typ.Children {
					at := join(path, child.Name)
					v := &Node{Kind: Scalar, Pos: Pos{1, 1}, Text: values[child.Word], Quoted: true}
					switch {
					case at == "source_id":
						continue
					case child.Word == keycrm.WordObject:
						v = build(child, at)
					case child.Word == keycrm.WordList:
						v = &Node{Kind: List, Items: []*Node{build(child, at+".0")}}
					case child.Enum != nil:
						v.Text = child.Enum[0]
					case child.Name == "uuid":
						v.Text, _, _, _ = prefixes(kind)
					case at == "buyer.full_name", at == "buyer.phone": // another than the recipient's, who is left out when it is the same
						v.Text = "1"
					}
					if v.Kind == Scalar {
						paths = append(paths, at)
						if expression {
							v.Text = "${'" + v.Text + "'}"
						}
					}
					n.Entries = append(n.Entries, Entry{Key: child.Name, Value: v})
				}
				return n
			}
			m, faults := Compile(Spec{Kind: kind, SourceID: 1, Map: build(keycrm.Schema(kind), ""), Region: "UA", Mark: map[bool]string{true: "none"}[kind == keycrm.KindCard]})
			if faults != nil {
				t.Fatalf("%s: %s", kind, tell(faults))
			}
			res := apply(m, post())
			for _, path := range paths {
				if member(string(res.Entity), path) == "" {
					t.Errorf("%s: %s does not arrive: %s", kind, path, told(res, ""))
				}
			}
		}
	}
}
