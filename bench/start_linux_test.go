package bench

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/errandhq/errand/test/errandbin"
)

// A program is an errand process.
type program struct {
	cmd    *exec.Cmd
	client *sqs.Client
}

// startProgram starts a stack. It returns after the first SQS response, with the
// time since before the process was started.
func startProgram(b *testing.B, command []string, args ...string) (*program, time.Duration) {
	b.Helper()
	args = append(append(command[1:len(command):len(command)], "--addr", "127.0.0.1:0", "--no-auth"), args...)
	p := &program{cmd: exec.Command(command[0], args...)}
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

// resident returns the process's memory in RAM in MiB, in total and without the
// pages of files (such as the program itself).
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

// launch returns how long the program takes to do nothing.
func launch(b *testing.B, binary string) time.Duration {
	b.Helper()
	begin := time.Now()
	if err := exec.Command(binary, "version").Run(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

// buildStack builds cmd/errand-stack.
func buildStack(b *testing.B) (path string) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "stack")
	if err := errandbin.BuildPackage(path, "./cmd/errand-stack"); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkSQSStart measures the time from the start of the process to the first
// response, and the memory of the idle stack after that, for errand stack and for
// cmd/errand-stack.
func BenchmarkSQSStart(b *testing.B) {
	binary, err := errandbin.Build(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	l := launches{times: map[string][]float64{}, resident: map[string][][2]float64{}}
	errand, alone := []string{binary, "stack"}, []string{buildStack(b)}
	n := 31
	if testing.Short() {
		n = 3
	}
	for range n {
		l.took("errand version", launch(b, binary))
		l.start(b, "errand stack", errand)
		l.start(b, "stack alone", alone)
	}
	b.ReportMetric(0, "ns/op")
	l.report(b)
	idleAfterLoad(b, errand)
}

// launches are the times and sizes of programs at their starts, by what was started.
type launches struct {
	names    []string // of times, in their order
	times    map[string][]float64
	resident map[string][][2]float64 // MiB: all, without pages of files
	same     string                  // a data directory
}

func (l *launches) took(name string, d time.Duration) {
	if l.times[name] == nil {
		l.names = append(l.names, name)
	}
	l.times[name] = append(l.times[name], float64(d)/float64(time.Millisecond))
}

// start starts a program in memory, in a new data directory, and in an existing one.
func (l *launches) start(b *testing.B, name string, command []string) {
	b.Helper()
	p, d := startProgram(b, command)
	l.took(name+", in memory", d)
	p.stop()
	p, d = startProgram(b, command, "--data", filepath.Join(b.TempDir(), "new"))
	l.took(name+", new directory", d)
	all, anonymous := p.resident(b)
	l.resident[name] = append(l.resident[name], [2]float64{all, anonymous})
	p.stop()
	if l.same == "" {
		l.same = filepath.Join(b.TempDir(), "same")
	}
	p, d = startProgram(b, command, "--data", l.same)
	l.took(name+", same directory again", d)
	p.stop()
}

func (l *launches) report(b *testing.B) {
	for _, name := range l.names {
		t := l.times[name]
		r := row{subject: name, value: fmt.Sprintf("%.1f ms (fastest %.1f)", median(t), least(t))}
		if name != "errand version" {
			r.floor, r.ratio, r.target = "errand version", median(t)/median(l.times["errand version"]), "< 50 ms"
		}
		note(b, r, metric(name)+"-ms", median(t))
	}
	for _, name := range slices.Sorted(maps.Keys(l.resident)) {
		var all, anonymous []float64
		for _, r := range l.resident[name] {
			all, anonymous = append(all, r[0]), append(anonymous, r[1])
		}
		value := fmt.Sprintf("%.1f MiB, %.1f without the program's own pages", median(all), median(anonymous))
		note(b, row{subject: name + ", idle memory", value: value, target: "< 40 MiB"}, metric(name)+"-idle-MiB", median(all))
	}
}

// idleAfterLoad is the memory of the stack after 20,000 messages.
func idleAfterLoad(b *testing.B, command []string) {
	p, _ := startProgram(b, command, "--data", filepath.Join(b.TempDir(), "load"))
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
