package localstack

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHostileFunctions: schedules fire twice, functions start anew and are
// refused, and the API answers 503 before and after it has done its work.
func TestHostileFunctions(t *testing.T) {
	p := startProduct(t, func(c *Config) {
		c.Hostile = HostileProfile(8)
		c.Hostile.Lambda.Refused = 0.05
		c.Functions["echo"] = FunctionCode{New: func(map[string]string) (Handler, error) { return greeter{}, nil }}
	})
	api := httptest.NewServer(p.API(APIOptions{}))
	defer api.Close()
	codes := map[int]int{}
	for range 400 {
		resp, err := http.Post(api.URL+"/api/echo/1", "text/plain", strings.NewReader("x"))
		if err != nil {
			codes[0]++
			continue
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		codes[resp.StatusCode]++
	}
	for _, code := range []int{0, 429, 503} {
		if codes[code] == 0 {
			t.Errorf("no request was answered %d: %v", code, codes)
		}
	}
	if codes[0]+codes[429]+codes[503] > 100 {
		t.Errorf("the API is down rather than hostile: %v", codes)
	}
	swept, ticks := 0, 40
	for range ticks {
		err := p.Tick(t.Context(), "Sweep")
		for len(p.swept) > 0 {
			<-p.swept
			swept++
		}
		if err != nil && !isCode(err, "TooManyRequestsException") {
			t.Fatal(err)
		}
	}
	if swept <= ticks {
		t.Errorf("%d ticks were %d events", ticks, swept)
	}
	happened := p.Hostility()
	for _, k := range append(of("api"), "lambda.cold", "lambda.refused", "schedule.twice") {
		if happened[k] == 0 {
			t.Errorf("%s has not happened once: %v", k, happened)
		}
	}
}

// greeter shares no memory between invocations, as aws-lambda-go's handlers do.
type greeter struct{}

func (greeter) Invoke(context.Context, []byte) ([]byte, error) { return []byte(`"hello"`), nil }
