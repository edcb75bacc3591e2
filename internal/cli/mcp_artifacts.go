package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/fetch"
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
	folder := cmp.Or(in.Folder, "errand-artifacts/"+id)
	report, err := s.fetchInto(ctx, folder, &page)
	if err != nil {
		return nil, nil, err
	}
	if err := keptError(&report); err != nil {
		return nil, nil, err
	}
	sizes := map[string]int64{}
	for _, f := range page.Files {
		sizes[f.Path] = f.Size
	}
	var b strings.Builder
	for _, name := range report.Fetched {
		fmt.Fprintf(&b, "wrote %s (%s)\n", clip(terminal.ReplaceControls(path.Join(folder, name)), 500), terminal.FormatBytes(sizes[name]))
	}
	if report.Same > 0 {
		fmt.Fprintf(&b, "%s unchanged\n", count(report.Same, "file"))
	}
	for _, l := range report.LeftOut {
		fmt.Fprintf(&b, "did not write %s: it %s\n", clip(terminal.ReplaceControls(path.Join(folder, l.Path)), 500), clip(terminal.ReplaceControls(l.Why), 300))
	}
	return textResult(b.String()), nil, nil
}

// fetchInto fetches files into a folder below the root, and replaces none.
func (s *mcpServer) fetchInto(ctx context.Context, folder string, page *api.ArtifactPage) (fetch.Report, error) {
	root, err := os.OpenRoot(s.root) // no path through it leads out, whatever the links
	if err != nil {
		return fetch.Report{}, fmt.Errorf("open the root: %w", err)
	}
	defer func() { _ = root.Close() }() // opened for reading
	if err := fetch.CheckFolder(folder); err != nil {
		return fetch.Report{}, fmt.Errorf("the folder %q is not below the root: %w", folder, err)
	}
	if err := root.MkdirAll(filepath.FromSlash(folder), 0o755); err != nil {
		return fetch.Report{}, err
	}
	to, err := root.OpenRoot(filepath.FromSlash(folder))
	if err != nil {
		return fetch.Report{}, err
	}
	defer func() { _ = to.Close() }() // opened for reading
	files := make([]fetch.File, len(page.Files))
	for i, f := range page.Files {
		files[i] = fetch.File{ArtifactFile: f.ArtifactFile, Download: f.Download}
	}
	return fetch.Fetch(ctx, fetch.Config{Root: to, HTTP: s.client.HTTP, Now: time.Now()}, files)
}
