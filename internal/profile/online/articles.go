package online

import (
	"context"
	"slices"
	"strings"
	"time"

	"formrelay/internal/keycrm"
)

// The bounds of asking for articles. A call asks for as many as a page shows, within an address that every server takes.
const (
	maxArticles = 1000 // of one account
	perCall     = 50
	maxAddress  = 1000 // bytes of all skus of a call, each of which may be three in the address
	maxMissing  = 20   // told of one profile
)

const pathSKU = "products[].sku"

// articles asks the catalogue for every sku that the profiles name: those that are written out, and the keys of the tables in which a
// line is looked up by its sku. One that is missing is a warning: KeyCRM takes the line as a thing of its own.
func (a *account) articles(ctx context.Context, checks []*check) error {
	named := map[*check][]value{}
	var skus []string
	seen := map[string]bool{}
	for _, c := range checks {
		named[c] = c.skus()
		for _, v := range named[c] {
			if sku := strings.TrimSpace(v.Text); !seen[sku] {
				seen[sku] = true
				skus = append(skus, sku)
			}
		}
	}
	asked := a.askable(skus)
	catalogue, known, err := a.offers(ctx, asked)
	if err != nil || !known {
		return err
	}
	looked := map[string]bool{}
	for _, sku := range asked {
		looked[sku] = true
	}
	for _, c := range checks {
		c.missing(named[c], looked, catalogue)
	}
	return nil
}

// skus are the articles that a profile names, each once.
func (c *check) skus() []value {
	var all []value
	seen := map[string]bool{}
	for _, l := range c.at(pathSKU) {
		for _, v := range slices.Concat(l.Values, l.Keys) {
			if sku := strings.TrimSpace(v.Text); sku != "" && !seen[sku] {
				seen[sku] = true
				all = append(all, v)
			}
		}
		if l.Open && len(l.Keys) == 0 {
			c.report.Computed++
		}
	}
	return all
}

// askable leaves out what the catalogue cannot be asked for, and says so.
func (a *account) askable(skus []string) []string {
	var asked []string
	commas := 0
	for _, sku := range skus {
		switch {
		case strings.Contains(sku, ",") || len(sku) > maxAddress:
			commas++
		case len(asked) < maxArticles:
			asked = append(asked, sku)
		}
	}
	if commas > 0 {
		a.note("%d of the skus hold a comma or are too long, and KeyCRM's catalogue cannot be asked for them.", commas)
	}
	if left := len(skus) - commas - len(asked); left > 0 {
		a.note("%d skus were looked up, which is the most; %d were not.", len(asked), left)
	}
	a.report.Held += len(asked)
	return asked
}

// offers asks the catalogue and gives what it knows, by sku in small letters. It is not known where KeyCRM refuses to tell.
func (a *account) offers(ctx context.Context, skus []string) (catalogue map[string][]string, known bool, err error) {
	catalogue = map[string][]string{}
	for len(skus) > 0 {
		n, size := 0, 0
		for n < len(skus) && n < perCall && (n == 0 || size+len(skus[n]) <= maxAddress) {
			size += len(skus[n])
			n++
		}
		part := skus[:n]
		skus = skus[n:]
		offers, whole, answer, err := all(ctx, &a.asker, func(ctx context.Context, page int, notAfter time.Time) keycrm.List[keycrm.Offer] {
			return a.client.Offers(ctx, part, page, notAfter)
		})
		if err != nil {
			return nil, false, err
		}
		if answer.Outcome != keycrm.Done || !whole {
			a.note("KeyCRM's catalogue could not be asked for the skus (%d), so they were not looked at.", answer.Status)
			return nil, false, nil
		}
		for _, o := range offers {
			key := strings.ToLower(o.SKU)
			catalogue[key] = append(catalogue[key], o.SKU)
		}
	}
	return catalogue, true, nil
}

// missing tells the articles of a profile that the catalogue does not have, spelt as they are.
func (c *check) missing(named []value, looked map[string]bool, catalogue map[string][]string) {
	told := 0
	for _, v := range named {
		sku := strings.TrimSpace(v.Text)
		if !looked[sku] {
			continue
		}
		spelt := catalogue[strings.ToLower(sku)]
		if slices.Contains(spelt, sku) {
			continue
		}
		if told++; told > maxMissing {
			continue
		}
		do := "add the article in KeyCRM or mend the sku: a line without one takes nothing off the stock"
		if len(spelt) > 0 {
			do = "the catalogue writes it " + quoted(spelt[0])
		}
		c.warn(v.Pos, "the catalogue of "+c.whose+" has no article "+quoted(sku), do)
	}
	if more := told - maxMissing; more > 0 {
		c.account.note("%s: the catalogue of %s has none of %d more articles.", c.p.File, c.whose, more)
	}
}
