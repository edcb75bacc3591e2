package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// sendLarge sends a content in parts, if it is too large for one PUT. It goes on with the
// upload that the notes name, also one of an earlier process. An upload that has gone is
// begun again.
func (s *artifactSender) sendLarge(ctx context.Context, i *artifactItem) error {
	if i.Size <= errand.SinglePutBytes || s.notes.isDone(i.SHA256) {
		return nil
	}
	var err error
	for range artifactUploads {
		err = s.sendParts(ctx, i)
		switch {
		case err == nil:
			s.notes.done(i.SHA256)
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case s.isPermanent(err):
			s.giveUp(i, err)
			return nil
		case !isUploadGone(err):
			return err
		}
		s.notes.begin(i.SHA256, "")
	}
	return err
}

// isUploadGone reports whether the upload must be begun again.
func isUploadGone(err error) bool {
	var status *storageError
	return api.CodeOf(err) == errand.CodeUploadGone || errors.As(err, &status) && status.code == http.StatusNotFound
}

func (s *artifactSender) sendParts(ctx context.Context, i *artifactItem) error {
	up := errand.ArtifactUpload{Content: i.Content, UploadID: s.notes.upload(i.SHA256)}
	if up.UploadID == "" {
		grants, err := s.sign(ctx, []errand.ArtifactUpload{up})
		if err != nil {
			return err
		}
		up.UploadID = grants[0].UploadID
		s.notes.begin(i.SHA256, up.UploadID)
	}
	for try := 1; ; try++ {
		missing := s.missingParts(i)
		if len(missing) == 0 {
			break
		}
		failed, err := s.sendSomeParts(ctx, i, up, missing[:min(len(missing), artifactSenders)])
		if err != nil {
			return err
		}
		if failed == 0 {
			try = 0
		}
		if err := s.pause(ctx, failed, try); err != nil {
			return err
		}
	}
	up.Complete = true
	for n := range i.Parts() {
		up.Parts = append(up.Parts, s.notes.part(i.SHA256, n+1))
	}
	_, err := s.sign(ctx, []errand.ArtifactUpload{up})
	return err
}

// missingParts returns the numbers of the parts that haven't arrived.
func (s *artifactSender) missingParts(i *artifactItem) []int {
	var missing []int
	for n := range i.Parts() {
		if s.notes.part(i.SHA256, n+1).ETag == "" {
			missing = append(missing, n+1)
		}
	}
	return missing
}

// sendSomeParts sends parts at the same time, and returns how many must be sent again.
func (s *artifactSender) sendSomeParts(ctx context.Context, i *artifactItem, up errand.ArtifactUpload, numbers []int) (failed int, err error) {
	for _, n := range numbers {
		sum, err := s.hashPart(ctx, i, n)
		if err != nil {
			return 0, err
		}
		up.Parts = append(up.Parts, errand.ArtifactPart{Number: n, SHA256: sum})
	}
	grants, err := s.sign(ctx, []errand.ArtifactUpload{up})
	if err != nil {
		return 0, err
	}
	if len(grants[0].Parts) != len(numbers) {
		return 0, errors.New("the server did not say where to send parts of an artifact")
	}
	errs := s.putAll(ctx, len(numbers), func(ctx context.Context, n int) error {
		part := up.Parts[n]
		etag, err := s.put(ctx, grants[0].Parts[n], i, partOffset(part.Number), i.PartSize(part.Number))
		if err == nil && etag == "" {
			err = errors.New("the storage did not answer the ETag of a part")
		}
		if err == nil {
			part.ETag = etag
			s.notes.partDone(i.SHA256, part)
		}
		return err
	})
	for _, err := range errs {
		switch {
		case err == nil:
			continue
		case s.isPermanent(err), isUploadGone(err):
			return 0, err
		}
		failed++
		s.t.agent.Log.Warn("could not send a part of an artifact, trying again", "job", s.t.JobID, "err", err)
	}
	return failed, nil
}

func partOffset(number int) int64 { return int64(number-1) * errand.ArtifactPartBytes }

func (s *artifactSender) hashPart(ctx context.Context, i *artifactItem, number int) (string, error) {
	body, err := s.open(i, partOffset(number), i.PartSize(number))
	if err != nil {
		return "", &localError{err}
	}
	defer body.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, body); err != nil {
		return "", &localError{fmt.Errorf("read it: %w", err)}
	}
	return hex.EncodeToString(sum.Sum(nil)), context.Cause(ctx)
}
