package importtest

import (
	"bytes"
	"os"
	"testing"
)

// TestBatchFile: cmd.exe wants lines that end with CR LF, which editors and
// scripts on other systems lose.
func TestBatchFile(t *testing.T) {
	text, err := os.ReadFile("../../scripts/quickstart.bat")
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(text, []byte("\n")); lines == 0 || bytes.Count(text, []byte("\r\n")) != lines {
		t.Errorf("of %d lines of quickstart.bat %d end with CR LF", lines, bytes.Count(text, []byte("\r\n")))
	}
}
