package s3wire_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What AWS was recorded to answer, where it is not what its documentation says, or
// where leniency would hide a mistake.
func TestRecordedAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "k", "x")
	const rule = "<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter>%s</Filter><Expiration><Days>7</Days></Expiration></Rule></LifecycleConfiguration>"
	const bucketTags = "<CreateBucketConfiguration><Tags><Tag>%s</Tag></Tags></CreateBucketConfiguration>"
	size := func(v string) http.Header { return http.Header{"X-Amz-Transition-Default-Minimum-Object-Size": {v}} }
	for _, tt := range []struct {
		method, path, body string
		header             http.Header
		status             int
		want               string
	}{
		{"PUT", "/bkt?lifecycle", fmt.Sprintf(rule, "<And><Prefix>a</Prefix></And><Prefix></Prefix>"), nil, 400, "MalformedXML"},
		{"PUT", "/bkt?lifecycle", fmt.Sprintf(rule, "<And><Prefix>a</Prefix></And><ObjectSizeLessThan>5</ObjectSizeLessThan>"), nil, 400, "MalformedXML"},
		{"PUT", "/bkt?lifecycle", fmt.Sprintf(rule, ""), size("value"), 400, "Invalid TransitionDefaultMinimumObjectSize found: value"},
		{"PUT", "/bkt-tags", fmt.Sprintf(bucketTags, "<Value>v</Value>"), nil, 400, "MalformedXML"},
		{"PUT", "/bkt-tags", fmt.Sprintf(bucketTags, "<Key>k</Key><Value>v</Value>"), nil, 200, ""},
		{"PUT", "/bkt-tags", fmt.Sprintf(bucketTags, "<Key>k</Key><Value>v</Value>"), nil, 409, "BucketAlreadyOwnedByYou"},
		{"PUT", "/bkt-tags", "", nil, 200, ""},
		{"GET", "/bkt/k?response-expires=%E2%80%94&response-cache-control=%E2%80%94", "", nil, 400, "<ArgumentName>response-cache-control</ArgumentName>"},
		{"PUT", "/no-bucket?encryption", "<ServerSideEncryptionConfiguration></ServerSideEncryptionConfiguration>", nil, 404, "NoSuchBucket"},
		{"GET", "/bkt/k?response-cache-control=%C3%A9", "", nil, 200, "x"},
		{"PUT", "/bkt-owner", "", http.Header{"X-Amz-Object-Ownership": {""}}, 400, "Invalid x-amz-object-ownership header: "},
	} {
		if rec := w.send(tt.method, tt.path, tt.body, tt.header); rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", tt.method, tt.path, tt.body, rec.Code, rec.Body, tt.status, tt.want)
		}
	}
	const header = "X-Amz-Transition-Default-Minimum-Object-Size"
	w.send("PUT", "/bkt?lifecycle", fmt.Sprintf(rule, ""), size("varies_by_storage_class"))
	if got := w.send("GET", "/bkt?lifecycle", "", nil).Header().Get(header); got != "varies_by_storage_class" {
		t.Errorf("kept %q", got)
	}
	w.send("PUT", "/bkt?lifecycle", fmt.Sprintf(rule, ""), nil)
	if got := w.send("GET", "/bkt?lifecycle", "", nil).Header().Get(header); got != "all_storage_classes_128K" {
		t.Errorf("by default %q", got)
	}
}

func TestRecordedPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	for conditions, want := range map[string]string{
		`["eq", "key", "k"]`:                       `AccessDenied: Invalid according to Policy: Policy Condition failed: ["eq", "key", "k"]`,
		`["content-length-range", "test", "10"]`:   `AccessDenied: Invalid according to Policy: Policy Condition failed: ["content-length-range", "test", "10"]`,
		`{"bucket": "bkt", "key": "k"}`:            `InvalidPolicyDocument: Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.`,
		`{"bucket": "bkt"}, ["eq", "$key", "b"]`:   `AccessDenied: Invalid according to Policy: Policy Condition failed: ["eq", "$key", "b"]`,
		`{"bucket": "bkt"}, ["above", "$key", ""]`: `InvalidPolicyDocument: Invalid Policy: Invalid Condition: ["above", "$key", ""]`,
	} {
		policy := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"expiration": %q, "conditions": [%s]}`, w.clock.Now().Add(time.Minute).UTC().Format(time.RFC3339), conditions))
		rec := w.sendForm(t, map[string]string{"key": "k", "policy": policy}, "x")
		code, message, _ := strings.Cut(want, ": ")
		body := strings.NewReplacer("&#34;", `"`, "&#39;", "'").Replace(rec.Body.String())
		if !strings.Contains(body, "<Code>"+code+"</Code>") || !strings.Contains(body, "<Message>"+message+"</Message>") {
			t.Errorf("%s: %d %s", conditions, rec.Code, body)
		}
	}
	w.absent(t, "k")
}

func TestRecordedForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	if rec := w.sendForm(t, map[string]string{"key": "k", "tagging": "<InvalidXmlTagging></InvalidXmlTagging>"}, "x"); rec.Code != 204 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := w.sendForm(t, map[string]string{"key": "k2", "tagging": "not-xml"}, "x"); rec.Code != 400 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	w.absent(t, "k2")
	const form = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nfile-${filename}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--\r\n"
	if rec := w.send("POST", "/bkt", form, http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}); rec.Code != 204 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	w.get(t, "file-${filename}")
}
