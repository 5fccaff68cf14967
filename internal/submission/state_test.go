package submission

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewID(t *testing.T) {
	t.Parallel()
	const n = 20_000
	seen := make(map[string]bool, n)
	counts := map[rune]int{}
	for range n {
		id := NewID()
		if seen[id] || !ValidID(id) {
			t.Fatalf("%q is a repeat or no valid id", id)
		}
		seen[id] = true
		for _, c := range id[idClock:] { // what the clock says is not random
			counts[c]++
		}
	}
	// Each of the 32 characters comes n*20/32 times, give or take; a biased generator is off by far more than a tenth.
	for c, k := range counts {
		if want := n * (idLength - idClock) / 32; k < want*9/10 || k > want*11/10 {
			t.Errorf("%q comes %d times, want about %d", c, k, want)
		}
	}
	if len(counts) != 32 {
		t.Errorf("%d characters are used, want 32", len(counts))
	}
}

// TestNewIDStandTogether: what is made together begins alike, and differs in everything else.
func TestNewIDStandTogether(t *testing.T) {
	t.Parallel()
	before, id, after := NewID(), NewID(), NewID()
	if begins := id[:idClock-2]; begins != before[:idClock-2] && begins != after[:idClock-2] { // a step of the clock may lie between two
		t.Errorf("%s stands apart from %s and %s", id, before, after)
	}
	if id[idClock:] == before[idClock:] {
		t.Errorf("%s and %s differ by their time alone", id, before)
	}
}

func TestValidID(t *testing.T) {
	t.Parallel()
	const good = "0123456789ABCDEFGHJKMNPQRS"
	for _, tc := range []struct {
		name, id string
		want     bool
	}{
		{"Good", good, true},
		{"Empty", "", false},
		{"Short", good[1:], false},
		{"Long", good + "0", false},
		{"LowerCase", strings.ToLower(good), false},
		{"LetterThatReadsAsAnother", "I" + good[1:], false},
		{"Path", "../../../../../../../../.." + "", false},
		{"Blank", " " + good[1:], false},
		{"OtherScript", "А" + good[2:], false}, // a Cyrillic A is two bytes
		{"Quote", "'" + good[1:], false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := ValidID(tc.id); got != tc.want {
				t.Errorf("ValidID(%q) = %v", tc.id, got)
			}
		})
	}
}

// The whole table of arrows: a new one must be written down here as well.
func TestCanBecome(t *testing.T) {
	t.Parallel()
	want := []string{
		"queued>sending", "queued>held",
		"sending>queued", "sending>delivered", "sending>uncertain", "sending>rejected", "sending>held",
		"uncertain>queued", "uncertain>delivered", "uncertain>uncertain", "uncertain>rejected", "uncertain>held",
	}
	sameArrows(t, want, State.CanBecome)
	if State("nonsense").CanBecome(Queued) {
		t.Error("a state that does not exist became queued")
	}
}

// What ops may decide. What is being sent, and what KeyCRM may have, they cannot have sent.
func TestCanBeMade(t *testing.T) {
	t.Parallel()
	sameArrows(t, []string{
		"queued>discarded", "uncertain>discarded", "uncertain>uncertain", "rejected>queued", "rejected>discarded", "held>queued", "held>discarded",
		"refused>queued", "refused>discarded", "discarded>queued", "discarded>uncertain",
	}, State.CanBeMade)
	if State("nonsense").CanBeMade(Queued) {
		t.Error("a state that does not exist was made queued")
	}
}

func sameArrows(t *testing.T, want []string, can func(State, State) bool) {
	t.Helper()
	var got []string
	for _, s := range States() {
		for _, next := range States() {
			if can(s, next) {
				got = append(got, string(s)+">"+string(next))
			}
		}
	}
	less := cmp.Transformer("set", func(in []string) map[string]bool {
		out := map[string]bool{}
		for _, s := range in {
			out[s] = true
		}
		return out
	})
	if diff := cmp.Diff(want, got, less); diff != "" {
		t.Errorf("arrows (-want +got):\n%s", diff)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	type view struct {
		Terminal bool
		Public   string
	}
	want := map[State]view{
		Queued:    {false, "received"},
		Sending:   {false, "received"},
		Uncertain: {false, "received"},
		Delivered: {true, "delivered"},
		Rejected:  {true, "received"},
		Held:      {true, "received"},
		Refused:   {true, "refused"},
		Discarded: {true, "received"},
	}
	got := map[State]view{}
	for _, s := range States() {
		got[s] = view{s.Terminal(), s.Public()}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if p := State("nonsense").Public(); p != "received" {
		t.Errorf("an unknown state is public as %q", p)
	}
}

// Whoever asks for a reason is told all there are: none of the constants may be missing from the list.
func TestReasonsAreAll(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	for _, file := range []string{"submission.go", "guard.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	var want []Reason
	for _, found := range regexp.MustCompile(`(?m)^\tReason\w+ +Reason = "(\w+)"`).FindAllStringSubmatch(source.String(), -1) {
		want = append(want, Reason(found[1]))
	}
	if diff := cmp.Diff(want, Reasons()); diff != "" {
		t.Errorf("(-constants +list):\n%s", diff)
	}
}
