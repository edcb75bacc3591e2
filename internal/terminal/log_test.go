package terminal

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"testing"
)

func TestNewLog(t *testing.T) {
	var b bytes.Buffer
	term := New(io.Discard, &b, os.Getenv)
	log, err := term.NewLog(LogFlags{Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("hello")
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil || line["msg"] != "hello" {
		t.Errorf("%q, %v", b.String(), err)
	}
	if _, err := term.NewLog(LogFlags{Format: "xml"}); err == nil {
		t.Error("no error for an unknown format")
	}
}
