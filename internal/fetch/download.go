package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/errandhq/errand/internal/backoff"
	"github.com/errandhq/errand/internal/clock"
)

const (
	// tries is how often in a row a transfer may fail without progress.
	tries = 6
	// stall is how long a transfer may make no progress.
	stall = time.Minute
)

var retryDelay = backoff.Policy{Min: 200 * time.Millisecond, Max: 10 * time.Second}

// download writes the file's content to w, over interruptions, and checks it.
func (f *fetcher) download(ctx context.Context, w *os.File, file *File) error {
	d := &transfer{fetcher: f, file: file, w: w, sum: sha256.New()}
	for n := 1; ; n++ {
		before := d.have
		err := d.try(ctx)
		if err == nil {
			break
		}
		if d.have > before {
			n = 1
		}
		var final *finalError
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &final):
			return final.error
		case n == tries:
			return fmt.Errorf("%w (tried %d times)", err, n)
		}
		if err := clock.Sleep(ctx, clock.Real(), retryDelay.Delay(n, 0)); err != nil {
			return err
		}
	}
	if d.have != file.Size || hex.EncodeToString(d.sum.Sum(nil)) != file.SHA256 {
		return fmt.Errorf("the storage has another content than the worker sent: %d bytes with SHA-256 %x", d.have, d.sum.Sum(nil))
	}
	return nil
}

// finalError: another try would fail as well.
type finalError struct{ error }

type transfer struct {
	*fetcher
	file *File
	w    *os.File
	sum  hash.Hash
	have int64
}

// try requests what is missing.
func (t *transfer) try(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(stall, func() { cancel(errors.New("the storage sent nothing for a minute")) })
	defer stalled.Stop()
	r := t.file.Download
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, nil)
	if err != nil {
		return &finalError{errors.New("the server's address of the file is not valid")}
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	if t.have > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(t.have, 10)+"-") // not among the signed headers
	}
	resp, err := t.HTTP.Do(req)
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // without the URL: its signature is a secret
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK && t.have == 0, resp.StatusCode == http.StatusPartialContent && t.have > 0:
		return t.copy(resp.Body, stalled)
	case resp.StatusCode < 300:
		return &finalError{fmt.Errorf("the storage can't resume the transfer after %d bytes", t.have)}
	case resp.StatusCode == http.StatusNotFound:
		return &finalError{errors.New("it is not in the storage any more")}
	case resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusRequestTimeout:
		return &finalError{fmt.Errorf("the storage answered %s", resp.Status)}
	}
	return fmt.Errorf("the storage answered %s", resp.Status)
}

// copy appends body, up to the file's size.
func (t *transfer) copy(body io.Reader, stalled *time.Timer) error {
	buf := make([]byte, 128<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			stalled.Reset(stall)
			if t.have+int64(n) > t.file.Size {
				return &finalError{fmt.Errorf("the storage has more than the %d bytes that the worker sent", t.file.Size)}
			}
			if _, werr := t.w.Write(buf[:n]); werr != nil {
				return &finalError{werr}
			}
			t.sum.Write(buf[:n])
			t.have += int64(n)
			t.progress(int64(n))
		}
		if errors.Is(err, io.EOF) {
			if t.have < t.file.Size {
				return fmt.Errorf("the transfer ended after %d of %d bytes", t.have, t.file.Size)
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}
