package bench

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/beanstalkd/go-beanstalk"

	"github.com/errandhq/errand"
)

// A runner submits shell commands as one client and returns when it knows that all
// have ended.
type runner func(commands ...string) error

// A peer is a durable queue that a user could pick instead of Errand.
type peer struct {
	name, install string
	missing       func() error
	start         func(b *testing.B) runner // with two workers
}

var peers = []peer{
	{
		"beanstalkd, fsync each", "apt-get install beanstalkd",
		func() error { return lookPrograms("beanstalkd") }, startBeanstalkd,
	},
	{
		"gearman + SQLite", "apt-get install gearman-job-server gearman-tools",
		func() error { return lookPrograms("gearmand", "gearman") }, startGearman,
	},
	{
		"celery + redis, AOF always", "apt-get install redis-server; pip install celery redis, in the Python that ERRAND_BENCH_PYTHON names",
		func() error { return errors.Join(lookPrograms("redis-server"), importCelery()) }, startCelery,
	},
}

// BenchmarkJobsBesidePeers runs jobs that do nothing in Errand and in the peers that are
// installed, each with two slots. They take turns, so that other load affects all alike.
func BenchmarkJobsBesidePeers(b *testing.B) {
	const own, turns = "Errand", 5
	names, runners := []string{own}, map[string]runner{own: startFarm(b, 1, 2).runner(b)}
	for _, p := range peers {
		if err := p.missing(); err != nil {
			fmt.Printf("not measured: %s: %s (%s)\n", p.name, strings.ReplaceAll(err.Error(), "\n", ", "), p.install)
			continue
		}
		names = append(names, p.name)
		runners[p.name] = p.start(b)
	}
	for _, run := range runners {
		takeRate(b, run, 64) // both workers have started
	}
	jobs := max(calls()/10, 20)
	started, done, rates := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for range turns {
		for _, name := range names {
			t := takeTimes(b, runners[name], jobs/turns)
			started[name], done[name] = append(started[name], t.started...), append(done[name], t.done...)
		}
	}
	for range 3 {
		for _, name := range names {
			rates[name] = append(rates[name], takeRate(b, runners[name], 5*jobs))
		}
	}
	for _, name := range names {
		noteBeside(b, own, name, "started", "ns", started, "%.1fms", 1e6)
		noteBeside(b, own, name, "done", "ns", done, "%.1fms", 1e6)
		noteBeside(b, own, name, "2 slots", "jobs/s", rates, "%.0f jobs/s", 1)
	}
	for range b.N { // each iteration reports medians of many jobs
	}
}

// noteBeside adds the median of what was measured, and its ratio to that of own.
func noteBeside(b *testing.B, own, name, what, unit string, measured map[string][]float64, format string, divisor float64) {
	b.Helper()
	v := median(measured[name])
	r := row{subject: name + ": " + what, value: fmt.Sprintf(format, v/divisor)}
	if name != own {
		r.floor, r.ratio = own+": "+what, v/median(measured[own])
	}
	note(b, r, metric(name+" "+what)+"-"+unit, v)
}

// takeTimes runs n jobs one after another. The command writes when it started.
func takeTimes(b *testing.B, run runner, n int) (t times) {
	b.Helper()
	stamp := filepath.Join(b.TempDir(), "started")
	for range n {
		began := time.Now()
		if err := run("date +%s%N >" + stamp); err != nil {
			b.Fatal(err)
		}
		t.done = append(t.done, float64(time.Since(began)))
		t.started = append(t.started, float64(readStamp(b, stamp).Sub(began)))
	}
	return t
}

// takeRate returns how many of n jobs, submitted at once, end in a second.
func takeRate(b *testing.B, run runner, n int) float64 {
	b.Helper()
	commands := make([]string, n)
	for i := range commands {
		commands[i] = "true"
	}
	began := time.Now()
	if err := run(commands...); err != nil {
		b.Fatal(err)
	}
	return float64(n) / time.Since(began).Seconds()
}

func (f *farm) runner(b *testing.B) runner {
	return func(commands ...string) error {
		ids := make([]string, len(commands))
		inParallel(4, len(ids), func(i int) { ids[i] = f.create(b, errand.Command{Shell: commands[i]}) })
		for _, id := range ids {
			f.wait(b, id)
		}
		return nil
	}
}

// startBeanstalkd starts a server that syncs each job to disk before it acknowledges it.
// The workers are goroutines of this process.
func startBeanstalkd(b *testing.B) runner {
	addr := freeLoopback(b)
	_, port, _ := net.SplitHostPort(addr)
	startProcess(b, exec.Command("beanstalkd", "-l", "127.0.0.1", "-p", port, "-b", b.TempDir(), "-f", "0"))
	for range 2 {
		worker := beanstalk.NewConn(dialPeer(b, addr))
		go func() { _ = workForBeanstalkd(worker) }() // until its connection is closed
	}
	client := beanstalk.NewConn(dialPeer(b, addr))
	return func(commands ...string) error {
		for _, c := range commands {
			if _, err := client.Put([]byte(c), 0, 0, time.Minute); err != nil {
				return err
			}
		}
		return awaitNone(func() (int, error) {
			stats, err := client.Stats()
			if err != nil {
				return 0, err
			}
			return sum(stats["current-jobs-ready"], stats["current-jobs-reserved"])
		})
	}
}

func workForBeanstalkd(c *beanstalk.Conn) error {
	for {
		id, command, err := c.Reserve(time.Hour)
		if err != nil {
			return err
		}
		if err := exec.Command("/bin/sh", "-c", string(command)).Run(); err != nil {
			return err // the job stays, and the benchmark reports it
		}
		if err := c.Delete(id); err != nil {
			return err
		}
	}
}

// startGearman starts a server that keeps jobs in SQLite. It does so only with background
// jobs, so the client asks how many are left.
func startGearman(b *testing.B) runner {
	addr, dir := freeLoopback(b), b.TempDir()
	_, port, _ := net.SplitHostPort(addr)
	gearmand, err := findProgram("gearmand")
	if err != nil {
		b.Fatal(err)
	}
	startProcess(b, exec.Command(gearmand, "--listen=127.0.0.1", "--port="+port, "--queue-type=libsqlite3",
		"--libsqlite3-db="+filepath.Join(dir, "queue"), "--pid-file="+filepath.Join(dir, "pid"), "--log-file="+filepath.Join(dir, "log")))
	client := gearmanClient{conn: dialPeer(b, addr)}
	client.reader = bufio.NewReader(client.conn)
	for range 2 {
		startProcess(b, exec.Command("gearman", "-h", "127.0.0.1", "-p", port, "-w", "-f", "sh", "--", "/bin/sh"))
	}
	return func(commands ...string) error {
		for _, c := range commands {
			if err := client.submit("sh", c); err != nil {
				return err
			}
		}
		return awaitNone(func() (int, error) { return client.left("sh") })
	}
}

// A gearmanClient speaks http://gearman.org/protocol.
type gearmanClient struct {
	conn   net.Conn
	reader *bufio.Reader
	jobs   int
}

func (g *gearmanClient) submit(function, workload string) error {
	const submitJobBackground, jobCreated = 18, 8
	g.jobs++
	data := fmt.Sprintf("%s\x00%d\x00%s", function, g.jobs, workload)
	packet := binary.BigEndian.AppendUint32([]byte("\x00REQ"), submitJobBackground)
	packet = binary.BigEndian.AppendUint32(packet, uint32(len(data)))
	if _, err := g.conn.Write(append(packet, data...)); err != nil {
		return err
	}
	header := make([]byte, 12)
	if _, err := io.ReadFull(g.reader, header); err != nil {
		return err
	}
	answer := make([]byte, binary.BigEndian.Uint32(header[8:]))
	if _, err := io.ReadFull(g.reader, answer); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(header[4:]) != jobCreated {
		return fmt.Errorf("gearmand refuses a job: %q", answer)
	}
	return nil
}

// left returns how many jobs haven't ended.
func (g *gearmanClient) left(function string) (n int, err error) {
	if _, err := io.WriteString(g.conn, "status\n"); err != nil {
		return 0, err
	}
	for { // function, jobs, running jobs, workers
		line, err := g.reader.ReadString('\n')
		if err != nil || line == ".\n" {
			return n, err
		}
		if fields := strings.Split(line, "\t"); fields[0] == function {
			if n, err = strconv.Atoi(fields[1]); err != nil {
				return 0, err
			}
		}
	}
}

// startCelery starts Redis, which syncs its log after each command, a Celery worker with two
// processes, and a client in Python.
func startCelery(b *testing.B) runner {
	addr := freeLoopback(b)
	_, port, _ := net.SplitHostPort(addr)
	startProcess(b, exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", b.TempDir(), "--appendonly", "yes", "--appendfsync", "always", "--save", ""))
	dialPeer(b, addr)
	python := func(args ...string) *exec.Cmd {
		cmd := exec.Command(benchPython(), args...)
		cmd.Dir, cmd.Stderr = "testdata", os.Stderr
		cmd.Env = append(os.Environ(), "ERRAND_BENCH_REDIS=redis://"+addr, "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=ignore")
		return cmd
	}
	startProcess(b, python("-m", "celery", "-A", "celery_jobs", "worker", "-c", "2", "-l", "error", "--without-gossip", "--without-mingle"))
	client := python("celery_jobs.py")
	stdin, err := client.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := client.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	startProcess(b, client)
	answers := bufio.NewReader(stdout)
	return func(commands ...string) error {
		if err := json.NewEncoder(stdin).Encode(commands); err != nil {
			return err
		}
		_, err := answers.ReadString('\n')
		return err
	}
}

func benchPython() string {
	if python := os.Getenv("ERRAND_BENCH_PYTHON"); python != "" {
		return python
	}
	return "python3"
}

func importCelery() error {
	if err := exec.Command(benchPython(), "-c", "import celery, redis").Run(); err != nil {
		return fmt.Errorf("%s cannot import celery and redis", benchPython())
	}
	return nil
}

func lookPrograms(names ...string) error {
	for _, name := range names {
		if _, err := findProgram(name); err != nil {
			return fmt.Errorf("no program %s", name)
		}
	}
	return nil
}

// findProgram looks in /usr/sbin too, which users often don't have in their PATH.
func findProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}

// awaitNone returns when no job is left. It asks every 200 µs for each job that is left.
func awaitNone(left func() (int, error)) error {
	for deadline := time.Now().Add(2 * time.Minute); ; {
		n, err := left()
		if err != nil || n == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d jobs haven't ended within two minutes", n)
		}
		time.Sleep(time.Duration(n) * 200 * time.Microsecond)
	}
}

func sum(numbers ...string) (total int, err error) {
	for _, s := range numbers {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func freeLoopback(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// dialPeer connects to a server that has just been started.
func dialPeer(b *testing.B, addr string) net.Conn {
	b.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			b.Cleanup(func() { conn.Close() })
			return conn
		}
		if time.Now().After(deadline) {
			b.Fatal(err)
		}
	}
}
