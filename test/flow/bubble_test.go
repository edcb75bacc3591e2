package flow

import (
	"net/http"
	"net/http/httptest"

	"github.com/errandhq/errand/internal/api"
)

// inProcess reaches a handler without a socket, so that in a synctest bubble
// time goes on while a request waits.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr, in.Host = r.URL.RequestURI(), "127.0.0.1:1", r.URL.Host
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.ServeHTTP(w, in)
	}()
	select {
	case <-done:
		return w.Result(), nil
	case <-r.Context().Done():
		<-done // a server's handler is told, too
		return nil, r.Context().Err()
	}
}

// as is the API as the bearer of a token sees it.
func (d *deployed) as(token string) *api.Client {
	return &api.Client{BaseURL: d.url, Token: token, HTTP: d.http}
}
