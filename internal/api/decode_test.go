package api_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

func TestDecode(t *testing.T) {
	for name, tc := range map[string]struct{ body, code, field string }{
		"empty":                    {"", "malformed", ""},
		"space":                    {" \n", "malformed", ""},
		"not JSON":                 {"{", "malformed", ""},
		"more behind":              {`{"commands":["a"]} {}`, "malformed", ""},
		"an array":                 {"[]", "malformed", ""},
		"null":                     {"null", "malformed", ""},
		"not UTF-8":                {"{\"commands\":[\"\xff\"]}", "malformed", ""},
		"half a surrogate pair":    {`{"commands":["\ud83d"]}`, "malformed", ""},
		"the other half":           {`{"commands":["\\\udca9"]}`, "malformed", ""},
		"halves apart":             {`{"commands":["\ud83d \udca9"]}`, "malformed", ""},
		"half at the end":          {`{"commands":["\ud83d\n"]}`, "malformed", ""},
		"unknown":                  {`{"commands":["a"],"comands":[]}`, "invalid_field", "comands"},
		"another case":             {`{"Commands":["a"]}`, "invalid_field", "Commands"},
		"unknown inside":           {`{"commands":["a"],"source":{"sha":"x"}}`, "invalid_field", "source.sha"},
		"twice":                    {`{"commands":["a"],"name":"a","name":"b"}`, "invalid_field", "name"},
		"twice in a map":           {`{"commands":["a"],"env":{"A":"1","A":"2"}}`, "invalid_field", "env.A"},
		"missing":                  {`{}`, "invalid_field", "commands"},
		"missing inside":           {`{"commands":["a"],"source":{}}`, "invalid_field", "source.sha256"},
		"a number for a string":    {`{"commands":["a"],"name":1}`, "invalid_field", "name"},
		"a string for a number":    {`{"commands":["a"],"timeout":"1"}`, "invalid_field", "timeout"},
		"a fraction":               {`{"commands":["a"],"timeout":1.5}`, "invalid_field", "timeout"},
		"an exponent":              {`{"commands":["a"],"timeout":1e2}`, "invalid_field", "timeout"},
		"beyond 64 bits":           {`{"commands":["a"],"timeout":99999999999999999999}`, "invalid_field", "timeout"},
		"a string for a bool":      {`{"commands":["a"],"continueOnError":"yes"}`, "invalid_field", "continueOnError"},
		"null for a string":        {`{"commands":["a"],"name":null}`, "invalid_field", "name"},
		"null for a command":       {`{"commands":[null]}`, "invalid_field", "commands[0]"},
		"a string for an array":    {`{"commands":"a"}`, "invalid_field", "commands"},
		"an array for an object":   {`{"commands":["a"],"source":[]}`, "invalid_field", "source"},
		"an array for a map":       {`{"commands":["a"],"env":["A=1"]}`, "invalid_field", "env"},
		"a number in a map":        {`{"commands":["a"],"env":{"A":1}}`, "invalid_field", "env.A"},
		"a number for a command":   {`{"commands":["a",2]}`, "invalid_field", "commands[1]"},
		"a command without argv":   {`{"commands":["a",{}]}`, "invalid_field", "commands[1].argv"},
		"a command with more":      {`{"commands":[{"argv":["a"],"shell":"b"}]}`, "invalid_field", "commands[0].shell"},
		"a number in argv":         {`{"commands":[{"argv":["a",1]}]}`, "invalid_field", "commands[0].argv[1]"},
		"a string for argv":        {`{"commands":[{"argv":"a"}]}`, "invalid_field", "commands[0].argv"},
		"fine":                     {`{"commands":["a",{"argv":["b"]}],"source":null,"env":{"A":"\ud83d\udca9 \\ud83d"}}`, "", ""},
		"fine, with space and BMP": {" {\"commands\" : [ \"\\u00e9\\u20ac\" ] }\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var v api.CreateJob
			err := api.DecodeStrict([]byte(tc.body), &v)
			checkProblem(t, err, tc.code, tc.field)
		})
	}
}

func checkProblem(t *testing.T, err error, code, field string) {
	t.Helper()
	var e *errand.Error
	switch {
	case err == nil && code == "":
	case !errors.As(err, &e) || string(e.Code) != code || e.Field != field:
		t.Errorf("%v, want %s of %q", err, code, field)
	}
}

func TestDecodeResult(t *testing.T) {
	for name, tc := range map[string]struct{ result, field string }{
		"no exit code":       {`{"commands":[],"log":{"bytes":0,"sha256":"","tailOffset":0},"durationMs":1}`, "result.exitCode"},
		"no log":             {`{"exitCode":0,"commands":[],"durationMs":1}`, "result.log"},
		"tail not base64":    {`{"exitCode":0,"commands":[],"log":{"bytes":0,"sha256":"","tail":"%","tailOffset":0},"durationMs":1}`, "result.log.tail"},
		"head of a number":   {`{"exitCode":0,"commands":[{"exitCode":0,"durationMs":1,"stdout":{"bytes":1,"sha256":"","head":1}}]}`, "result.commands[0].stdout.head"},
		"head not base64":    {`{"exitCode":0,"commands":[{"exitCode":0,"durationMs":1,"stdout":{"bytes":1,"sha256":"","head":{"base64":"%"}}}]}`, "result.commands[0].stdout.head.base64"},
		"null for the head":  {`{"exitCode":0,"commands":[{"exitCode":0,"durationMs":1,"stdout":{"bytes":1,"sha256":"","head":null}}]}`, "result.commands[0].stdout.head"},
		"no stderr":          {`{"exitCode":0,"commands":[{"exitCode":0,"durationMs":1,"stdout":{"bytes":1,"sha256":"","head":"a"}}]}`, "result.commands[0].stderr"},
		"exit code too long": {`{"exitCode":99999999999999999999}`, "result.exitCode"},
	} {
		t.Run(name, func(t *testing.T) {
			var v api.SubmitResult
			err := api.DecodeStrict([]byte(`{"result":`+tc.result+`}`), &v)
			checkProblem(t, err, "invalid_field", tc.field)
		})
	}
}

// FuzzDecode: an accepted body keeps its meaning when it is encoded and decoded
// again. A refused body is malformed or has an invalid field.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"commands":["a"]}`, `{"commands":[{"argv":["a"]}],"env":{"A":"\ud83d\udca9"}}`, `{"commands":["\\ud83d"]}`, `{"commands":["a"],"source":{"sha256":"x"}}`, "[", `{"a":1}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var v, again api.CreateJob
		if err := api.DecodeStrict([]byte(body), &v); err != nil {
			if c := errand.CodeOf(err); c != errand.CodeMalformed && c != errand.CodeInvalidField {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := api.DecodeStrict(b, &again); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		b2, err := json.Marshal(again)
		if diff := cmp.Diff(string(b), string(b2)); diff != "" || err != nil || strings.ContainsRune(string(b), '\uFFFD') && !strings.ContainsRune(body, '\uFFFD') && !strings.Contains(strings.ToLower(body), `\ufffd`) {
			t.Fatalf("%q → %s: %v", body, b, diff)
		}
	})
}
