package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// What one call of fetch_artifacts downloads at most.
const (
	mcpMaxFiles     = 100
	mcpMaxFileBytes = 100_000_000
)

type mcpArtifacts struct {
	mcpJob
	Pattern string `json:"pattern,omitempty" jsonschema:"only files whose path matches this pattern, like build/*.log"`
}

func (s *mcpServer) listArtifacts(ctx context.Context, _ *mcp.CallToolRequest, in mcpArtifacts) (*mcp.CallToolResult, any, error) {
	_, page, err := s.artifacts(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	var b strings.Builder
	for i, f := range page.Files {
		if i == mcpMaxFiles {
			fmt.Fprintf(&b, "… and more; narrow the pattern\n")
			break
		}
		fmt.Fprintf(&b, "%s  %s\n", clip(terminal.ReplaceControls(f.Path), 300), terminal.FormatBytes(f.Size))
	}
	return textResult(cmp.Or(b.String(), noArtifacts(&page))), nil, nil
}

func noArtifacts(page *api.ArtifactPage) string {
	if !page.Status.Terminal() {
		return fmt.Sprintf("no files yet: the job is %s", page.Status)
	}
	return "the job gave back no such files"
}

func (s *mcpServer) artifacts(ctx context.Context, in mcpArtifacts) (id string, page api.ArtifactPage, err error) {
	if id, err = findJobID(ctx, s.client, in.Job); err != nil {
		return "", page, err
	}
	page, err = callWithRetry(ctx, retryFirst, func(ctx context.Context) (api.ArtifactPage, error) {
		return s.client.Artifacts(ctx, id, 0, in.Pattern, "")
	})
	return id, page, err
}

type mcpFetch struct {
	mcpArtifacts
	Folder string `json:"folder,omitempty" jsonschema:"folder to write to, relative to the root; it is made if needed; default errand-artifacts/JOB"`
}

func (s *mcpServer) fetchArtifacts(ctx context.Context, _ *mcp.CallToolRequest, in mcpFetch) (*mcp.CallToolResult, any, error) {
	id, page, err := s.artifacts(ctx, in.mcpArtifacts)
	switch {
	case err != nil:
		return nil, nil, err
	case len(page.Files) == 0:
		return nil, nil, errors.New(noArtifacts(&page))
	case len(page.Files) > mcpMaxFiles || page.Next != "":
		return nil, nil, fmt.Errorf("these are more than %d files; narrow the pattern", mcpMaxFiles)
	}
	var size int64
	for _, f := range page.Files {
		size += f.Size
	}
	if size > mcpMaxFileBytes {
		return nil, nil, fmt.Errorf("these files have %s; the limit is %s: narrow the pattern", terminal.FormatBytes(size), terminal.FormatBytes(mcpMaxFileBytes))
	}
	root, err := os.OpenRoot(s.root) // no path through it leads out, whatever the links
	if err != nil {
		return nil, nil, fmt.Errorf("open the root: %w", err)
	}
	defer func() { _ = root.Close() }() // what was written is closed
	folder := cmp.Or(in.Folder, "errand-artifacts/"+id)
	var b strings.Builder
	for i := range page.Files {
		f := &page.Files[i]
		if f.Download == nil {
			fmt.Fprintf(&b, "left out %s: a symbolic link\n", clip(f.Path, 300))
			continue
		}
		at := path.Join(folder, f.Path)
		if !filepath.IsLocal(filepath.FromSlash(folder)) || !filepath.IsLocal(filepath.FromSlash(f.Path)) {
			return nil, nil, fmt.Errorf("%q is not below the root", at)
		}
		if err := fetchFile(ctx, s.client.HTTP, root, filepath.FromSlash(at), f); err != nil {
			return nil, nil, fmt.Errorf("fetch %s: %w", at, err)
		}
		fmt.Fprintf(&b, "wrote %s (%s)\n", clip(at, 500), terminal.FormatBytes(f.Size))
	}
	return textResult(b.String()), nil, nil
}

// fetchFile downloads a file to a path below the root. It replaces none.
func fetchFile(ctx context.Context, client *http.Client, root *os.Root, name string, f *api.ArtifactDownload) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	body, err := openSigned(ctx, client, f.Download)
	if err != nil {
		return err
	}
	defer body.Close()
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.Perm()|0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, hash), io.LimitReader(body, f.Size+1))
	if err = errors.Join(err, out.Close()); err == nil && (n != f.Size || hex.EncodeToString(hash.Sum(nil)) != f.SHA256) {
		err = errors.New("the download is not what the job gave back")
	}
	if err != nil {
		return errors.Join(err, root.Remove(name))
	}
	return nil
}

func openSigned(ctx context.Context, client *http.Client, r *errand.SignedRequest) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, nil)
	if err != nil {
		return nil, err
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, fmt.Errorf("the storage answers %s", res.Status)
	}
	return res.Body, nil
}
