package browser

import (
	"fmt"
	"os"
	"testing"
)

// TestMain is also the AWS CLI of scripts/deploy-page.
func TestMain(m *testing.M) {
	if root := os.Getenv("ERRAND_TEST_AWS"); root != "" {
		if err := awsCLI(root, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func require(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
