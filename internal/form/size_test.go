package form

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The announced size makes room and nothing else: whatever it says, the form is the same.
func TestAnnouncedSize(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 700, firstBlock - 3, firstBlock, largeBlock, 3 * largeBlock} {
		body := "a=" + strings.Repeat("x", n)
		want := []Pair{{Name: "a", Value: strings.Repeat("x", n)}}
		for _, size := range []int64{math.MinInt64, -1, 0, 1, int64(len(body)) - 1, int64(len(body)), int64(len(body)) + 1, largeBlock, math.MaxInt64} {
			t.Run(fmt.Sprintf("%d as %d", len(body), size), func(t *testing.T) {
				t.Parallel()
				f, err := Decode("application/x-www-form-urlencoded", strings.NewReader(body), Options{Size: size})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, f.Pairs); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
