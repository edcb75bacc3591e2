package bench

import (
	"flag"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	results.print(os.Stdout)
	os.Exit(code)
}
