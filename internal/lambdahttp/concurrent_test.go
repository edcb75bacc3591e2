package lambdahttp_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/errandhq/errand/internal/lambdahttp"
)

// An answer stays what it was when the function is invoked again: in one
// process other requests are served before it is sent.
func TestAnswersShareNoMemory(t *testing.T) {
	h := lambdahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(r.URL.Query().Get("say"), 100)) // to memory
	}))
	var answers [][]byte
	for i := range 20 {
		in, err := json.Marshal(event("GET", "/", "say="+string(rune('a'+i))))
		if err != nil {
			t.Fatal(err)
		}
		out, err := h.Invoke(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, out)
	}
	for i, a := range answers {
		if want := strings.Repeat(string(rune('a'+i)), 100); !strings.Contains(string(a), want) {
			t.Errorf("answer %d became %.80s", i, a)
		}
	}
}
