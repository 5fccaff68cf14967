package profile

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"formrelay/internal/form"
	"formrelay/internal/mapping/value"
)

// DefaultHoneypot is the trap's name where `guard.honeypot` names none.
const DefaultHoneypot = "_gotcha"

// floodTimes is how many times `guard.rate` an address may post before it is turned away, where `guard.flood` does not say.
const floodTimes = 20

// The bounds of the guard's keys. A window longer than a day would have to remember every address of that day; a time that is longer
// than an hour would hold people who know what they want.
const (
	maxRate    = 100_000
	minWindow  = time.Second
	maxWindow  = 24 * time.Hour
	minMinTime = 100 * time.Millisecond
	maxMinTime = time.Hour
	maxBlocked = 1000
	maxWord    = 200
)

// Guard is what a profile does against those who are no customers. What it finds holds a submission back; it never loses one.
type Guard struct {
	Honeypot string        // the field that no person sees; never empty
	Rate     int           // posts from one address in Window beyond which they are held; 0: not counted
	Flood    int           // posts from one address in Window beyond which they are turned away; with Rate only
	Window   time.Duration // with Rate
	MinTime  time.Duration // a form that was open for less is held; 0: not looked at
	Captcha  string        // the captcha that a sender must have solved, a name under `secrets` of --config; "": none
	Secret   string        // the key that a sender must carry, a name under `secrets` of --config; "": none
	Block    *Blocklist    // nil: nothing is blocked

	// IdempotencyKey is the field, by the name it is posted under, in which a sender numbers its posts: the same number when it posts
	// again; "": none.
	IdempotencyKey string
}

// guard reads what of `guard` is no bound.
func (r *reader) guard(g *guardBlock) Guard {
	guard := Guard{
		Honeypot: r.honeypot(&g.Honeypot),
		MinTime:  r.minTime(&g.MinTime),
		Captcha:  r.secret(&g.Captcha, r.options.Captchas, "captcha", "provider"),
		Secret:   r.secret(&g.Secret, r.options.Keys, "key", "field"),
		Block:    r.block(&g.Block),

		IdempotencyKey: posted(g.IdempotencyKey.text),
	}
	guard.Rate, guard.Window = r.rate(&g.Rate)
	guard.Flood = r.flood(&g.Flood, &g.Rate, guard)
	return guard
}

// honeypot reads `guard.honeypot`. A name that the relay reads itself would hold every post that uses it.
func (r *reader) honeypot(s *scalar) string {
	reserved := []string{
		"_next", "_redirect", "_idempotency_key", "_charset_", "_lang", "_test", "_replyto", "_token", "_page", "_referrer", "_landing",
	}
	switch {
	case !s.set:
		return DefaultHoneypot
	case slices.Contains(reserved, s.text):
		r.add(s.pos, s.path+" cannot be "+quote(s.text)+", which means something else to the relay", "name a field that the form does not use otherwise")
		return DefaultHoneypot
	}
	return s.text
}

// posted is the name under which a field arrives that may be written as an expression writes it: payload.id is posted as payload[id].
func posted(name string) string {
	root, rest, nested := strings.Cut(name, ".")
	if !nested || strings.ContainsRune(name, '[') {
		return name
	}
	return root + "[" + strings.ReplaceAll(rest, ".", "][") + "]"
}

// rate reads `guard.rate`: posts, a slash and a time.
func (r *reader) rate(s *scalar) (posts int, window time.Duration) {
	if !s.set {
		return 0, 0
	}
	do := fmt.Sprintf("write posts/time, such as 30/1m: 1 to %d posts in 1s to 24h", maxRate)
	left, right, _ := strings.Cut(s.text, "/")
	n, ok := digits(strings.TrimSpace(left))
	window, err := time.ParseDuration(strings.TrimSpace(right))
	if !ok || err != nil || n < 1 || n > maxRate || window < minWindow || window > maxWindow {
		r.add(s.pos, s.path+" cannot be "+quote(s.text), do)
		return 0, 0
	}
	return int(n), window
}

// flood reads `guard.flood`, which counts in the same time as the rate.
func (r *reader) flood(s, rate *scalar, g Guard) int {
	switch {
	case !s.set:
		return g.Rate * floodTimes
	case !rate.set:
		r.add(s.pos, s.path+" has no effect without guard.rate", "add guard.rate, such as 30/1m")
		return 0
	case g.Rate == 0: // told already
		return 0
	}
	posts, window := r.rate(s)
	switch {
	case posts == 0:
	case window != g.Window:
		_, right, _ := strings.Cut(rate.text, "/")
		r.add(s.pos, s.path+" counts in the same time as guard.rate", "write "+strconv.Itoa(posts)+"/"+strings.TrimSpace(right)+", or another number of posts")
	case posts < g.Rate:
		r.add(s.pos, s.path+" is less than guard.rate", "raise it: what is over the rate and under the flood is held, what is over the flood is turned away")
	}
	return posts
}

// minTime reads `guard.min_time`.
func (r *reader) minTime(s *scalar) time.Duration {
	if !s.set {
		return 0
	}
	d, err := time.ParseDuration(s.text)
	if err != nil || d < minMinTime || d > maxMinTime {
		r.add(s.pos, s.path+" cannot be "+quote(s.text), "write a time from 100ms to 1h, such as 3s")
		return 0
	}
	return d
}

// secret reads a name under `secrets` of the server's configuration. all are those of the kind that is needed; nil: a name is not
// checked. key is what such a secret has and others have not.
func (r *reader) secret(s *scalar, all []string, kind, key string) string {
	if !s.set || all == nil || slices.Contains(all, s.text) {
		return s.text
	}
	do := "name it under secrets in the file of --config, with its " + key
	if near := value.Nearest(s.text, all); near != "" {
		do = "did you mean " + near + "?"
	} else if len(all) > 0 {
		do = "write one of: " + strings.Join(all, ", ") + "; or " + do
	}
	r.add(s.pos, s.path+": the server knows no "+kind+" "+quote(s.text), do)
	return ""
}

// Blocklist is the words and addresses that hold a submission back. It is safe for concurrent use.
type Blocklist struct {
	phrases  map[string][]phrase // by their first word
	networks []netip.Prefix
	emails   map[string]bool
	domains  map[string]bool
}

// phrase is a blocked word, or several that follow one another.
type phrase struct {
	words   []string // normalised
	written string
}

// block reads `guard.block`.
func (r *reader) block(b *blockBlock) *Blocklist {
	if len(b.Words)+len(b.Addresses) == 0 {
		return nil
	}
	list := &Blocklist{phrases: map[string][]phrase{}, emails: map[string]bool{}, domains: map[string]bool{}}
	for _, s := range r.few(b.Words) {
		words := wordsOf(s.text)
		if len(words) == 0 || len(s.text) > maxWord {
			r.add(s.pos, s.path+" cannot hold "+quote(s.text), fmt.Sprintf("write words of letters and digits, %d bytes at most", maxWord))
			continue
		}
		list.phrases[words[0]] = append(list.phrases[words[0]], phrase{words, s.text})
	}
	for _, s := range r.few(b.Addresses) {
		r.blockedAddress(s, list)
	}
	return list
}

// few bounds a list.
func (r *reader) few(list scalars) scalars {
	if len(list) <= maxBlocked {
		return list
	}
	s := list[maxBlocked]
	r.add(s.pos, fmt.Sprintf("%s lists %d, and %d is the most", s.path, len(list), maxBlocked), "take some out")
	return list[:maxBlocked]
}

// blockedAddress reads one address into the list: an IP address, a network, an email address, or @ and a domain.
func (r *reader) blockedAddress(s scalar, list *Blocklist) {
	local, domain, email := strings.Cut(strings.ToLower(s.text), "@")
	ip, ipErr := netip.ParseAddr(s.text)
	network, networkErr := netip.ParsePrefix(s.text)
	switch {
	case ipErr == nil:
		ip = ip.Unmap().WithZone("")
		list.networks = append(list.networks, netip.PrefixFrom(ip, ip.BitLen()))
	case networkErr == nil:
		list.networks = append(list.networks, network.Masked())
	case email && local == "" && isDomain(domain):
		list.domains[domain] = true
	case email && isDomain(domain) && !strings.ContainsFunc(local, unicode.IsSpace):
		list.emails[local+"@"+domain] = true
	case !email && isDomain(s.text):
		r.add(s.pos, s.path+": "+quote(s.text)+" may be a domain", "write @"+s.text+" for every email address there and below it")
	default:
		r.add(s.pos, s.path+" cannot hold "+quote(s.text), "write an IP address, a network such as 203.0.113.0/24, an email address, or @example.com for a whole domain")
	}
}

// isDomain tells whether a text may be an email's domain. What ends with a number is an address that somebody mistyped.
func isDomain(text string) bool {
	last := text[strings.LastIndexByte(text, '.')+1:]
	return last != text && !strings.ContainsAny(text, "@/: \t") && strings.Trim(text, ".") == text && strings.Trim(last, "0123456789") != ""
}

// Address tells which entry of the list blocks a client's address; "" when none does.
func (b *Blocklist) Address(ip netip.Addr) string {
	if b == nil || !ip.IsValid() {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	for _, n := range b.networks {
		if n.Contains(ip) {
			return n.String()
		}
	}
	return ""
}

// Pair tells which entry of the list blocks what was posted in one field: a value that is an email address of the list, or one that
// holds a blocked word. "" when none does.
//
// Words are compared whole, without regard to capitals, to the shape of an apostrophe and to invisible characters put between letters.
// What the relay itself reads (names that begin with _) has no words in it.
func (b *Blocklist) Pair(p form.Pair) string {
	if b == nil || strings.HasPrefix(p.Name, "_") {
		return ""
	}
	if entry := b.email(p.Value); entry != "" || len(b.phrases) == 0 {
		return entry
	}
	words := wordsOf(p.Value)
	for i, word := range words {
		for _, ph := range b.phrases[word] {
			if len(words)-i >= len(ph.words) && slices.Equal(words[i:i+len(ph.words)], ph.words) {
				return ph.written
			}
		}
	}
	return ""
}

// email tells which entry blocks a value that is nothing but an email address. A domain stands for those below it.
func (b *Blocklist) email(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	_, domain, found := strings.Cut(text, "@")
	if !found {
		return ""
	}
	if b.emails[text] {
		return text
	}
	for found = true; found; _, domain, found = strings.Cut(domain, ".") {
		if b.domains[domain] {
			return "@" + domain
		}
	}
	return ""
}

// wordsOf is the words of a text, in the form in which they are compared.
func wordsOf(text string) []string {
	text = strings.Map(func(c rune) rune {
		switch {
		case unicode.Is(unicode.Cf, c): // zero-width blanks, soft hyphens
			return -1
		case c == '’' || c == 'ʼ' || c == '`' || c == '′':
			return '\''
		}
		return c
	}, strings.ToLower(norm.NFKC.String(text)))
	words := strings.FieldsFunc(text, func(c rune) bool { return c != '\'' && !unicode.In(c, unicode.L, unicode.N, unicode.M) })
	kept := words[:0]
	for _, word := range words {
		if word = strings.Trim(word, "'"); word != "" {
			kept = append(kept, word)
		}
	}
	return kept
}
