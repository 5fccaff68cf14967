// Package value says what a text that a form posted means: a number, an amount of money, a moment, a telephone number, an email address,
// a yes or a no. It also holds the types and the rules that a profile can give to a field, and the nearest right word for a wrong one.
//
// A text is read as a person would read it, and never guessed at: what can be read in two ways, or in none, is an error or comes back as
// it was typed, and the caller decides whether a visitor or ops is told. Every function takes untrusted text of any length, looks at a
// bounded part of it and never panics. No error of this package repeats the text.
package value

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrNoNumber is the error of a text that is no number, or one with more digits than [MaxDigits].
var ErrNoNumber = errors.New("it is no number")

// ErrAmbiguous is [Amount]'s error for a lone comma before exactly three digits: "1,299" is one thousand two hundred and ninety-nine to
// an Englishman and a little over one to a Ukrainian.
var ErrAmbiguous = errors.New("a comma before three digits can mean thousands or decimals")

// MaxDigits bounds the digits on either side of the decimal point, leading zeros not counted. Eighteen before it always fit an int64, and
// eighteen after it hold what JavaScript writes for 0.1 + 0.2.
const MaxDigits = 18

// Bounds of a text that may be a number: a longer one is none, whatever it holds.
const (
	maxNumberText   = 128 // bytes
	maxNumberGroups = 8   // runs of digits between separators
	maxAffixWords   = 2   // words on one side: "бел. руб."
)

// Number reads a number as people of several countries type it and returns it as plain decimal text: an optional minus, digits without
// needless leading zeros, and the fraction as it was typed ("1 299,00 грн" is "1299.00"). The error is [ErrNoNumber].
//
// Of two kinds of separator the last is the decimal one; one that repeats is grouping; a lone dot or comma is decimal. Blanks of every
// width and apostrophes only ever group. Groups have three digits, the first one to three: "12 34" is no number, nor is "1,2,3".
//
// Either side may have a currency symbol and up to two words of letters, each with a dot if it likes. Before the number a word must be a
// known currency ("UAH 5", "грн. 5": "від 5" is not five). After it any word will do that stands apart and does not change what the
// number says ("5 шт", "1299 грн": but not "5 тис", "5 млн", "50 коп" or "5 або"); a word that touches the digits must be a known
// currency or piece word ("1299грн", "5шт": "3xl" is not three). Everything else is no number: "10-20", "12abc34", "5%", "1e3".
// "1299,-" is the trade's way to write 1299.
func Number(text string) (string, error) {
	n, err := parseNumber(text)
	if err != nil {
		return "", err
	}
	return n.plain, nil
}

// Amount is [Number] for money: a lone comma before exactly three digits is [ErrAmbiguous], because a wrong guess is a thousand times
// too much or too little.
func Amount(text string) (string, error) {
	n, err := parseNumber(text)
	if err != nil {
		return "", err
	}
	if n.loneComma && n.fraction == 3 {
		return "", ErrAmbiguous
	}
	return n.plain, nil
}

// number is a text that was read.
type number struct {
	plain     string
	fraction  int  // digits after the point
	loneComma bool // the only separator was a comma
}

// parseNumber reads a number of any spelling. Text that is not UTF-8 is refused before anything is compared with it.
func parseNumber(text string) (number, error) {
	if n, ok := plainNumber(text); ok {
		return n, nil
	}
	if len(text) > maxNumberText || !utf8.ValidString(text) {
		return number{}, ErrNoNumber
	}
	return spelledNumber(trim(text))
}

// plainNumber is the short way for what needs no reading: ASCII digits with at most one dot, no sign, no needless zero. It gives what
// spelledNumber gives.
func plainNumber(text string) (number, bool) {
	if len(text) == 0 || len(text) > MaxDigits || text[0] == '0' && len(text) > 1 && text[1] != '.' {
		return number{}, false
	}
	point := -1
	for i := range len(text) {
		switch c := text[i]; {
		case isDigit(c):
		case c == '.' && point < 0 && i > 0 && i < len(text)-1:
			point = i
		default:
			return number{}, false
		}
	}
	n := number{plain: text}
	if point >= 0 {
		n.fraction = len(text) - point - 1
	}
	return n, true
}

// spelledNumber reads a trimmed text: what stands before the digits, the digits with their separators, what stands after.
func spelledNumber(text string) (number, error) {
	start := strings.IndexAny(text, "0123456789")
	if start < 0 {
		return number{}, ErrNoNumber
	}
	end := strings.LastIndexAny(text, "0123456789") + 1
	if start > 0 && (text[start-1] == '.' || text[start-1] == ',') && !endsInLetter(text[:start-1]) {
		start-- // ".5"; the dot of "грн.5" belongs to the word
	}
	end += openFraction(text[end:])

	negative, ok := before(text[:start])
	if !ok || !after(text[end:]) {
		return number{}, ErrNoNumber
	}
	var g grouped
	if !g.split(text[start:end]) {
		return number{}, ErrNoNumber
	}
	return g.number(negative)
}

// openFraction is the length of a decimal separator that no digit follows: "5." and "5,", or with dashes for "and no cents": "5,-".
func openFraction(rest string) int {
	if rest == "" || rest[0] != '.' && rest[0] != ',' {
		return 0
	}
	n := 1
	for n < len(rest) {
		r, size := utf8.DecodeRuneInString(rest[n:])
		if !isDash(r) {
			break
		}
		n += size
	}
	return n
}

// grouped is the middle of a number: runs of digits, and the separators between them.
type grouped struct {
	runs  [maxNumberGroups]string
	n     int
	kinds [maxNumberGroups]rune // one for each run but the last: ' ', '\'', '.' or ','
}

// split takes the middle apart, and refuses two separators in a row.
func (g *grouped) split(middle string) bool {
	for {
		size := 0
		for size < len(middle) && isDigit(middle[size]) {
			size++
		}
		if g.n == maxNumberGroups || size == 0 && g.n > 0 && strings.Trim(middle, "-–—−") != "" {
			return false
		}
		g.runs[g.n], middle = middle[:size], middle[size:]
		g.n++
		r, width := utf8.DecodeRuneInString(middle)
		kind := separatorKind(r)
		if kind == 0 {
			return strings.Trim(middle, "-–—−") == ""
		}
		if g.n == maxNumberGroups {
			return false
		}
		g.kinds[g.n-1] = kind
		middle = middle[width:]
	}
}

// separatorKind folds the spellings of a separator into one; 0 is none.
func separatorKind(r rune) rune {
	switch {
	case r == '.' || r == ',':
		return r
	case r == '\'' || r == '’' || r == 'ʼ' || r == '`':
		return '\''
	case isBlank(r):
		return ' '
	}
	return 0
}

// number decides which separator is the decimal one and puts the digits together.
func (g *grouped) number(negative bool) (number, error) {
	seps := g.kinds[:g.n-1]
	whole, fraction := g.runs[:g.n], ""
	n := number{loneComma: len(seps) == 1 && seps[0] == ','}
	if g.decimal(seps) {
		whole, fraction, seps = g.runs[:g.n-1], g.runs[g.n-1], seps[:len(seps)-1]
	}
	if !oneKind(seps) || len(whole) > 1 && !threes(whole) {
		return number{}, ErrNoNumber
	}
	digits := strings.TrimLeft(strings.Join(whole, ""), "0")
	if len(digits) > MaxDigits || len(fraction) > MaxDigits || whole[0] == "" && fraction == "" {
		return number{}, ErrNoNumber
	}
	n.plain, n.fraction = plain(negative, digits, fraction), len(fraction)
	return n, nil
}

// decimal tells whether the last separator is the decimal one: a dot or a comma that stands only once.
func (g *grouped) decimal(seps []rune) bool {
	if len(seps) == 0 {
		return false
	}
	last := seps[len(seps)-1]
	if last != '.' && last != ',' {
		return false
	}
	return !slices.Contains(seps[:len(seps)-1], last)
}

// oneKind tells whether the separators that group are all alike: "1 299'000" mixes two habits, so it is a slip or no number.
func oneKind(seps []rune) bool {
	for _, s := range seps {
		if s != seps[0] {
			return false
		}
	}
	return true
}

// threes tells whether the runs are groups of thousands.
func threes(runs []string) bool {
	if len(runs[0]) < 1 || len(runs[0]) > 3 {
		return false
	}
	for _, r := range runs[1:] {
		if len(r) != 3 {
			return false
		}
	}
	return true
}

// plain writes the number; zero has no sign.
func plain(negative bool, digits, fraction string) string {
	if digits == "" {
		digits = "0"
	}
	if fraction != "" {
		digits += "." + fraction
	}
	if negative && strings.Trim(digits, "0.") != "" {
		return "-" + digits
	}
	return digits
}

// before reads what stands before the digits: a sign, and a currency.
func before(text string) (negative, ok bool) {
	signs := 0
	text = strings.TrimFunc(text, isBlank)
	for range 2 { // before the currency ("-$5") or after it ("$-5")
		if r, size := utf8.DecodeRuneInString(text); isSign(r) {
			text, signs, negative = strings.TrimLeftFunc(text[size:], isBlank), signs+1, r != '+'
		}
		if r, size := utf8.DecodeLastRuneInString(text); isSign(r) {
			text, signs, negative = strings.TrimRightFunc(text[:len(text)-size], isBlank), signs+1, r != '+'
		}
	}
	return negative, signs <= 1 && affix(text, func(word string, _ bool) bool { return isCurrency(word) })
}

// after reads what stands after the digits: a currency or a unit.
func after(text string) bool {
	return affix(text, func(word string, touches bool) bool {
		if touches {
			return isCurrency(word) || isPiece(word)
		}
		return !changes(word)
	})
}

// affix goes over the words and currency symbols of one side; word judges each word, in lower case and without its dot, and learns
// whether it stands directly at the start of the side.
func affix(text string, word func(w string, touches bool) bool) bool {
	words, symbols := 0, 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case isBlank(r):
			i += size
		case unicode.Is(unicode.Sc, r):
			i, symbols = i+size, symbols+1
		case unicode.IsLetter(r):
			end := i + wordLen(text[i:])
			if !word(strings.ToLower(text[i:end]), i == 0) {
				return false
			}
			words, i = words+1, end
			if i < len(text) && text[i] == '.' {
				i++
			}
		default:
			return false
		}
	}
	return words <= maxAffixWords && symbols <= 1
}

// wordLen is the length of the letters that text begins with.
func wordLen(text string) int {
	for i, r := range text {
		if !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) {
			return i
		}
	}
	return len(text)
}

// endsInLetter tells whether a dot after the text would be an abbreviation's.
func endsInLetter(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return unicode.IsLetter(r)
}

// isCurrency knows the words that people put at a price, in lower case: ISO 4217's codes of the countries around, and the everyday ones.
func isCurrency(word string) bool {
	switch word {
	case "uah", "usd", "eur", "pln", "rub", "rur", "gbp", "chf", "czk", "huf", "ron", "bgn", "mdl", "kzt", "gel", "byn", "try", "ils",
		"sek", "nok", "dkk", "cad", "aud", "jpy", "cny", "amd", "azn", "uzs", "kgs", "us",
		"грн", "гр", "гривень", "гривня", "гривні", "гривна", "гривны", "гривен", "hrn", "hryvnia", "hryvnias",
		"дол", "долл", "долар", "долари", "доларів", "доллар", "доллара", "долларов", "сша", "dollar", "dollars", "dol",
		"євро", "евро", "euro", "euros",
		"zł", "zl", "złoty", "złote", "złotych", "злотий", "злотих", "злотых",
		"руб", "р", "рубль", "рубля", "рублей", "рублів", "бел", "тг", "тенге", "лей", "лари", "лв",
		"kč", "kc", "ft", "kr", "lei", "fr", "pound", "pounds", "rs":
		return true
	}
	return false
}

// isPiece knows the words for "pieces" that people write without a blank.
func isPiece(word string) bool {
	switch word {
	case "шт", "штук", "штуки", "штука", "уп", "pcs", "pc", "szt", "kg", "кг":
		return true
	}
	return false
}

// changes knows the words after which a number does not say what its digits say: thousands, hundredths, dozens, halves, bounds, products.
func changes(word string) bool {
	switch word {
	case "k", "к", "kk", "кк", "m", "м", "mm", "b", "bn", "mil", "mld", "mlrd", "mln", "млн", "млрд", "тис", "тыс", "tys", "thou", "сто",
		"c", "ct", "p", "gr", "коп", "x", "х", "e", "е", "з", "из", "of", "z", "до", "to", "do", "від", "от", "from", "od", "чи", "або", "или",
		"or", "lub", "і", "и", "та", "and", "i", "не", "ні", "нет", "not", "no", "nie", "min", "max", "мін", "макс", "мин":
		return true
	}
	for _, stem := range [...]string{
		"тисяч", "тысяч", "tysi", "thousand", "мільйон", "миллион", "milion", "million", "мільярд", "миллиард",
		"miliard", "billion", "сот", "hundred", "десят", "dziesi", "дюжин", "dozen", "tuzin", "копійк", "копійок", "копеек", "копейк", "cent", "цент", "grosz", "пенс",
		"pence", "полов", "polow", "połow", "процент", "відсот", "percent", "proc",
	} {
		if strings.HasPrefix(word, stem) {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isSign knows plus and the minuses: the keyboard's, the typographer's, and the en dash that word processors put in its place.
func isSign(r rune) bool { return r == '+' || r == '-' || r == '−' || r == '–' }

// isDash knows what is drawn for "no cents" after a price.
func isDash(r rune) bool { return r == '-' || r == '–' || r == '—' || r == '−' }

// isBlank holds for white space of every width and for the characters that show nothing: zero-width ones, soft hyphens, and the
// direction marks that come along when a number is copied out of an address book.
func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// trim takes the blanks off both ends.
func trim(text string) string { return strings.TrimFunc(text, isBlank) }
