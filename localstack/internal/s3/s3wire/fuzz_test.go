package s3wire

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// mustBeCallers checks that an error is one that tells the caller what is wrong.
func mustBeCallers(t *testing.T, err error) {
	t.Helper()
	var e *awswire.Error
	if err != nil && (!errors.As(err, &e) || e.Status < 400 || e.Status >= 500 && e.Status != http.StatusNotImplemented) {
		t.Errorf("refused with %v", err)
	}
}

// FuzzChunked checks that no body makes the reader give more than came in, loop,
// or fail otherwise than by the caller's fault; and that how it comes in doesn't
// matter.
func FuzzChunked(f *testing.F) {
	f.Add([]byte("5;chunk-signature=ab\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"))
	f.Add([]byte("5\r\nhello\r\n0\r\n"))
	f.Add([]byte("ffffffffffffffff\r\n"))
	f.Add([]byte("-1\r\n\r\n0\r\n:\r\n\r\n"))
	f.Add(append([]byte("0\r\n"), bytes.Repeat([]byte("a:b\n"), 3000)...))
	f.Fuzz(func(t *testing.T, body []byte) {
		whole, err := io.ReadAll(newChunkedReader(bytes.NewReader(body), nil))
		slow, slowErr := io.ReadAll(newChunkedReader(oneByOne{bytes.NewReader(body)}, nil))
		if len(whole) > len(body) || !bytes.Equal(whole, slow) || (err == nil) != (slowErr == nil) {
			t.Errorf("%d bytes gave %d (%v), one by one %d (%v)", len(body), len(whole), err, len(slow), slowErr)
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) { // which the engine words
			mustBeCallers(t, err)
		}
	})
}

type oneByOne struct{ r io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

// FuzzPolicy checks that any policy is read or refused as the caller's fault,
// and that one with a condition that a form can't meet allows nothing.
func FuzzPolicy(f *testing.F) {
	f.Add(`{"expiration":"2030-01-01T00:00:00Z","conditions":[{"bucket":"b"},["starts-with","$key","logs/"],["content-length-range",1,"10"],["eq","$acl","private"]]}`, "key", "logs/1")
	f.Add(`{"expiration":"2030-01-01T00:00:00.000Z","conditions":[["content-length-range",-1,1e99]]}`, "", "")
	f.Add(`{"expiration":"2030-01-01T00:00:00Z","conditions":[null,{},[],["eq"],{"a":1}]}`, "a", "1")
	f.Add(`{"conditions":{}}`, "x-ignore-a", "b")
	f.Fuzz(func(t *testing.T, doc, name, value string) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		p, err := parsePolicy(base64.StdEncoding.EncodeToString([]byte(doc)))
		mustBeCallers(t, err)
		if err != nil {
			return
		}
		fields := map[string]string{strings.ToLower(name): value, "bucket": "b"}
		mustBeCallers(t, p.check(fields, now))
		p.conditions = append(p.conditions, condition{"eq", "key", "\x00no form", ""})
		if p.check(fields, now) == nil {
			t.Error("a condition that doesn't hold was passed over")
		}
		if p.check(fields, p.expires) == nil {
			t.Error("an expired policy allows something")
		}
	})
}

// FuzzForm checks the same of forms, up to their file.
func FuzzForm(f *testing.F) {
	part := func(name, value string) string {
		return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	f.Add(part("key", "a/${filename}") + "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nhello\r\n--B--\r\n")
	f.Add(part("key", "a") + part("KEY", "b") + "--B--\r\n")
	f.Add(part("x-amz-checksum-crc32", "NhCmhg==") + part("tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>") + part("file", ""))
	f.Add("--B\r\n\r\n--B--")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/bucket", strings.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=B")
		form, err := readForm(r)
		mustBeCallers(t, err)
		if err != nil {
			return
		}
		_, err = form.properties()
		mustBeCallers(t, err)
		_, err = form.expected()
		mustBeCallers(t, err)
		n, _ := io.Copy(io.Discard, &lengthReader{r: form.file, max: 10}) // its failure is a client's
		if n > 10+int64(len(body)) {
			t.Errorf("%d bytes of a file of 10 at most", n)
		}
	})
}

// FuzzXML checks that no document makes a decoder fail otherwise than by the
// caller's fault.
func FuzzXML(f *testing.F) {
	f.Add([]byte(`<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>`))
	f.Add([]byte(`<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter><And><Prefix>p</Prefix><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>`))
	f.Add([]byte(`<LifecycleConfiguration><Rule><Status>Disabled</Status><Prefix/><Expiration><Date>2026-01-01T00:00:00Z</Date></Expiration></Rule></LifecycleConfiguration>`))
	f.Add([]byte(`<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var tags tagging
		if xml.Unmarshal(doc, &tags) == nil {
			list, err := readTags(tags.TagSet.Tag)
			mustBeCallers(t, err)
			mustBeCallers(t, s3.CheckTags(list, s3.MaxObjectTags))
		}
		var rules lifecycleConfiguration
		if xml.Unmarshal(doc, &rules) != nil {
			return
		}
		for _, r := range rules.Rules {
			rule, err := r.read()
			mustBeCallers(t, err)
			if err != nil {
				continue
			}
			if _, err := xml.Marshal(xmlRule(rule)); err != nil {
				t.Errorf("rule %+v can't be said again: %v", rule, err)
			}
		}
	})
}

// FuzzRange checks that a range that is understood is one that its own text
// names, and copy sources and tags likewise fail by the caller's fault alone.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-9", "bytes=-5", "bytes=5-", "bytes=-", "bytes=1-0", "bytes=0-1,2-3", "bytes= 1-2", "bytes=99999999999999999999-", "a=b&c=%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if r := parseRange(header); r != nil {
			again := parseRange(r.String())
			if again == nil || *again != *r || r.First < 0 && r.Last < 0 || r.First >= 0 && r.Last >= 0 && r.First > r.Last {
				t.Errorf("%q is %+v", header, *r)
			}
		}
		_, err := headerTags(header)
		mustBeCallers(t, err)
		if text := readMetadata(header); readMetadata(writeMetadata(text)) != text && !strings.Contains(text, "=?") {
			t.Errorf("metadata %q comes back as %q", text, readMetadata(writeMetadata(text)))
		}
	})
}
