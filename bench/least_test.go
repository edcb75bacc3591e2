package bench

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// leastSend does only what every durable, authenticated SendMessage must: it checks
// the signature, decodes the request with encoding/json, computes the MD5 and writes
// the request to a log whose syncs callers share, before it responds. It has no
// queues, limits or deduplication, and no way to receive the message.
type leastSend struct {
	log *sharedLog
	key []byte // of the day that the first request was signed on
}

func newLeast(b testing.TB) *leastSend { return &leastSend{log: newSharedLog(b)} }

type leastAnswer struct {
	MD5OfMessageBody, MessageId, SequenceNumber string
	QueueUrl                                    string `json:",omitempty"`
}

func (h *leastSend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.send(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, _ := json.Marshal(answer) // strings
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_, _ = w.Write(body)
}

func (h *leastSend) send(r *http.Request) (a leastAnswer, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return a, err
	}
	if !h.signed(r, body) {
		return a, errors.New("wrong signature")
	}
	var in struct{ QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId string }
	if err := json.Unmarshal(body, &in); err != nil {
		return a, err
	}
	if in.MessageBody == "" { // CreateQueue
		return leastAnswer{QueueUrl: "http://127.0.0.1/000000000000/q.fifo"}, nil
	}
	sum := md5.Sum([]byte(in.MessageBody))
	a.MD5OfMessageBody = hex.EncodeToString(sum[:])
	a.MessageId, a.SequenceNumber = "5fea7756-0ea4-451a-a703-a558b933e274", "11849496460822374400"
	return a, h.log.append(body)
}

// signed reports whether the request is signed with the secret key "test". The path
// and the one query parameter must not need escaping.
func (h *leastSend) signed(r *http.Request, body []byte) bool {
	_, fields, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	credential, fields, _ := strings.Cut(fields, ", SignedHeaders=")
	names, signature, _ := strings.Cut(fields, ", Signature=")
	_, scope, _ := strings.Cut(credential, "/")
	if h.key == nil {
		h.key = []byte("AWS4test")
		for part := range strings.SplitSeq(scope, "/") {
			h.key = mac(h.key, part)
		}
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + r.URL.Path + "\n" + r.URL.RawQuery + "\n")
	for name := range strings.SplitSeq(names, ";") {
		value := r.Header.Get(name)
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = r.Header.Get("Content-Length")
		}
		b.WriteString(name + ":" + value + "\n")
	}
	sum := sha256.Sum256(body)
	b.WriteString("\n" + names + "\n" + hex.EncodeToString(sum[:]))
	canonical := sha256.Sum256([]byte(b.String()))
	text := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + scope + "\n" + hex.EncodeToString(canonical[:])
	return hex.EncodeToString(mac(h.key, text)) == signature
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
