package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/project"
	"github.com/errandhq/errand/internal/terminal"
)

// uploadTries is how often an upload is tried.
const uploadTries = 6

// upload sends what the job gets of dir, or what the server lacks of it.
func (a *app) upload(ctx context.Context, c *api.Client, dir string, flags *fileFlags) (source *errand.Source, err error) {
	_, packing := a.traces.Start(ctx, "pack")
	files, err := a.selectFiles(ctx, dir, flags)
	packing.End(err)
	if err != nil {
		return nil, err
	}
	defer func() { _ = files.Close() }() // opened for reading
	ctx, uploading := a.traces.Start(ctx, "upload")
	defer func() { uploading.End(err) }()
	cache := a.openCache(files, c.BaseURL)
	source, err = a.sendFolder(ctx, c, cache, files, dir)
	if isOldServer(err) {
		return a.uploadZIP(ctx, c, cache, files, dir)
	}
	return source, err
}

// uploadZIP packs a folder and sends it, unless the server has the same archive already.
func (a *app) uploadZIP(ctx context.Context, c *api.Client, cache *project.Cache, files *project.Selection, dir string) (*errand.Source, error) {
	if source, err := a.sentBefore(ctx, c, cache, files, dir); source != nil || err != nil {
		return source, err
	}
	f, err := os.CreateTemp("", "errand-*.zip")
	if err != nil {
		return nil, fmt.Errorf("create archive: %w", err)
	}
	defer func() { _ = errors.Join(f.Close(), os.Remove(f.Name())) }() // a temporary file
	packed, err := a.pack(ctx, files, f)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, terminal.InterruptOr(ctx, err))
	}
	request := errand.UploadRequest{Filename: archiveName(dir), Size: packed.Size, SHA256: packed.SHA256}
	shown := a.term.StartProgress("uploading", packed.Size)
	sent, err := sendArchive(ctx, c, request, nil, shownReader{f, shown})
	shown.End()
	if err != nil {
		return nil, fmt.Errorf("upload: %w", terminal.InterruptOr(ctx, err))
	}
	saveArchive(cache, files, packed)
	a.noteSent(packed.Files, packed.Bytes, packed.Size, sent)
	return &errand.Source{SHA256: request.SHA256, Filename: request.Filename}, nil
}

func (a *app) noteSent(files int, bytes, size int64, sent bool) {
	switch {
	case sent:
		a.term.Notef("packed %s (%s) and uploaded %s", count(files, "file"), terminal.FormatBytes(bytes), terminal.FormatBytes(size))
	case files == 1:
		a.term.Notef("1 file (%s): the server already has it", terminal.FormatBytes(bytes))
	default:
		a.term.Notef("%s (%s): the server already has them", count(files, "file"), terminal.FormatBytes(bytes))
	}
}

func (a *app) pack(ctx context.Context, files *project.Selection, f *os.File) (archive.Packed, error) {
	shown := a.term.StartProgress("packing", files.Bytes)
	defer shown.End()
	files.Read = shown.Add
	packed, err := archive.Pack(ctx, files, f)
	if err == nil && packed.Size > errand.MaxUploadBytes {
		err = terminal.WithHint(fmt.Errorf("the archive has %s, the limit is %s", terminal.FormatBytes(packed.Size), terminal.FormatBytes(errand.MaxUploadBytes)),
			"--dry-run shows what is sent; leave files out with --exclude or .errandignore")
	}
	return packed, err
}

// openCache returns the user's cache of the folder for a server, or nil if there is no
// place for it.
func (a *app) openCache(files *project.Selection, server string) *project.Cache {
	dir, err := cacheDir(a.getenv)
	if err != nil {
		return nil
	}
	sum := sha256.Sum256([]byte(server))
	return project.OpenCache(filepath.Join(dir, "folders", hex.EncodeToString(sum[:8])), files)
}

// sentBefore returns the source of a folder that has not changed since it was packed, if
// the server still has its archive; else nil.
func (a *app) sentBefore(ctx context.Context, c *api.Client, cache *project.Cache, files *project.Selection, dir string) (*errand.Source, error) {
	if cache == nil {
		return nil, nil
	}
	var packed archive.Packed
	saved, ok := cache.Whole(files)
	if !ok || json.Unmarshal(saved, &packed) != nil {
		return nil, nil //nolint:nilerr // it is packed anew
	}
	request := errand.UploadRequest{Filename: archiveName(dir), Size: packed.Size, SHA256: packed.SHA256}
	up, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (errand.Upload, error) { return c.CreateUpload(ctx, request) })
	if err != nil {
		return nil, fmt.Errorf("upload: %w", terminal.InterruptOr(ctx, err))
	}
	if !up.Exists {
		return nil, nil
	}
	a.noteSent(packed.Files, packed.Bytes, 0, false)
	_ = cache.Save() // only that it is used
	return &errand.Source{SHA256: request.SHA256, Filename: request.Filename}, nil
}

func saveArchive(cache *project.Cache, files *project.Selection, p archive.Packed) {
	if cache == nil {
		return
	}
	if b, err := json.Marshal(p); err == nil {
		cache.SetWhole(files, b)
		_ = cache.Save() // without it, the folder is packed again
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sendArchive uploads an archive with the signed request of an answer; nil: it asks for
// one. If that fails, it asks for a new one: the signature may have expired. sent is
// false if the server already has the archive.
func sendArchive(ctx context.Context, c *api.Client, r errand.UploadRequest, up *errand.Upload, body io.ReaderAt) (sent bool, err error) {
	limit := retryFirst
	if up != nil {
		limit = retryConnected
	}
	for try := 1; ; try++ {
		if up == nil {
			answer, err := callWithRetry(ctx, limit, func(ctx context.Context) (errand.Upload, error) { return c.CreateUpload(ctx, r) })
			if err != nil {
				return false, err
			}
			up = &answer
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
		up = nil
	}
}

// shownReader shows what is read.
type shownReader struct {
	io.ReaderAt
	shown *terminal.Progress
}

func (r shownReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(b, off)
	r.shown.Add(int64(n))
	return n, err
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
