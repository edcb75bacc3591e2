// Package httpstatus notes the status of HTTP responses, for middleware.
package httpstatus

import "net/http"

// A Recorder is a ResponseWriter that notes the status of the response.
type Recorder struct {
	http.ResponseWriter
	Status int
}

// Record returns a Recorder of w. Its status is 200 until another one is written.
func Record(w http.ResponseWriter) *Recorder {
	return &Recorder{ResponseWriter: w, Status: http.StatusOK}
}

// WriteHeader implements http.ResponseWriter.
func (r *Recorder) WriteHeader(status int) {
	r.Status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (r *Recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
