package bench

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkTransfer sends a folder of many files and a long file: at first, unchanged, and
// with a small change; beside rsync -az over ssh to this machine, if ERRAND_TRANSFER_SSH is
// an ssh command that needs no password, and tar and zstd, which send everything each time.
// ERRAND_TRANSFER_FILES and ERRAND_TRANSFER_MB set the sizes. Errand's times are until the folder
// is sent, and until the command of a job starts in it. The job has a workspace, as rsync has a
// folder that stays.
func BenchmarkTransfer(b *testing.B) {
	b.StopTimer()
	files, megabytes := sizeFromEnv(b, "ERRAND_TRANSFER_FILES", 50_000), sizeFromEnv(b, "ERRAND_TRANSFER_MB", 500)
	many, long := b.TempDir(), b.TempDir()
	plantText(b, many, files)
	random := rand.NewChaCha8([32]byte{1})
	mustWrite(b, filepath.Join(long, "long"), random, megabytes<<20)
	f := startFarm(b, 1, 4)
	cache := b.TempDir()
	errand := func(args ...string) *exec.Cmd {
		cmd := exec.Command(f.bin, args...)
		cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+cache, "ERRAND_SERVER="+f.url, "ERRAND_TOKEN_FILE="+f.tokenFile("user"))
		return cmd
	}
	stamp := filepath.Join(b.TempDir(), "started")
	ssh := os.Getenv("ERRAND_TRANSFER_SSH")
	ways := []struct {
		name string
		send func(dir string) *exec.Cmd
	}{
		{"errand", func(dir string) *exec.Cmd {
			return errand("run", "--detach", "--keep-workspace", dir, "-c", "date +%s%N >"+stamp)
		}},
		{"tar|zstd", func(dir string) *exec.Cmd {
			to := filepath.Join(b.TempDir(), "to")
			return exec.Command("sh", "-c", `mkdir -p "$1" && tar -C "$0" -c . | zstd -q | zstd -dq | tar -C "$1" -x`, dir, to)
		}},
		{"rsync", func(dir string) *exec.Cmd {
			return exec.Command("rsync", "-az", "-e", ssh, dir+"/", "127.0.0.1:"+filepath.Join(cache, "rsync-"+filepath.Base(filepath.Dir(dir))))
		}},
	}
	if ssh == "" {
		ways = ways[:2]
		b.Log("no rsync over ssh: see scripts/bench-transfer")
	}
	for _, step := range []struct {
		name, dir string
		change    func()
	}{
		{fmt.Sprintf("%d files, first", files), many, func() {}},
		{"unchanged", many, func() {}},
		{"one changed", many, func() { mustWrite(b, filepath.Join(many, "d1", "f1"), random, 1000) }},
		{fmt.Sprintf("%d MB, first", megabytes), long, func() {}},
		{"unchanged", long, func() {}},
		{"one byte changed", long, func() { changeByte(b, filepath.Join(long, "long"), int64(megabytes)<<19) }},
	} {
		step.change()
		time.Sleep(2100 * time.Millisecond) // a change of the last two seconds is always read again
		var took []string
		for _, way := range ways {
			begun := time.Now()
			out, err := way.send(step.dir).Output()
			if err != nil {
				b.Fatalf("%s: %v\n%s", way.name, err, out)
			}
			took = append(took, fmt.Sprintf("%s %.2f s", way.name, time.Since(begun).Seconds()))
			if way.name != "errand" {
				continue
			}
			if out, err := errand("wait", strings.TrimSpace(string(out))).CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
			took = append(took, fmt.Sprintf("(there after %.2f s)", readStamp(b, stamp).Sub(begun).Seconds()))
		}
		b.Logf("%-20s %s", step.name, strings.Join(took, ", "))
	}
}

func sizeFromEnv(b *testing.B, name string, n int) int {
	if s := os.Getenv(name); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

// plantText makes files of words, 4 KB on average.
func plantText(b *testing.B, dir string, n int) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		var text strings.Builder
		for range r.IntN(1000) {
			fmt.Fprintf(&text, "word%d ", r.IntN(3000))
		}
		path := filepath.Join(dir, fmt.Sprint("d", i%50), fmt.Sprint("f", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

func mustWrite(b *testing.B, path string, r *rand.ChaCha8, n int) {
	content := make([]byte, n)
	_, _ = r.Read(content)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		b.Fatal(err)
	}
}

func changeByte(b *testing.B, path string, at int64) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("x"), at); err != nil {
		b.Fatal(err)
	}
}
