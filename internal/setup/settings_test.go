package setup

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func env(overrides map[string]string) func(string) string {
	base := map[string]string{
		"ERRAND_JOBS_TABLE": "jobs", "ERRAND_WORKERS_TABLE": "workers", "ERRAND_TOKENS_TABLE": "tokens",
		"ERRAND_BUCKET": "bucket", "ERRAND_QUEUES": "default=https://sqs/default.fifo,gpu=https://sqs/gpu.fifo",
	}
	return func(name string) string {
		if v, ok := overrides[name]; ok {
			return v
		}
		return base[name]
	}
}

func TestParseSettings(t *testing.T) {
	s, err := ParseSettings(env(map[string]string{
		"ERRAND_LEASE": "90", "ERRAND_HEARTBEAT": "250ms", "ERRAND_POLL_WAIT": "0", "ERRAND_OBJECT_URL": "https://s3.example:8443/", "ERRAND_HOSTS": " a.example, b.example ,",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.QueueNames, " "); got != "default gpu" || s.Queues["gpu"] != "https://sqs/gpu.fifo" {
		t.Errorf("queues %q, %v", got, s.Queues)
	}
	if s.Timing.PollWait != 0 || s.Timing.Lease != 90*time.Second || s.Timing.Heartbeat != 250*time.Millisecond || s.Timing.ShortLease != 30*time.Second {
		t.Errorf("timing %+v", s.Timing)
	}
	if s.ObjectURL != "https://s3.example:8443" {
		t.Errorf("object URL %q", s.ObjectURL)
	}
	if got := strings.Join(s.Hosts, "|"); got != "a.example|b.example" {
		t.Errorf("hosts %q", got)
	}
}

func TestParseSettingsNamesEveryFault(t *testing.T) {
	_, err := ParseSettings(env(map[string]string{
		"ERRAND_BUCKET": "", "ERRAND_JOBS_TABLE": "", "ERRAND_QUEUES": "default", "ERRAND_LEASE": "soon", "ERRAND_HEARTBEAT": "0s", "ERRAND_POLL_INTERVAL": "-1", "ERRAND_OBJECT_URL": "s3.example",
	}))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"ERRAND_BUCKET", "ERRAND_JOBS_TABLE", `ERRAND_QUEUES: "default"`, `ERRAND_LEASE: "soon"`, "ERRAND_HEARTBEAT", "ERRAND_POLL_INTERVAL", "ERRAND_OBJECT_URL"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
}

// TestStackName: a name that a table may have and a bucket may not is refused before
// anything is created.
func TestStackName(t *testing.T) {
	for name, valid := range map[string]bool{"errand": true, "Team-2": true, strings.Repeat("a", 32): true, "": false, "2nd": false, "a_b": false, "a.b": false, "a b": false, strings.Repeat("a", 33): false} {
		_, err := NewProvisioned(aws.Config{Region: "us-east-1"}, name, func(string) string { return "" })
		if (err == nil) != valid {
			t.Errorf("%q: %v", name, err)
		}
	}
}
