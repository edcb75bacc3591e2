package bench

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// bareS3 responds as S3 would to a PUT, and to a GET of small.
func bareS3() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"5d41402abc4b2a76b9719d911017c592"`)
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Length", fmt.Sprint(len(small)))
			_, _ = w.Write(small)
		}
	})
}

func newBucket(b testing.TB, cfg aws.Config) *s3.Client {
	b.Helper()
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("bench")}); err != nil {
		b.Fatal(err)
	}
	return client
}

var small = bytes.Repeat([]byte("errand. "), 512)

func putSmall(client *s3.Client, key int64) error {
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bench"), Key: aws.String(fmt.Sprint(key)), Body: bytes.NewReader(small)})
	return err
}

func BenchmarkS3Small(b *testing.B) {
	b.Run("put", func(b *testing.B) {
		var subjects []subject
		add := func(c contender, client *s3.Client) {
			n := atomic.Int64{}
			subjects = append(subjects, subject{name: c.name, floor: c.floor, target: c.target, op: func(int) error {
				return putSmall(client, n.Add(1)%10000)
			}})
		}
		all := contenders(b, bareS3(), "≥ 0.90")
		for _, c := range all {
			add(c, newBucket(b, c.cfg))
		}
		add(contender{name: leastDurable, floor: all[0].name}, newLeastBucket(b))
		rates := compare(b, 16, subjects...)
		noteRatio(b, "durable, loopback", rates["durable, loopback"], leastDurable, rates[leastDurable])
	})
	b.Run("get", func(b *testing.B) {
		var subjects []subject
		for _, c := range contenders(b, bareS3(), "≥ 0.90") {
			client := newBucket(b, c.cfg)
			if err := putSmall(client, 0); err != nil {
				b.Fatal(err)
			}
			subjects = append(subjects, subject{name: c.name, floor: c.floor, target: c.target, op: func(int) error {
				out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bench"), Key: aws.String("0")})
				if err != nil {
					return err
				}
				_, err = io.Copy(io.Discard, out.Body)
				return errors.Join(err, out.Body.Close())
			}})
		}
		compare(b, 16, subjects...)
	})
}

// presigned is a client that does nothing but transfer bytes, as a browser or curl
// does with a presigned URL.
type presigned struct {
	client *s3.Client
	http   *http.Client
}

// buffer is the copy buffer for large bodies: the client, cp and MD5 use the same.
type buffer [256 << 10]byte

func newPresigned(b testing.TB) *presigned {
	s := startStack(b, false)
	// Large buffers on both sides of a copy, so that the server is what is measured.
	t := &http.Transport{WriteBufferSize: len(buffer{}), ReadBufferSize: len(buffer{})}
	b.Cleanup(t.CloseIdleConnections)
	return &presigned{newBucket(b, stackOverLoopback(b, s)), &http.Client{Transport: t}}
}

func (p *presigned) put(ctx context.Context, key string, body io.Reader, size int64) error {
	signed, err := s3.NewPresignClient(p.client).PresignPutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bench"), Key: &key})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, signed.URL, body)
	if err != nil {
		return err
	}
	r.ContentLength = size
	return p.do(r, io.Discard)
}

func (p *presigned) get(ctx context.Context, key string, to io.Writer) error {
	signed, err := s3.NewPresignClient(p.client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bench"), Key: &key})
	if err != nil {
		return err
	}
	return p.getURL(ctx, signed.URL, to)
}

func (p *presigned) getURL(ctx context.Context, url string, to io.Writer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	return p.do(r, to)
}

func (p *presigned) do(r *http.Request, to io.Writer) error {
	resp, err := p.http.Do(r)
	if err != nil {
		return err
	}
	var buf buffer
	_, err = io.CopyBuffer(struct{ io.Writer }{to}, resp.Body, buf[:])
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, errors.New(resp.Status))
	}
	return errors.Join(err, resp.Body.Close())
}

// BenchmarkS3Large puts a file of 100 MB and gets it into a file that is synced. It
// compares them with lower bounds: for both, copying the file to another that is
// synced; for the put, the MD5 of the file in memory, which the ETag needs; for the
// get, a handler that has the bytes in memory.
func BenchmarkS3Large(b *testing.B) {
	const size = 100 << 20
	dir := b.TempDir()
	name := filepath.Join(dir, "source")
	if err := writeNoise(name, size); err != nil {
		b.Fatal(err)
	}
	p := newPresigned(b)
	put := func(int) error {
		return withFile(name, func(f *os.File) error { return p.put(ctx, "large", io.NopCloser(f), size) })
	}
	if err := put(0); err != nil {
		b.Fatal(err)
	}
	bareURL := largeFromMemory(b, size)
	const floor = "cp and fsync"
	rates := compare(b, 1,
		subject{name: floor, op: func(int) error {
			return withFile(name, func(f *os.File) error {
				return intoFile(filepath.Join(dir, "copy"), func(to io.Writer) error { _, err := io.Copy(to, f); return err })
			})
		}},
		subject{name: "MD5 alone", floor: floor, op: func(int) error {
			return withFile(name, func(f *os.File) error {
				_, err := io.CopyBuffer(md5.New(), onlyReader{f}, make([]byte, len(buffer{})))
				return err
			})
		}},
		subject{name: "put", floor: floor, target: "≥ 0.70", op: put},
		subject{name: "bare get and fsync", floor: floor, op: func(int) error {
			return intoFile(filepath.Join(dir, "got"), func(to io.Writer) error { return p.getURL(ctx, bareURL, to) })
		}},
		subject{name: "get and fsync", floor: floor, target: "≥ 0.70", op: func(int) error {
			return intoFile(filepath.Join(dir, "got"), func(to io.Writer) error { return p.get(ctx, "large", to) })
		}},
	)
	noteRatio(b, "put", rates["put"], "MD5 alone", rates["MD5 alone"])
	noteRatio(b, "get", rates["get and fsync"], "bare get and fsync", rates["bare get and fsync"])
}

// largeFromMemory returns the URL of a handler that responds with size bytes from
// memory.
func largeFromMemory(b testing.TB, size int64) string {
	data := make([]byte, size)
	for rest := data; len(rest) > 0; {
		n, _ := noise{}.Read(rest)
		rest = rest[n:]
	}
	return *overLoopback(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		for rest := data; len(rest) > 0; {
			n, err := w.Write(rest[:min(len(rest), len(buffer{}))])
			if err != nil {
				return // the client reports it
			}
			rest = rest[n:]
		}
	})).BaseEndpoint
}

// onlyReader hides a file's other methods, such as WriteTo.
type onlyReader struct{ io.Reader }

func withFile(name string, use func(*os.File) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(use(f), f.Close())
}

// intoFile writes a new file and syncs it.
func intoFile(name string, write func(io.Writer) error) error {
	_ = os.Remove(name) // S3 creates a new file, too
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Sync(), f.Close())
}

func writeNoise(name string, size int64) error {
	return intoFile(name, func(w io.Writer) error { _, err := io.CopyN(w, noise{}, size); return err })
}

// noise is bytes that are cheap to generate and change within each buffer.
type noise struct{}

var block = func() []byte {
	b := make([]byte, 64<<10)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}()

func (noise) Read(p []byte) (int, error) { return copy(p, block), nil }

// BenchmarkS3Stream puts and gets 5 GB and reports by how much the memory of this
// process, which is both client and server, grew.
func BenchmarkS3Stream(b *testing.B) {
	size := int64(5e9)
	if testing.Short() {
		size = 256 << 20
	}
	p := newPresigned(b)
	if err := p.put(ctx, "warm", io.LimitReader(noise{}, 1<<20), 1<<20); err != nil {
		b.Fatal(err)
	}
	for _, dir := range []struct {
		name string
		op   func() error
	}{
		{"put", func() error { return p.put(ctx, "stream", io.LimitReader(noise{}, size), size) }},
		{"get", func() error { return p.get(ctx, "stream", io.Discard) }},
	} {
		growth, took, err := memoryGrowth(dir.op)
		if err != nil {
			b.Fatal(err)
		}
		mib := float64(growth) / (1 << 20)
		note(b, row{subject: fmt.Sprintf("%s of %.1f GB", dir.name, float64(size)/1e9), target: "< 64 MiB",
			value: fmt.Sprintf("%.1f MiB more, %.0f MB/s", mib, float64(size)/1e6/took.Seconds())}, dir.name+"-MiB", mib)
	}
}

// memoryGrowth returns by how many bytes the resident memory at its peak exceeded
// that before op.
func memoryGrowth(op func() error) (growth int64, took time.Duration, err error) {
	before, err := residentMemory()
	if err != nil {
		return 0, 0, err
	}
	done, peak := make(chan struct{}), make(chan int64)
	go func() {
		var top int64
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			now, _ := residentMemory() // it worked before op
			top = max(top, now)
			select {
			case <-done:
				tick.Stop()
				peak <- top
				return
			case <-tick.C:
			}
		}
	}()
	begin := time.Now()
	err = op()
	took = time.Since(begin)
	close(done)
	return max(0, <-peak-before), took, err
}

// residentMemory returns that of this process, in bytes.
func residentMemory() (int64, error) {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("resident memory is only known on Linux: %w", err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(data), &size, &resident); err != nil {
		return 0, err
	}
	return resident * int64(os.Getpagesize()), nil
}
