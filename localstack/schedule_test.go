package localstack

import (
	"encoding/json"
	"testing"

	"github.com/errandhq/errand/internal/template"
)

// TestScheduleEvents: the scheduler's own event, and an input in its place.
func TestScheduleEvents(t *testing.T) {
	p := startProduct(t)
	v2 := &schedule{stack: p.Stack, Schedule: template.Schedule{Name: "n", V2: true}}
	var e map[string]any
	if err := json.Unmarshal(v2.event(), &e); err != nil {
		t.Fatal(err)
	}
	if e["source"] != "aws.scheduler" || e["detail"] != "{}" || e["resources"].([]any)[0] != "arn:aws:scheduler:us-east-1:000000000000:schedule/default/n" {
		t.Errorf("event %v", e)
	}
	input := &schedule{stack: p.Stack, Schedule: template.Schedule{Input: `{"a":1}`}}
	if got := string(input.event()); got != `{"a":1}` {
		t.Errorf("event %s", got)
	}
}
