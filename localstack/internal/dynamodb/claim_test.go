package dynamodb

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// TestClaimJSON: a claim is kept as encoding/json would keep it, which it is
// read by.
func TestClaimJSON(t *testing.T) {
	for _, c := range []claim{
		{},
		{Request: []byte{0, 1, 255}, Until: time.Unix(1_800_000_000, 123_000_000).UTC(), Tables: map[string]float64{"jobs": 2}},
		{Request: []byte("hash"), Until: time.Unix(1_800_000_000, 0).In(time.FixedZone("", 3600)), Tables: map[string]float64{"a.b-c_d": 1, "arn:aws:dynamodb:us-east-1:000000000000:table/jobs": 25}},
		{Request: []byte("hash"), Tables: map[string]float64{"arn:aws:dynamodb:\"region\":000000000000:table/jobs": 1}},
	} {
		var got, want claim
		if err := json.Unmarshal(c.appendJSON(nil), &got); err != nil {
			t.Fatal(err)
		}
		theirs, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(theirs, &want); err != nil {
			t.Fatal(err)
		}
		if len(got.Tables) == 0 && len(want.Tables) == 0 { // {} and null
			got.Tables, want.Tables, got.Request, want.Request = nil, nil, nil, nil
		}
		if !got.Until.Equal(want.Until) {
			t.Errorf("until %v, want %v", got.Until, want.Until)
		}
		if got.Until = want.Until; !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
