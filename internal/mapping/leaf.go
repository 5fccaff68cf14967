package mapping

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"formrelay/internal/keycrm"
	"formrelay/internal/mapping/expression"
	"formrelay/internal/mapping/value"
)

// leaf compiles one value of the entity. A literal is normalised and judged at once.
func (c *compiler) leaf(e Entry, typ *keycrm.Type, path string, in expression.Scope) *leaf {
	in.Money = typ.Word == keycrm.WordAmount
	l := &leaf{typ: typ, pos: e.Value.Pos}
	switch e.Value.Kind {
	case Scalar:
		l.template = c.template(e.Value, in)
		if l.template == nil {
			return nil
		}
		if l.template.exprs > 0 {
			return l
		}
		text, ok := c.literal(e.Value, l.template.literal(), typ, path)
		if !ok || text == "" {
			return nil
		}
		l.constant = text
		return l
	case List:
		if typ.Word == keycrm.WordTexts {
			return c.texts(l, e.Value, path, in)
		}
	case Null, Map:
	}
	c.fault(e.Value.Pos, fmt.Sprintf("%s is %s in KeyCRM, and here %s", path, wordName(typ.Word), e.Value.Kind), "write one value, or one ${…}")
	return nil
}

// texts compiles a list that is written out: value: [Red, "${other}"].
func (c *compiler) texts(l *leaf, n *Node, path string, in expression.Scope) *leaf {
	for _, item := range n.Items {
		if item.Kind != Scalar {
			c.fault(item.Pos, fmt.Sprintf("an item of %s is a text in KeyCRM, and here %s", path, item.Kind), "write one value, or one ${…}")
			continue
		}
		if t := c.template(item, in); t != nil {
			l.list = append(l.list, t)
		}
	}
	if len(l.list) == 0 {
		return nil // `[]` says as much as no key at all
	}
	return l
}

// literal normalises a value that is written out, by the same rules as a value that is posted.
func (c *compiler) literal(n *Node, text string, typ *keycrm.Type, path string) (string, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", true
	}
	if typ.Enum != nil && !slices.Contains(typ.Enum, text) {
		c.fault(n.Pos, fmt.Sprintf("KeyCRM has no %s %q", path, text), oneOf(typ.Enum))
		return "", false
	}
	if typ.Word == keycrm.WordInteger && len(text) > 1 && text[0] == '0' {
		c.fault(n.Pos, fmt.Sprintf("%s is %s in KeyCRM, and %q begins with a zero", path, wordName(typ.Word), text), "write the id as KeyCRM shows it")
		return "", false
	}
	k := normaliser{region: c.spec.Region, location: c.spec.Location}
	out, err := k.text(typ.Word, text)
	if err == nil && typ.Word == keycrm.WordEmail && !value.Email(out) {
		err = errNoEmail
	}
	if whose := listed(typ.Name); err != nil && whose != "" && strings.ContainsFunc(text, unicode.IsLetter) {
		c.fault(n.Pos, fmt.Sprintf("%s is a number in KeyCRM, and %q is none", path, text), "write "+whose+" id; check --online lists them")
		return "", false
	}
	if err != nil {
		c.fault(n.Pos, fmt.Sprintf("%s is %s in KeyCRM, and %q is not: %s", path, wordName(typ.Word), text, err), "write "+wordExample(typ.Word))
		return "", false
	}
	return out, true
}

// listed says whose id a field takes, of those that an account can be asked to list; "" for any other field.
func listed(field string) string {
	switch field {
	case "delivery_service_id":
		return "the service's"
	case "payment_method_id":
		return "the payment method's"
	case "manager_id":
		return "the manager's"
	case "pipeline_id":
		return "the pipeline's"
	default:
		return ""
	}
}

// notPaid is the status of a payment that every new order has.
const notPaid = "not_paid"

// oneOf is what to do about a word that is none of those KeyCRM takes. All are named, and never the nearest alone: to "unpaid" that is
// paid, and whoever follows has every order paid for.
func oneOf(words []string) string {
	i := slices.Index(words, notPaid)
	if i < 0 {
		return "write one of " + strings.Join(words, ", ")
	}
	words = slices.Concat(words[i:i+1], words[:i], words[i+1:])
	return "write one of " + strings.Join(words, ", ") + " (" + notPaid + ": nobody has paid yet)"
}

// wordName says in a sentence what KeyCRM reads a field as.
func wordName(w keycrm.Word) string {
	switch w {
	case keycrm.WordObject:
		return "an object"
	case keycrm.WordList:
		return "a list"
	case keycrm.WordTexts:
		return "a text or a list of texts"
	case keycrm.WordInteger:
		return "an id"
	case keycrm.WordNumber:
		return "a number"
	case keycrm.WordAmount:
		return "an amount of money"
	case keycrm.WordBoolean:
		return "true or false"
	case keycrm.WordTime:
		return "a date with a time"
	case keycrm.WordDay:
		return "a date"
	case keycrm.WordPhone:
		return "a phone number"
	case keycrm.WordEmail:
		return "an email address"
	default:
		return "a text"
	}
}

// wordExample shows what to write instead of a literal that does not fit.
func wordExample(w keycrm.Word) string {
	switch w {
	case keycrm.WordInteger:
		return "a whole number from 1 up"
	case keycrm.WordNumber, keycrm.WordAmount:
		return "a number such as 1299.50"
	case keycrm.WordBoolean:
		return "true or false"
	case keycrm.WordTime:
		return `a date such as "2026-11-21 18:30", in the form's time zone`
	case keycrm.WordDay:
		return "a date such as 2026-11-21"
	default:
		return "one that is, or ${…} with a field of the form"
	}
}
