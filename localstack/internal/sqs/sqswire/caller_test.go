package sqswire_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/errandhq/errand/localstack/internal/sqs/sqswire"
)

// protocols are the names of the two, as tests are called by them.
var protocols = []string{"json", "query"}

// A caller calls the service at base in one of the protocols, by hand.
type caller struct {
	testing.TB
	base     string
	protocol string
}

// An answer is what came back: members of an output by name, or an error.
type answer struct {
	status  int
	body    string
	code    string // as SDKs show it: the query protocol's
	shape   string // of an error in the JSON protocol
	message string
}

// call sends in, whose type is the action's name and Input.
func (c caller) call(in any) answer {
	c.Helper()
	action := strings.TrimSuffix(reflect.TypeOf(in).Name(), "Input")
	if c.protocol == "json" {
		return c.callJSON(action, in)
	}
	return c.callQuery(action, in)
}

// ok is call for what must succeed.
func (c caller) ok(in any) answer {
	c.Helper()
	a := c.call(in)
	if a.status != http.StatusOK {
		c.Fatalf("%+v: %d %s", in, a.status, a.body)
	}
	return a
}

func (c caller) callJSON(action string, in any) (a answer) {
	c.Helper()
	doc, err := json.Marshal(in)
	must(c, err)
	r, err := http.NewRequest(http.MethodPost, c.base, bytes.NewReader(doc))
	must(c, err)
	r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	header := c.send(r, &a)
	if a.status == http.StatusOK {
		return a
	}
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	must(c, json.Unmarshal([]byte(a.body), &e))
	_, a.shape, _ = strings.Cut(e.Type, "#")
	a.code, _, _ = strings.Cut(header.Get("X-Amzn-Query-Error"), ";")
	a.message = e.Message
	return a
}

func (c caller) callQuery(action string, in any) (a answer) {
	c.Helper()
	form := sqswire.EncodeForm(in)
	form.Set("Action", action)
	r, err := http.NewRequest(http.MethodPost, c.base, strings.NewReader(form.Encode()))
	must(c, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	c.send(r, &a)
	if a.status == http.StatusOK {
		return a
	}
	var e struct {
		Error struct{ Code, Message string }
	}
	must(c, xml.Unmarshal([]byte(a.body), &e))
	a.code, a.message = e.Error.Code, e.Error.Message
	return a
}

func (c caller) send(r *http.Request, a *answer) http.Header {
	c.Helper()
	resp, err := http.DefaultClient.Do(r)
	must(c, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(c, err)
	a.status, a.body = resp.StatusCode, string(body)
	return resp.Header
}

// member is the first member of that name, in either protocol.
func (a answer) member(name string) string {
	if v := field(a.body, name); v != "" {
		return v
	}
	_, rest, _ := strings.Cut(a.body, `"`+name+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func (c caller) queue(name string) string { return c.base + "/000000000000/" + name }
