package bench

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/errandhq/errand/test/errandbin"
)

// A program is errand in a process of its own.
type program struct {
	cmd    *exec.Cmd
	client *sqs.Client
}

// startProgram starts errand stack and returns once it has answered SQS, and
// how long that took from before the process was there.
func startProgram(b *testing.B, binary string, args ...string) (*program, time.Duration) {
	b.Helper()
	p := &program{cmd: exec.Command(binary, append([]string{"stack", "--addr", "127.0.0.1:0", "--no-auth"}, args...)...)}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.stop)
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	p.client = sqs.NewFromConfig(clientConfig(strings.TrimSpace(url), loopbackTransport(b)))
	if _, err := p.client.ListQueues(ctx, &sqs.ListQueuesInput{}); err != nil {
		b.Fatal(err)
	}
	return p, time.Since(begin)
}

func (p *program) stop() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
	}
}

// resident is the memory of the process that is in RAM, in MiB: all of it, and
// without the pages of files (the program itself).
func (p *program) resident(b *testing.B) (all, anonymous float64) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "VmRSS:":
			all = kib / 1024
		case "RssAnon:":
			anonymous = kib / 1024
		}
	}
	return all, anonymous
}

// launch is how long the program takes to do nothing.
func launch(b *testing.B, binary string) time.Duration {
	b.Helper()
	begin := time.Now()
	if err := exec.Command(binary, "version").Run(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

// BenchmarkSQSStart measures from the start of the process to the first answer
// that a client has, and the memory that the stack then idles with. The first
// start is of another data directory each time.
func BenchmarkSQSStart(b *testing.B) {
	binary, err := errandbin.Build(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	n := 31
	if testing.Short() {
		n = 3
	}
	names := []string{"errand version", "in memory", "new directory", "same directory again"}
	took := map[string][]float64{}
	var rss, anonymous []float64
	same := filepath.Join(b.TempDir(), "same")
	note1 := func(name string, d time.Duration) {
		took[name] = append(took[name], float64(d)/float64(time.Millisecond))
	}
	for i := range n {
		note1("errand version", launch(b, binary))
		p, d := startProgram(b, binary)
		note1("in memory", d)
		p.stop()
		p, d = startProgram(b, binary, "--data", filepath.Join(b.TempDir(), fmt.Sprint(i)))
		note1("new directory", d)
		all, anon := p.resident(b)
		rss, anonymous = append(rss, all), append(anonymous, anon)
		p.stop()
		p, d = startProgram(b, binary, "--data", same)
		note1("same directory again", d)
		p.stop()
	}
	b.ReportMetric(0, "ns/op")
	for _, name := range names {
		r := row{subject: name, value: fmt.Sprintf("%.1f ms (fastest %.1f)", median(took[name]), least(took[name]))}
		if name != "errand version" {
			r.floor, r.ratio, r.target = "errand version", median(took[name])/median(took["errand version"]), "< 15 ms"
		}
		note(b, r, metric(name)+"-ms", median(took[name]))
	}
	note(b, row{subject: "idle memory", value: fmt.Sprintf("%.1f MiB, %.1f without the program's own pages", median(rss), median(anonymous)), target: "< 25 MiB"},
		"idle-MiB", median(rss))
	idleAfterLoad(b, binary)
}

// idleAfterLoad is the memory that is left after 20,000 messages have gone
// through.
func idleAfterLoad(b *testing.B, binary string) {
	p, _ := startProgram(b, binary, "--data", filepath.Join(b.TempDir(), "load"))
	l := newClient(b, p.client, "q.fifo")
	n := 2000
	if testing.Short() {
		n = 20
	}
	for range n {
		if err := l.sendBatch(0); err != nil {
			b.Fatal(err)
		}
	}
	all, anonymous := p.resident(b)
	note(b, row{subject: fmt.Sprintf("memory with %d messages queued", 10*n), value: fmt.Sprintf("%.1f MiB, %.1f without the program's own pages", all, anonymous)},
		"loaded-MiB", all)
	p.stop()
}
