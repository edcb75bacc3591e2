package expr

import (
	"fmt"
	"sync"
	"testing"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// TestSameText: concurrent requests with the same expression each get the result for
// their own names and values.
func TestSameText(t *testing.T) {
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			attr, n := fmt.Sprint("a", i), value.N(fmt.Sprint(i))
			s, err := NewScope(map[string]string{"#a": attr}, value.Item{":v": n})
			if err != nil {
				t.Error(err)
				return
			}
			c, err := s.Condition("ConditionExpression", "#a = :v AND NOT #a.b[1] < :v")
			if err != nil || !c.Matches(value.Item{attr: n}) || c.Matches(value.Item{attr: value.N("99")}) {
				t.Errorf("condition %d: %v", i, err)
			}
			u, err := s.Update("SET #a = if_not_exists(x, :v)")
			if err != nil {
				t.Error(err)
				return
			}
			if it, err := u.Apply(value.Item{}); err != nil || !value.Equal(it[attr], n) {
				t.Errorf("update %d: %v, %v", i, it, err)
			}
			if paths, err := s.Projection("#a, x"); err != nil || paths[0][0].Name != attr {
				t.Errorf("projection %d: %v, %v", i, paths, err)
			}
			if err := s.Unused(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestCacheIsBounded: the cache doesn't grow without limit, and doesn't keep invalid
// expressions.
func TestCacheIsBounded(t *testing.T) {
	var c cache[int]
	for i := range 3 * maxCached {
		if _, err := c.get(fmt.Sprint(i), func(string) (int, error) { return i, nil }); err != nil {
			t.Fatal(err)
		}
		if len(c.by) > maxCached {
			t.Fatalf("%d are kept", len(c.by))
		}
	}
	for range 2 {
		if _, err := c.get("bad", func(string) (int, error) { return 0, fault("no") }); err == nil {
			t.Error("a fault is kept as if it were none")
		}
	}
}
