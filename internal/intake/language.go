package intake

import (
	"cmp"
	"strings"
	"sync"

	"golang.org/x/text/language"

	"formrelay/web"
)

// Bounds of what is remembered of Accept-Language headers. Browsers send few different ones; whoever invents new ones has them read
// anew each time.
const (
	maxLanguageHeader  = 200
	maxLanguageHeaders = 500
)

// languages chooses among the languages that there are sentences in.
type languages struct {
	codes []string // the first is the default

	mu   sync.RWMutex
	seen map[string]string // what an Accept-Language came to: reading one costs more than decoding a small form
}

// newLanguages prepares the choice.
func newLanguages() *languages {
	return &languages{codes: web.Languages(), seen: make(map[string]string)}
}

// choose is the language of an answer: what the form or the address asks for, else what the browser does, else the profile's, else
// the first there is.
func (l *languages) choose(asked, header, profile string) string {
	return cmp.Or(l.byCode(asked), l.byHeader(header), l.byCode(profile), l.codes[0])
}

// byCode reads one language's code as people write it (uk, uk-UA, UK, and ua, which is the country's); "" when it is none of ours.
func (l *languages) byCode(code string) string {
	if len(code) > 2 && (code[2] == '-' || code[2] == '_') {
		code = code[:2]
	}
	if len(code) != 2 {
		return ""
	}
	code = strings.ToLower(code)
	if code == "ua" {
		return "uk"
	}
	for _, known := range l.codes {
		if known == code {
			return known
		}
	}
	return ""
}

// byHeader reads an Accept-Language; "" when it asks for none of ours.
func (l *languages) byHeader(header string) string {
	if header == "" {
		return ""
	}
	// Cut at a comma: half a language's name could be another one's. The first ones are the wanted ones.
	if len(header) > maxLanguageHeader {
		header = header[:max(0, strings.LastIndexByte(header[:maxLanguageHeader], ','))]
	}
	l.mu.RLock()
	code, ok := l.seen[header]
	l.mu.RUnlock()
	if !ok {
		code = l.match(header)
		l.remember(header, code)
	}
	return code
}

// match does the reading: the first of the wanted languages that is one of ours, and no other that its speakers are said to understand.
// A header that is no list of languages asks for nothing.
func (l *languages) match(header string) string {
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return ""
	}
	for _, tag := range tags {
		base, _ := tag.Base()
		if code := l.byCode(base.String()); code != "" {
			return code
		}
	}
	return ""
}

// remember keeps a header's meaning while there is room. The header is copied, so that it does not keep a whole request's head alive.
func (l *languages) remember(header, code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) < maxLanguageHeaders {
		l.seen[strings.Clone(header)] = code
	}
}
