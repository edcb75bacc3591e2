package api

import (
	"net/http"

	"github.com/errandhq/errand"
)

func createUpload(c *call) (answer, error) {
	var in errand.UploadRequest
	if err := c.decode(&in); err != nil {
		return answer{}, err
	}
	out, err := c.CreateUpload(c.ctx(), c.caller, in)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, body: out}, nil
}
