package crash

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/errandhq/errand/localstack"
)

// dataDirVariable makes the test binary the stack that is killed.
const dataDirVariable = "ERRAND_CRASH_DATA"

func TestMain(m *testing.M) {
	if dir := os.Getenv(dataDirVariable); dir != "" {
		os.Exit(serve(dir))
	}
	os.Exit(m.Run())
}

// serve runs a stack until it is killed, or its parent is gone.
func serve(dir string) int {
	s, err := localstack.Start(context.Background(), localstack.Config{
		DataDir: dir, Addr: "127.0.0.1:0", NoSync: os.Getenv("ERRAND_CRASH_NOSYNC") != "",
		Credentials: localstack.Credentials{AccessKeyID: "test", SecretAccessKey: "test"},
		Logf:        func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.Endpoint())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}
