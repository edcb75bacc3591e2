// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html

package s3wire

import (
	"encoding/base64"
	"mime"
	"strings"
)

// User-defined metadata is text. Headers are ASCII, so S3 accepts and returns other
// text as RFC 2047 words.

// readMetadata decodes the value of a metadata header.
func readMetadata(value string) string {
	if strings.Contains(value, "=?") {
		var d mime.WordDecoder
		if text, err := d.DecodeHeader(value); err == nil {
			value = text
		}
	}
	return strings.ToValidUTF8(value, "\ufffd")
}

// writeMetadata encodes text as a header value: ASCII as it is, other text as a
// quoted-printable word or, if most of it isn't ASCII, as a base64 word.
func writeMetadata(text string) string {
	plain, other := 0, 0
	for _, r := range text {
		if r >= 0x7f || r < ' ' && r != '\t' {
			other++
		} else {
			plain++
		}
	}
	switch {
	case other == 0:
		return text
	case plain <= other:
		return "=?UTF-8?B?" + base64.StdEncoding.EncodeToString([]byte(text)) + "?="
	}
	// One word, however long: mime would fold it, and a header can't be.
	word := strings.ReplaceAll(mime.QEncoding.Encode("UTF-8", text), "?= =?UTF-8?q?", "")
	return "=?UTF-8?Q?" + strings.TrimPrefix(word, "=?UTF-8?q?")
}
