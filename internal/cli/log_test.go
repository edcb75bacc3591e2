package cli

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestNewLog(t *testing.T) {
	var b bytes.Buffer
	a := &app{stderr: &b, ui: &ui{}}
	log, err := a.newLog("json", false)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("hello")
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil || line["msg"] != "hello" {
		t.Errorf("%q, %v", b.String(), err)
	}
	if _, err := a.newLog("xml", false); err == nil {
		t.Error("no error for an unknown format")
	}
}
