package errand

// UploadRequest names an archive that is to be sent.
type UploadRequest struct {
	Filename string `json:"filename"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
}

// Validate checks r. Errors: CodeInvalidField, CodePayloadTooLarge.
func (r *UploadRequest) Validate() error {
	switch {
	case !hashRE.MatchString(r.SHA256):
		return InvalidField("sha256", "sha256 must be 64 lower-case hexadecimal digits")
	case r.Size < 1:
		return InvalidField("size", "size must be the archive's length in bytes, at least 1")
	case r.Size > MaxUploadBytes:
		return &Error{Code: CodePayloadTooLarge, Field: "size", Message: "an archive is limited to 5 GiB; exclude build outputs with .errandignore"}
	}
	return validateText("filename", r.Filename, MaxFilenameRunes)
}

// Upload says how to send it, or that it is there.
type Upload struct {
	SHA256 string         `json:"sha256"`
	Exists bool           `json:"exists"`
	Put    *SignedRequest `json:"put,omitempty"` // unless Exists
}
