package api

import (
	"context"
	"net/http"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// The routes of StorageHandler. They are no functions: on AWS, the bucket's lifecycle
// rules remove what is old.
const (
	StoragePath = "/storage"       // GET: what is stored
	PrunePath   = "/storage/prune" // POST: an errand.Prune; answers an errand.Storage
)

// StorageHandler serves an admin what is stored, and removes what nothing needs.
func StorageHandler(svc *control.Service, prune func(context.Context, errand.Prune) (errand.Storage, error)) http.Handler {
	mux := http.NewServeMux()
	serve := func(w http.ResponseWriter, r *http.Request, p errand.Prune) {
		out, err := prune(r.Context(), p)
		if err != nil {
			refuse(w, err)
			return
		}
		b, err := marshal(out)
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		writeJSON(w, "application/json", http.StatusOK, b)
	}
	mux.HandleFunc("GET "+StoragePath, func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, errand.Prune{DryRun: true})
	})
	mux.HandleFunc("POST "+PrunePath, func(w http.ResponseWriter, r *http.Request) {
		var p errand.Prune
		b, err := readBody(w, r, maxPruneBytes)
		if err == nil {
			err = decodeStrict(b, &p)
		}
		if err != nil {
			refuse(w, err)
			return
		}
		serve(w, r, p)
	})
	return RequireAdmin(svc, mux)
}

const maxPruneBytes = 4096

// Storage says what is stored; the client's token is an admin's. Servers on AWS answer
// 404.
func (c *Client) Storage(ctx context.Context) (out errand.Storage, err error) {
	_, err = c.do(ctx, http.MethodGet, StoragePath, nil, nil, &out)
	return out, err
}

// Prune removes what nothing needs, and what is older than p says; the client's token is
// an admin's. Servers on AWS answer 404.
func (c *Client) Prune(ctx context.Context, p errand.Prune) (out errand.Storage, err error) {
	_, err = c.do(ctx, http.MethodPost, PrunePath, nil, p, &out)
	return out, err
}
