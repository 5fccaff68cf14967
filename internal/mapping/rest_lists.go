package mapping

import (
	"strings"

	"formrelay/internal/form"
)

// maxListBrackets bounds how many brackets of a name are looked at, as many as a name nests by default: a list that lies deeper is a
// line for each of its texts.
const maxListBrackets = 32

// restLines are the lines of `rest` while they are made. The texts of one list are one line: the boxes that were ticked belong together.
type restLines struct {
	lines []restLine
	lists map[string]int  // of each list the number of its line
	mixed map[string]bool // the names that hold more than a list of texts
}

// restLine is a label, and what was posted under it.
type restLine struct {
	label string
	texts []string
}

// newRestLines looks at the names of a post: a name is no list where anything but its items was posted below it, or it was posted itself.
func newRestLines(pairs []form.Pair) *restLines {
	l := &restLines{lists: map[string]int{}, mixed: map[string]bool{}}
	nested := false
	for _, p := range pairs {
		for i, left := 1, maxListBrackets; i < len(p.Name) && left > 0; i++ {
			if p.Name[i] == '[' {
				nested, left = true, left-1
				l.mixed[p.Name[:i]] = l.mixed[p.Name[:i]] || !isItem(p.Name[i:])
			}
		}
	}
	if nested {
		for _, p := range pairs {
			l.mixed[p.Name] = true
		}
	}
	return l
}

// isItem tells the brackets of a list's item, [] or [12], with nothing behind them.
func isItem(brackets string) bool {
	inside, closed := strings.CutSuffix(brackets[1:], "]")
	return closed && strings.Trim(inside, "0123456789") == ""
}

// isList tells of a name whose items were posted that it holds nothing else.
func (l *restLines) isList(name string) bool {
	mixed, looked := l.mixed[name]
	return looked && !mixed
}

// add writes one pair. label is "" for a field that has none, which goes by its name, a list's without brackets. A text of several lines
// has a line to itself.
func (l *restLines) add(name, label, text string) {
	list := name
	if i := strings.LastIndexByte(name, '['); i > 0 && isItem(name[i:]) && l.isList(name[:i]) && !strings.ContainsAny(text, "\r\n") {
		list = name[:i]
		if n, begun := l.lists[list]; begun {
			l.lines[n].texts = append(l.lines[n].texts, text)
			return
		}
		l.lists[list] = len(l.lines)
	}
	if label == "" {
		label = list
	}
	l.lines = append(l.lines, restLine{label, []string{text}})
}

// all are the lines as they stand in a comment.
func (l *restLines) all() []string {
	lines := make([]string, len(l.lines))
	for i, line := range l.lines {
		lines[i] = line.label + ": " + strings.Join(line.texts, listSeparator)
	}
	return lines
}
