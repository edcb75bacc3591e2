package web

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// Compressed bytes that a browser loads before a log is opened, and with the terminal.
const (
	maxFirst    = 60_000
	maxWithLogs = 250_000
)

// lazy matches what is loaded later, and not for a log: the ZIP worker, and the library for
// errand.yaml.
var lazy = regexp.MustCompile(`^dist/assets/(zip\.worker|browser)-`)

func TestSizeOfThePage(t *testing.T) {
	index, err := fs.ReadFile(dist, "dist/index.html")
	if err != nil {
		t.Fatal(err)
	}
	first, all := compressed(t, index), compressed(t, index)
	err = fs.WalkDir(dist, "dist/assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		n := compressed(t, body)
		if strings.Contains(string(index), strings.TrimPrefix(name, "dist")) {
			first += n
		}
		if !lazy.MatchString(name) {
			all += n
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes before a log is opened, %d with the terminal", first, all)
	if first > maxFirst || first < 10_000 {
		t.Errorf("before a log is opened the page has %d compressed bytes; the limit is %d", first, maxFirst)
	}
	if all > maxWithLogs || all < first+10_000 {
		t.Errorf("with the terminal the page has %d compressed bytes; the limit is %d", all, maxWithLogs)
	}
}

func compressed(t *testing.T, b []byte) int {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}
