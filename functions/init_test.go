// Package functions_test measures how long the functions take to start.
package functions_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkInit measures the init phase of each compiled function below
// ERRAND_FUNCTIONS: from its start to its first request for work at the Runtime
// API, with the environment that template.yaml gives it. "direct", which uses no
// AWS SDK, is the floor. make bench-init builds them and runs it.
func BenchmarkInit(b *testing.B) {
	dir := os.Getenv("ERRAND_FUNCTIONS")
	if dir == "" {
		b.Skip("ERRAND_FUNCTIONS names no directory of compiled functions: run make bench-init")
	}
	programs, err := filepath.Glob(filepath.Join(dir, "*", "bootstrap"))
	if err != nil || len(programs) == 0 {
		b.Fatalf("no functions in %s: %v", dir, err)
	}
	for _, program := range programs {
		b.Run(filepath.Base(filepath.Dir(program)), func(b *testing.B) { benchmarkInit(b, program) })
	}
}

func benchmarkInit(b *testing.B, program string) {
	info, err := os.Stat(program)
	if err != nil {
		b.Fatal(err)
	}
	asked := make(chan struct{}, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})}
	go func() { _ = server.Serve(l) }() // ends with Close
	defer func() { _ = server.Close() }()
	for b.Loop() {
		cmd := exec.Command(program)
		cmd.Env = []string{
			"AWS_LAMBDA_RUNTIME_API=" + l.Addr().String(), "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b",
			"ERRAND_JOBS_TABLE=jobs", "ERRAND_WORKERS_TABLE=workers", "ERRAND_TOKENS_TABLE=tokens", "ERRAND_BUCKET=bucket",
			"ERRAND_QUEUES=default=https://sqs.example/default.fifo", "ERRAND_BELL=https://sqs.example/bell", "ERRAND_BELL_URL=https://bell.example",
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-asked:
			b.StopTimer()
			_ = cmd.Process.Kill()
			<-ended
			b.StartTimer()
		case err := <-ended:
			b.Fatalf("%s ended: %v", program, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/init")
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}
