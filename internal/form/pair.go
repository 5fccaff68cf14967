package form

import (
	"encoding/json"
	"errors"
)

var errPair = errors.New(`a pair is written as an array of two texts, ["name","value"]`)

// MarshalJSON writes the pair as ["name","value"], so that a list of pairs keeps order and repeated
// names.
func (p Pair) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]string{p.Name, p.Value})
}

// UnmarshalJSON reads what MarshalJSON writes and nothing else: a missing half would be a lost
// value.
func (p *Pair) UnmarshalJSON(b []byte) error {
	var both []*string
	if err := json.Unmarshal(b, &both); err != nil {
		return errPair
	}
	if len(both) != 2 || both[0] == nil || both[1] == nil {
		return errPair
	}
	p.Name, p.Value = *both[0], *both[1]
	return nil
}
