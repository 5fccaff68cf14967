package profile

import (
	"slices"
	"strconv"
	"strings"

	"formrelay/internal/mapping"
)

// The names by which [Profile.Place] and [Profile.Leaves] know what stands beside the map.
const (
	PlaceCreates  = "creates"
	PlaceMap      = "map"
	PlaceSourceID = "source_id"
	PlaceMark     = "mark"
)

// places are where the keys stand that a profile is held against an account by. One that is left out has none.
func (d *document) places() map[string]mapping.Pos {
	return map[string]mapping.Pos{
		PlaceCreates: d.Creates.pos, PlaceMap: d.Map.key, PlaceSourceID: d.SourceID.pos, PlaceMark: d.Mark.pos,
	}
}

// Place is where the value of creates, source_id or mark stands in the file, or the key map; nowhere when it is left out.
func (p *Profile) Place(key string) mapping.Pos { return p.places[key] }

// Leaves are the values that a profile sends, with what is known of them before anything is posted: source_id, the custom field that
// `mark` names, and those of the mapping. They are what a profile can be held against an account by.
func (p *Profile) Leaves() []mapping.Leaf {
	beside := func(path, text string) mapping.Leaf {
		pos := p.places[path]
		return mapping.Leaf{Path: path, Pos: pos, Values: []mapping.Value{{Text: text, Pos: pos}}}
	}
	var all []mapping.Leaf
	if p.SourceID != 0 {
		all = append(all, beside(PlaceSourceID, strconv.FormatInt(p.SourceID, 10)))
	}
	if strings.HasPrefix(p.mark, "LD_") {
		all = append(all, beside(PlaceMark, p.mark))
	}
	return slices.Concat(all, p.Mapping.Leaves())
}

// Finding is one thing that somebody else found out about a profile. Warning says that it keeps nothing from working.
type Finding struct {
	Pos     mapping.Pos
	What    string // a clause without a full stop
	Do      string // a clause that follows "; "
	Warning bool
}

// Findings makes faults of what was found: with the file's name and source lines, made fit to print, in the file's order, no more than
// a hundred of them.
func (p *Profile) Findings(found []Finding) Faults {
	c := p.collector()
	for _, f := range found {
		c.add(f.Pos, f.What, f.Do)
		c.faults[len(c.faults)-1].Warning = f.Warning
	}
	told := c.sorted()
	if len(told) > maxFaults {
		told[maxFaults].Warning = !slices.ContainsFunc(found, func(f Finding) bool { return !f.Warning })
	}
	return told
}
