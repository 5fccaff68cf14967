package form

import "bytes"

// urlencoded is the application/x-www-form-urlencoded parser of the WHATWG URL standard (section
// 5.1): it splits at & and only there, skips empty sequences, splits each at its first =, reads +
// as a space and lets a % stand that two hexadecimal digits do not follow. There is nothing it
// refuses but what is beyond the bounds.
//
// All names and values are cut out of one text, so that a form costs the same few allocations
// whatever its number of fields.
func (d *decoder) urlencoded(body []byte) error {
	// The text is made before any string is cut from it, since growing would move it.
	var room [2 * 64]int
	ends := room[:0] // of each name and each value in text
	text := make([]byte, 0, len(body))
	for rest := body; len(rest) > 0; {
		var sequence []byte
		sequence, rest, _ = bytes.Cut(rest, []byte{'&'})
		if len(sequence) == 0 {
			continue
		}
		if len(ends)/2-ownPairs >= d.Limits.Pairs { // how many of them count is told by their names
			return tooManyPairs(d.Limits)
		}
		name, value, _ := bytes.Cut(sequence, []byte{'='})
		text = percentDecoded(text, name)
		ends = append(ends, len(text))
		text = percentDecoded(text, value)
		ends = append(ends, len(text))
	}
	return d.addAll(string(text), ends)
}

// addAll takes the pairs whose names and values stand in text one after the other.
func (d *decoder) addAll(text string, ends []int) error {
	d.fields.Pairs = make([]Pair, 0, len(ends)/2)
	start := 0
	for i := 0; i < len(ends); i += 2 {
		if err := d.add(text[start:ends[i]], text[ends[i]:ends[i+1]]); err != nil {
			return err
		}
		start = ends[i+1]
	}
	return nil
}

// percentDecoded appends the decoded s to text.
func percentDecoded(text, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
		}
		text = append(text, c)
	}
	return text
}

// isHex tells a hexadecimal digit of either case.
func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// unhex is the value of a digit that isHex took.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
