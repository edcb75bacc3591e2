package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/archive"
)

// readAhead is how much of an object is read at once: neighbouring ranges share a request.
const readAhead = 256 << 10

// ranges reads parts of an object. It is an io.ReaderAt for one goroutine.
type ranges struct {
	ctx     context.Context // of List: io.ReaderAt takes none
	fetcher Fetcher
	request errand.SignedRequest
	budget  *int64 // bytes that may still be read
	size    int64
	kept    []byte // read last
	at      int64  // where that begins
}

// openRanges reads the end of an object, where both formats say what they have.
func (f Fetcher) openRanges(ctx context.Context, request errand.SignedRequest, budget *int64) (*ranges, error) {
	r := &ranges{ctx: ctx, fetcher: f, request: request, budget: budget}
	return r, r.read("bytes=-" + strconv.Itoa(readAhead))
}

// ReadAt implements io.ReaderAt.
func (r *ranges) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off >= r.size {
		return 0, io.EOF
	}
	short := int64(len(b)) > r.size-off
	if short {
		b = b[:r.size-off]
	}
	if off < r.at || off+int64(len(b)) > r.at+int64(len(r.kept)) {
		last := min(r.size, off+max(int64(len(b)), readAhead)) - 1
		if err := r.read(fmt.Sprintf("bytes=%d-%d", off, last)); err != nil {
			return 0, err
		}
	}
	if off < r.at || off+int64(len(b)) > r.at+int64(len(r.kept)) {
		return 0, errOtherRange
	}
	n := copy(b, r.kept[off-r.at:])
	if short {
		return n, io.EOF
	}
	return n, nil
}

var errOtherRange = fmt.Errorf("%w: the storage answered with another range than it was asked for", ErrUnavailable)

// read reads a range into kept, again after failures that may pass.
func (r *ranges) read(want string) error {
	for n := 1; ; n++ {
		err := r.try(want)
		var fatal *fatalError
		switch {
		case err == nil:
			return nil
		case r.ctx.Err() != nil:
			return context.Cause(r.ctx)
		case errors.As(err, &fatal):
			return fatal.error
		case n >= r.fetcher.tries():
			return fmt.Errorf("%w: %w (tried %d times)", ErrUnavailable, err, n)
		}
		if err := r.fetcher.Wait(r.ctx, n); err != nil {
			return err
		}
	}
}

func (r *ranges) try(want string) error {
	resp, err := r.fetcher.send(r.ctx, r.request, want)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusPartialContent:
	case http.StatusOK:
		return unavailablef("the storage doesn't answer with parts of an object")
	case http.StatusRequestedRangeNotSatisfiable:
		return unavailablef("the upload is empty, or shorter than it was")
	case http.StatusNotFound, http.StatusForbidden, http.StatusGone, http.StatusBadRequest:
		return unavailablef("the storage answered %s: uploads are kept for some weeks", resp.Status)
	default:
		return fmt.Errorf("the storage answered %s", resp.Status)
	}
	first, size, ok := parseContentRange(resp.Header.Get("Content-Range"))
	if !ok {
		return &fatalError{errOtherRange}
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, *r.budget+1))
	if *r.budget -= int64(len(b)); *r.budget < 0 {
		return &fatalError{fmt.Errorf("the list takes more than %d bytes: %w", int64(MaxListBytes), archive.ErrTooLarge)}
	}
	if err != nil {
		return fmt.Errorf("the transfer was interrupted: %w", err)
	}
	r.at, r.size, r.kept = first, size, b
	return nil
}

// parseContentRange reads "bytes 10-19/100".
func parseContentRange(h string) (first, size int64, ok bool) {
	h, isBytes := strings.CutPrefix(h, "bytes ")
	span, total, hasTotal := strings.Cut(h, "/")
	begin, _, hasEnd := strings.Cut(span, "-")
	first, err := strconv.ParseInt(begin, 10, 64)
	size, err2 := strconv.ParseInt(total, 10, 64)
	return first, size, isBytes && hasTotal && hasEnd && err == nil && err2 == nil && 0 <= first && first < size
}
