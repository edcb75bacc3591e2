package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/terminal"
)

// uploadTries is how often an upload is tried.
const uploadTries = 6

// upload packs what the job gets of dir and sends it, unless the server has the same
// archive already.
func (a *app) upload(ctx context.Context, c *api.Client, dir string, flags *fileFlags) (*errand.Source, error) {
	files, err := a.selectFiles(ctx, dir, flags)
	if err != nil {
		return nil, err
	}
	defer func() { _ = files.Close() }() // opened for reading
	f, err := os.CreateTemp("", "errand-*.zip")
	if err != nil {
		return nil, fmt.Errorf("create archive: %w", err)
	}
	defer func() { _ = errors.Join(f.Close(), os.Remove(f.Name())) }() // a temporary file
	packed, err := archive.Pack(ctx, files, f)
	if err != nil {
		return nil, terminal.InterruptOr(ctx, err)
	}
	if packed.Size > errand.MaxUploadBytes {
		return nil, terminal.WithHint(fmt.Errorf("pack %s: the archive has %s, the limit is %s", dir, terminal.FormatBytes(packed.Size), terminal.FormatBytes(errand.MaxUploadBytes)),
			"--dry-run shows what is sent; leave files out with --exclude or .errandignore")
	}
	request := errand.UploadRequest{Filename: sourceName(dir), Size: packed.Size, SHA256: packed.SHA256}
	sent, err := sendArchive(ctx, c, request, f)
	if err != nil {
		return nil, fmt.Errorf("upload: %w", terminal.InterruptOr(ctx, err))
	}
	if sent {
		a.term.Notef("packed %s (%s) and uploaded %s", count(packed.Files, "file"), terminal.FormatBytes(packed.Bytes), terminal.FormatBytes(packed.Size))
	} else {
		a.term.Notef("packed %s (%s); the server already has them", count(packed.Files, "file"), terminal.FormatBytes(packed.Bytes))
	}
	return &errand.Source{SHA256: request.SHA256, Filename: request.Filename}, nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sendArchive uploads the archive with a signed request, and asks for a new one
// if that fails: the signature may have expired. sent is false if the server
// already has the archive.
func sendArchive(ctx context.Context, c *api.Client, r errand.UploadRequest, body io.ReaderAt) (sent bool, err error) {
	limit := retryFirst
	for try := 1; ; try++ {
		up, err := callWithRetry(ctx, limit, func(ctx context.Context) (errand.Upload, error) { return c.CreateUpload(ctx, r) })
		if err != nil {
			return false, err
		}
		if up.Exists || up.Put == nil {
			return false, nil
		}
		limit = retryConnected
		err = putArchive(ctx, c.HTTP, up.Put, io.NewSectionReader(body, 0, r.Size))
		if err == nil {
			return true, nil
		}
		if try == uploadTries || waitForRetry(ctx, try, 0) != nil {
			return false, err
		}
	}
}

var errStalled = errors.New("the storage accepted no data for a minute")

// progressReader restarts a timer whenever some of the archive is read.
type progressReader struct {
	io.Reader
	timer *time.Timer
}

func (p progressReader) Read(b []byte) (int, error) {
	p.timer.Reset(storageTimeout)
	return p.Reader.Read(b)
}

// putArchive makes the signed request with the archive as its body. It fails if the
// connection takes no more of it.
func putArchive(ctx context.Context, hc *http.Client, s *errand.SignedRequest, body *io.SectionReader) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(storageTimeout, func() { cancel(errStalled) })
	defer stalled.Stop()
	req, err := http.NewRequestWithContext(ctx, s.Method, s.URL, io.NopCloser(progressReader{body, stalled}))
	if err != nil {
		return err
	}
	req.ContentLength = body.Size()
	for name, value := range s.Header {
		switch strings.ToLower(name) {
		case "host":
			req.Host = value
		case "content-length": // net/http's to write
		default:
			req.Header.Set(name, value)
		}
	}
	started := time.Now()
	resp, err := hc.Do(req)
	if errors.Is(context.Cause(ctx), errStalled) {
		err = errStalled
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 == 2 {
		return nil
	}
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 500)) // only for the message
	return fmt.Errorf("storage answered %s after %s: %s", resp.Status, terminal.FormatDuration(time.Since(started)), terminal.FirstLine(string(said), 200))
}
