package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/project"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/internal/upload"
)

// largeFile is the average size of files above which a folder is more content than names.
const largeFile = 64 << 10

// sendFolder sends the folder as a manifest, and what the server lacks of its content.
func (a *app) sendFolder(ctx context.Context, c *api.Client, cache *project.Cache, files *project.Selection, dir string) (*errand.Source, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	sender := upload.Sender{Server: packServer{c}, Name: sentName(dir)}
	if cache != nil {
		sender.Cache = cache
	}
	percent := 50
	if files.Bytes/int64(len(files.Entries)+1) > largeFile { // chunks and frames are large and soon of no use
		percent = 25
	}
	defer debug.SetGCPercent(debug.SetGCPercent(percent))
	shown := a.term.StartProgress("sending", files.Bytes)
	files.Read = shown.Add
	sent, err := sender.Send(ctx, upload.Folder{Selection: files, Mode: info.Mode(), ModTime: info.ModTime()})
	shown.End()
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", dir, terminal.InterruptOr(ctx, err))
	}
	if cache != nil {
		a.saving.Go(func() { _ = cache.Save() }) // without it, more is read and sent the next time
	}
	a.noteSent(sent.Files, sent.Bytes, sent.Sent, sent.Sent > 0)
	return &sent.Source, nil
}

// packServer is the upload.Server of a client.
type packServer struct{ *api.Client }

func (s packServer) Ask(ctx context.Context, all []errand.UploadRequest) ([]errand.Upload, error) {
	answer, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (errand.Uploads, error) {
		return s.CreateUploads(ctx, errand.UploadBatch{Uploads: all})
	})
	return answer.Uploads, err
}

func (s packServer) Send(ctx context.Context, r errand.UploadRequest, answer *errand.Upload, body io.ReaderAt) (bool, error) {
	return sendArchive(ctx, s.Client, r, answer, body)
}

// isOldServer reports whether the server knows no manifests.
func isOldServer(err error) bool {
	return err != nil && errand.CodeOf(err) == errand.CodeNotFound
}
