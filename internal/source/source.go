// Package source fetches a job's archive: by a presigned GET, to a file, with
// retries that go on where the last one broke off, and a check of its hash.
package source

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

	"github.com/errandhq/errand"
)

// ErrUnavailable is in the chain of errors that mean: what was uploaded can't
// be had. Any other is of this machine, or the context's.
var ErrUnavailable = errors.New("the source archive is not available")

// The defaults of Fetcher.
const (
	DefaultTries = 6
	DefaultStall = time.Minute
)

// A Fetcher fetches archives. The zero value works.
type Fetcher struct {
	HTTP  *http.Client  // nil: http.DefaultClient
	Tries int           // in a row that brought nothing new; 0: DefaultTries
	Stall time.Duration // a try that brings nothing for this long is given up; 0: DefaultStall
	// Sleep waits before try n, from 1 on; nil: a second doubled each time.
	Sleep func(ctx context.Context, n int) error
}

// Fetch writes the archive to path, which it makes or replaces. What is there
// after an error is of no use.
func (f Fetcher) Fetch(ctx context.Context, g *errand.SourceGrant, path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make a file for the source archive: %w", err)
	}
	d := &download{grant: g, file: file, sum: sha256.New()}
	err = f.fetch(ctx, d)
	if cerr := file.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("write the source archive: %w", cerr)
	}
	return err
}

func (f Fetcher) fetch(ctx context.Context, d *download) error {
	tries := f.Tries
	if tries <= 0 {
		tries = DefaultTries
	}
	for n := 1; ; n++ {
		before := d.have
		err := d.try(ctx, f)
		if err == nil {
			return nil
		}
		if d.have > before {
			n = 1 // it goes on, however slowly
		}
		var fatal *fatalError
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &fatal):
			return fatal.error
		case n >= tries:
			return fmt.Errorf("%w: %w (tried %d times)", ErrUnavailable, err, n)
		}
		if err := f.sleep(ctx, n); err != nil {
			return err
		}
	}
}

func (f Fetcher) sleep(ctx context.Context, n int) error {
	if f.Sleep != nil {
		return f.Sleep(ctx, n)
	}
	t := time.NewTimer(min(time.Second<<(n-1), 30*time.Second))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fatalError is one that another try can't mend.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }

func gone(format string, args ...any) error {
	return &fatalError{fmt.Errorf("%w: %w", ErrUnavailable, fmt.Errorf(format, args...))}
}

// download is how far a fetch has come.
type download struct {
	grant    *errand.SourceGrant
	file     *os.File
	sum      hash.Hash // of what is in file
	have     int64
	mismatch bool // whole, but not what was uploaded: once
}

// try asks for what is missing, and checks the whole once it is there.
func (d *download) try(ctx context.Context, f Fetcher) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stall := f.Stall
	if stall <= 0 {
		stall = DefaultStall
	}
	watchdog := time.AfterFunc(stall, cancel)
	defer watchdog.Stop()
	resp, err := d.request(ctx, f.HTTP)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := d.accept(resp); err != nil {
		return err
	}
	if err := d.copy(resp.Body, func() { watchdog.Reset(stall) }); err != nil {
		return err
	}
	return d.check()
}

func (d *download) request(ctx context.Context, client *http.Client) (*http.Response, error) {
	r := d.grant.Download
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, nil)
	if err != nil {
		return nil, gone("%w", err)
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	if d.have > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(d.have, 10)+"-") // not among the signed headers
	}
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // without the address: it is a permission
	}
	return resp, err
}

// accept decides by the answer's status what to do with its body.
func (d *download) accept(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusPartialContent:
		if d.have > 0 {
			return nil
		}
		return errors.New("the storage answered with a part of the archive")
	case http.StatusOK:
		return d.restart()
	case http.StatusRequestedRangeNotSatisfiable:
		if err := d.restart(); err != nil {
			return err
		}
		return errors.New("the storage could not go on where the transfer broke off")
	case http.StatusNotFound, http.StatusForbidden, http.StatusGone, http.StatusBadRequest:
		return gone("the storage answered %s", resp.Status)
	}
	return fmt.Errorf("the storage answered %s", resp.Status)
}

// restart throws away what there is.
func (d *download) restart() error {
	if d.have == 0 {
		return nil
	}
	d.have = 0
	d.sum.Reset()
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return &fatalError{fmt.Errorf("write the source archive: %w", err)}
	}
	if err := d.file.Truncate(0); err != nil {
		return &fatalError{fmt.Errorf("write the source archive: %w", err)}
	}
	return nil
}

// copy appends body to the file, and calls progress at each step.
func (d *download) copy(body io.Reader, progress func()) error {
	buf := make([]byte, 128<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			progress()
			if d.have+int64(n) > d.grant.Size && d.grant.Size > 0 {
				return gone("it is longer than the %d bytes that were uploaded", d.grant.Size)
			}
			if _, werr := d.file.Write(buf[:n]); werr != nil {
				return &fatalError{fmt.Errorf("write the source archive: %w", werr)}
			}
			d.sum.Write(buf[:n])
			d.have += int64(n)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the transfer broke off after %d bytes: %w", d.have, err)
		}
	}
}

// check compares what came with what was uploaded. Other bytes may be a
// transfer gone wrong, so they are asked for once more.
func (d *download) check() error {
	if d.grant.Size > 0 && d.have < d.grant.Size {
		return fmt.Errorf("the transfer ended after %d of %d bytes", d.have, d.grant.Size)
	}
	got := hex.EncodeToString(d.sum.Sum(nil))
	if got == d.grant.SHA256 {
		return nil
	}
	if d.mismatch {
		return gone("its SHA-256 is %s, not %s", got, d.grant.SHA256)
	}
	d.mismatch = true
	if err := d.restart(); err != nil {
		return err
	}
	return errors.New("the archive came with other bytes than were uploaded")
}
