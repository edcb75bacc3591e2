// Package source fetches a job's folder with presigned GETs, and unpacks it: from a ZIP,
// or from a manifest, whose packs it keeps for later jobs. It resumes interrupted
// transfers and checks hashes.
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
	"github.com/errandhq/errand/internal/meter"
)

// ErrUnavailable: the uploaded archive can't be downloaded. Any other error is
// this machine's or the context's.
var ErrUnavailable = errors.New("the source archive is not available")

// Defaults of Fetcher.
const (
	DefaultTries = 6
	DefaultStall = time.Minute
)

// A Fetcher downloads archives.
type Fetcher struct {
	HTTP  *http.Client  // default: http.DefaultClient
	Tries int           // in a row without progress; default: DefaultTries
	Stall time.Duration // a try without progress for this long has failed; default: DefaultStall
	// Wait waits after failure n in a row, counted from 1. Its error ends Fetch.
	Wait func(ctx context.Context, n int) error
	// Meter counts what is downloaded, and then what is read of it. Nil: nobody asks.
	Meter *meter.Meter
}

// Fetch writes the archive to path, which it creates or replaces. After an error
// the file is incomplete.
func (f Fetcher) Fetch(ctx context.Context, g *errand.SourceGrant, path string) error {
	return f.fetchObject(ctx, object{request: g.Download, sha256: g.SHA256, size: g.Size}, path)
}

// object is an upload that is to be downloaded.
type object struct {
	request   errand.SignedRequest
	sha256    string
	size      int64 // 0: unknown
	unchecked bool  // whoever uses it checks what it reads of it
}

func (f Fetcher) fetchObject(ctx context.Context, o object, path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("create a file for the source archive: %w", err)
	}
	d := &download{object: o, file: file, sum: sha256.New(), meter: f.Meter}
	err = f.fetch(ctx, d)
	if cerr := file.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("write the source archive: %w", cerr)
	}
	return err
}

func (f Fetcher) fetch(ctx context.Context, d *download) error {
	for n := 1; ; n++ {
		before := d.have
		err := d.try(ctx, f)
		if err == nil {
			return nil
		}
		if d.have > before {
			n = 1
		}
		var fatal *fatalError
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &fatal):
			return fatal.error
		case n >= f.tries():
			return fmt.Errorf("%w: %w (tried %d times)", ErrUnavailable, err, n)
		}
		if err := f.Wait(ctx, n); err != nil {
			return err
		}
	}
}

func (f Fetcher) tries() int {
	if f.Tries <= 0 {
		return DefaultTries
	}
	return f.Tries
}

// send makes a signed request; a range of "" asks for all. Errors don't have the URL,
// whose signature is a secret.
func (f Fetcher) send(ctx context.Context, r errand.SignedRequest, span string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, nil)
	if err != nil {
		return nil, unavailablef("%w", err)
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	if span != "" {
		req.Header.Set("Range", span) // not among the signed headers
	}
	client := f.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return resp, err
}

// fatalError: another try would fail as well.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }

func unavailablef(format string, args ...any) error {
	return &fatalError{fmt.Errorf("%w: %w", ErrUnavailable, fmt.Errorf(format, args...))}
}

// download is the state of a Fetch.
type download struct {
	object
	file     *os.File
	sum      hash.Hash // of what is in file
	have     int64     // bytes in file
	meter    *meter.Meter
	mismatch bool // the whole archive had another hash, once
}

// try requests the missing part, and checks the archive when it is complete.
func (d *download) try(ctx context.Context, f Fetcher) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stall := f.Stall
	if stall <= 0 {
		stall = DefaultStall
	}
	watchdog := time.AfterFunc(stall, cancel)
	defer watchdog.Stop()
	span := ""
	if d.have > 0 {
		span = "bytes=" + strconv.FormatInt(d.have, 10) + "-"
	}
	resp, err := f.send(ctx, d.request, span)
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

// accept prepares for the response's body according to the status.
func (d *download) accept(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusPartialContent:
		if d.have > 0 {
			return nil
		}
		return errors.New("the storage answered with a part of the archive instead of all of it")
	case http.StatusOK:
		return d.restart()
	case http.StatusRequestedRangeNotSatisfiable:
		if err := d.restart(); err != nil {
			return err
		}
		return errors.New("the storage could not resume the transfer")
	case http.StatusNotFound, http.StatusForbidden, http.StatusGone, http.StatusBadRequest:
		return unavailablef("the storage answered %s", resp.Status)
	}
	return fmt.Errorf("the storage answered %s", resp.Status)
}

// restart discards what was downloaded.
func (d *download) restart() error {
	if d.have == 0 {
		return nil
	}
	d.meter.Add(-d.have)
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

// copy appends body to the file, and calls progress whenever bytes arrive.
func (d *download) copy(body io.Reader, progress func()) error {
	buf := make([]byte, 128<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			progress()
			if d.have+int64(n) > d.size && d.size > 0 {
				return unavailablef("the download is longer than the %d bytes that were uploaded", d.size)
			}
			if _, werr := d.file.Write(buf[:n]); werr != nil {
				return &fatalError{fmt.Errorf("write the source archive: %w", werr)}
			}
			if !d.unchecked {
				d.sum.Write(buf[:n])
			}
			d.have += int64(n)
			d.meter.Add(int64(n))
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the transfer was interrupted after %d bytes: %w", d.have, err)
		}
	}
}

// check compares the download with the upload. A mismatch may be an error of the
// transfer, so the first one only restarts the download.
func (d *download) check() error {
	if d.size > 0 && d.have < d.size {
		return fmt.Errorf("the transfer ended after %d of %d bytes", d.have, d.size)
	}
	if d.unchecked {
		return nil
	}
	got := hex.EncodeToString(d.sum.Sum(nil))
	if got == d.sha256 {
		return nil
	}
	if d.mismatch {
		return unavailablef("the download has SHA-256 %s, the upload had %s", got, d.sha256)
	}
	d.mismatch = true
	if err := d.restart(); err != nil {
		return err
	}
	return errors.New("the download differs from the upload")
}
