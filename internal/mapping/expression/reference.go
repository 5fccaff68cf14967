package expression

// Doc is the reference of one function, operator or name of the language.
type Doc struct {
	Name    string // join, or what an operator looks like: a ?? b
	Usage   string // how it is written: join(separator, value, …)
	Meaning string // in one or two sentences
	Example string // an expression over the sample form
	Result  string // what the example comes to, a list written as ["a","b"]
}

// Chapter is some of the reference under one heading.
type Chapter struct {
	Title string
	Docs  []Doc
}

// Sample is the form that the examples of [Reference] are about, as the pairs that are posted.
func Sample() [][2]string {
	return [][2]string{
		{"name", "Олена"},
		{"email", ""},
		{"phone", "050 111 22 33"},
		{"amount", "1 299,50"},
		{"day", "21.11.2026 18:30"},
		{"colors[]", "red"},
		{"colors[]", "blue"},
		{"products[0][sku]", "A-1"},
		{"products[0][quantity]", "2"},
		{"products[1][sku]", "B-7"},
		{"products[1][quantity]", "1"},
		{"cart", `[{"sku":"A-1","n":2}]`},
	}
}

// Reference is what may stand between ${ and }, for people: the names, the operators and every function. The examples speak of
// [Sample], of the table price with A-1: 450 and B-7: 1200, and of the region UA. Each call makes a new one.
func Reference() []Chapter {
	return []Chapter{
		{"Names", nameDocs()},
		{"Operators", operatorDocs()},
		{"Texts", textDocs()},
		{"Numbers, dates and phones", numberDocs()},
		{"Lists", listDocs()},
		{"A formula for each item of a list", predicateDocs()},
	}
}

func nameDocs() []Doc {
	return []Doc{
		{"name", "name", "A form field by its name. One that was not posted, or is blank, is nothing: what is made of it is not sent.", `name`, "Олена"},
		{"form", `form["First name"]`, "A form field whose name is no plain word; your-name may be written your_name too.", `form["name"]`, "Олена"},
		{
			"tables", "tables.TABLE[key]", "A value from one of the profile's tables. A key that the table does not have holds the submission for you, unless ?? follows.",
			`tables.price[products[0].sku]`, "450",
		},
		{"item, index", "item.sku, index", "Below an each: the item that is its turn, and its number, counted from 0.", "", ""},
		{"now", "now", "When the form was posted.", "", ""},
		{"visitor", "visitor.ip", "Who posted: visitor.ip, visitor.user_agent, visitor.referrer, visitor.page and visitor.language.", "", ""},
	}
}

func operatorDocs() []Doc {
	return []Doc{
		{"??", "a ?? b", "The first that is not nothing.", `email ?? "none"`, "none"},
		{"? :", "a ? b : c", "b when a holds, else c. Nothing, a blank, 0, off, no and false do not hold.", `email ? "by mail" : "by phone"`, "by phone"},
		{"and or not", "a and b, a or b, not a", "Several conditions; && || ! are the same.", `name and not email`, "true"},
		{"comparisons", "a == b, a != b, a < b, a <= b, a > b, a >= b", "Whether two values are equal, or which is more.", `num(amount) >= 1000`, "true"},
		{"in", "a in b", "Whether a list has a value, or a table a key; not in is the opposite.", `"red" in colors`, "true"},
		{"contains", "a contains b", "Whether a text has another in it; startsWith and endsWith look at its ends.", `name contains "лен"`, "true"},
		{"matches", "a matches b", "Whether a text fits a regular expression.", `phone matches "^0"`, "true"},
		{"arithmetic", "a + b, a - b, a * b, a / b, a % b, a ** b", "Calculates with numbers. + joins texts too. A text is taken for a number only inside num(…).", `num(amount) * 2`, "2599"},
		{"slices", "a[0], a[-1], a[0:3]", "One item of a list, counted from 0, from the end with a minus; some items, or some characters of a text.", `name[0:2]`, "Ол"},
		{"let", "let x = a; b", "Gives a value a name for what follows.", `let n = num(amount); n - 299.5`, "1000"},
		{"|", "a | f()", "Hands a value to a function as its first argument.", `name | upper()`, "ОЛЕНА"},
	}
}

func textDocs() []Doc {
	return []Doc{
		{"join", "join(separator, value, …)", "What is there of the values, and of the lists among them, with the separator between.", `join(", ", colors, email, name)`, "red, blue, Олена"},
		{"string", "string(x)", "The value as a text.", `string(2 + 3)`, "5"},
		{"trim", `trim(text), trim(text, "-")`, "The text without blanks, or without those characters, at both ends.", `trim("--A-1--", "-")`, "A-1"},
		{"upper", "upper(text)", "In capital letters.", `upper("a-1")`, "A-1"},
		{"lower", "lower(text)", "In small letters.", `lower("A-1")`, "a-1"},
		{"trimPrefix", "trimPrefix(text, start)", "The text without that beginning, when it has it.", `trimPrefix("sku-A-1", "sku-")`, "A-1"},
		{"trimSuffix", "trimSuffix(text, end)", "The text without that end, when it has it.", `trimSuffix("450 грн", " грн")`, "450"},
		{"hasPrefix", "hasPrefix(text, start)", "Whether the text begins so.", `hasPrefix(phone, "050")`, "true"},
		{"hasSuffix", "hasSuffix(text, end)", "Whether the text ends so.", `hasSuffix(phone, "33")`, "true"},
		{"replace", "replace(text, what, with)", "The text with every place of what replaced.", `replace(phone, " ", "-")`, "050-111-22-33"},
		{"split", "split(text, separator)", "The text cut into a list of at most 1,000.", `split("red, blue", ", ")`, `["red","blue"]`},
		{"fromJSON", "fromJSON(text)", "What a field holds as JSON, such as a cart's hidden input: objects, lists and values.", `fromJSON(cart)[0].sku`, "A-1"},
	}
}

func numberDocs() []Doc {
	return []Doc{
		{"num", "num(x)", "A typed text as a number: 1 299,50 грн is 1299.5.", `num(amount) + 100`, "1399.5"},
		{"int", "int(x)", "A number without what follows its point.", `int("7,9")`, "7"},
		{"round", "round(x), round(x, places)", "Rounded, half away from zero, to at most 9 places.", `round(num(amount) / 7, 2)`, "185.64"},
		{"floor", "floor(x)", "Rounded down.", `floor(num(amount))`, "1299"},
		{"ceil", "ceil(x)", "Rounded up.", `ceil(num(amount))`, "1300"},
		{"abs", "abs(x)", "Without its sign.", `abs(-5)`, "5"},
		{"min", "min(x, …)", "The least of numbers, or of a list of them.", `min(3, 1, 2)`, "1"},
		{"max", "max(x, …)", "The most of numbers, or of a list of them.", `max(3, 1, 2)`, "3"},
		{"mean", "mean(x, …)", "The average.", `mean(1, 2, 6)`, "3"},
		{"median", "median(x, …)", "The middle one.", `median(1, 2, 6)`, "2"},
		{"date", "date(x)", "A typed date, in the form's time zone; KeyCRM's times become UTC.", `date(day) > date("20.11.2026")`, "true"},
		{"duration", `duration("24h")`, "A length of time, to calculate with now: now + duration(\"24h\").", "", ""},
		{"e164", "e164(phone)", "A phone in the international form; what is no phone stays as typed. KeyCRM's phone fields are written so without being asked.", `e164(phone)`, "+380501112233"},
	}
}

func listDocs() []Doc {
	return []Doc{
		{"list", "list(x)", "Every value that was posted under a name, always as a list; what a list field of KeyCRM takes.", `list(colors)`, `["red","blue"]`},
		{"len", "len(x)", "How many items a list has, or characters a text.", `len(colors)`, "2"},
		{"first", "first(list)", "The first item.", `first(colors)`, "red"},
		{"last", "last(list)", "The last item.", `last(colors)`, "blue"},
		{"take", "take(list, n)", "The first n items.", `take(colors, 1)`, `["red"]`},
		{"reverse", "reverse(list)", "The other way round.", `reverse(colors)`, `["blue","red"]`},
		{"uniq", "uniq(list)", "Each value once.", `uniq(["a", "b", "a"])`, `["a","b"]`},
		{"concat", "concat(list, …)", "Several lists as one; what is no list is one item of it.", `concat(colors, [name])`, `["red","blue","Олена"]`},
		{"flatten", "flatten(list)", "Lists inside the list laid out flat.", `flatten([["a"], ["b", "c"]])`, `["a","b","c"]`},
		{"sort", `sort(list), sort(list, "desc")`, "In rising order, or in falling.", `sort(colors)`, `["blue","red"]`},
	}
}

func predicateDocs() []Doc {
	return []Doc{
		{"map", "map(list, formula)", "A list of what the formula makes of each; # is the item, .sku a member of it.", `map(products, .sku)`, `["A-1","B-7"]`},
		{"filter", "filter(list, condition)", "The items for which the condition holds.", `map(filter(products, num(.quantity) > 1), .sku)`, `["A-1"]`},
		{"sum", "sum(list, formula)", "The sum over all items.", `sum(products, tables.price[.sku] * num(.quantity))`, "2100"},
		{"count", "count(list, condition)", "For how many items the condition holds.", `count(colors, # == "red")`, "1"},
		{"all", "all(list, condition)", "Whether it holds for every item.", `all(products, .sku)`, "true"},
		{"any", "any(list, condition)", "Whether it holds for some item.", `any(products, .sku == "B-7")`, "true"},
		{"none", "none(list, condition)", "Whether it holds for no item.", `none(products, .sku == "C-9")`, "true"},
		{"one", "one(list, condition)", "Whether it holds for exactly one.", `one(products, .sku == "B-7")`, "true"},
		{"find", "find(list, condition)", "The first item for which it holds.", `find(products, .sku == "B-7").quantity`, "1"},
		{"findLast", "findLast(list, condition)", "The last item for which it holds.", `findLast(products, .quantity).sku`, "B-7"},
		{"findIndex", "findIndex(list, condition)", "The number of that first item, counted from 0.", `findIndex(products, .sku == "B-7")`, "1"},
		{"findLastIndex", "findLastIndex(list, condition)", "The number of that last item.", `findLastIndex(products, .quantity)`, "1"},
		{"sortBy", "sortBy(list, formula)", "In the order of what the formula makes of each.", `map(sortBy(products, num(.quantity)), .sku)`, `["B-7","A-1"]`},
		{"reduce", "reduce(list, formula, start)", "One value made of all items: #acc is what there is so far.", `reduce(products, #acc + num(.quantity), 0)`, "3"},
	}
}
