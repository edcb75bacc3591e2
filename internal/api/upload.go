package api

import (
	"net/http"

	"github.com/errandhq/errand"
)

func createUploads(c *request) (response, error) {
	var in errand.UploadBatch
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	out, err := c.CreateUploads(c.ctx(), c.caller, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: out}, nil
}

func createUpload(c *request) (response, error) {
	var in errand.UploadRequest
	if err := c.decode(&in); err != nil {
		return response{}, err
	}
	out, err := c.CreateUpload(c.ctx(), c.caller, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: out}, nil
}
