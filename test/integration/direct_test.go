package integration

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/control/controltest"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/test/errandbin"
)

// functions are where an AWS under test runs the function of direct mode.
type functions struct {
	direct string // its name; empty: there is none, and why says so
	why    string
	// objectURL is where it finds the bucket, if that isn't where we do.
	objectURL string
	goos      string // that it runs on; empty: this one's
}

//go:embed testdata/direct.yaml
var directTemplate []byte

// programName is a program in the archive, which prints its file a.txt and exits with 7.
const programName = "./show"

// direct: Execute invokes the function, which fetches the source by a signed
// request, unpacks it, runs the commands, and answers with what they printed.
func (w *world) direct(t *testing.T) {
	if w.functions.direct == "" {
		t.Skipf("skipped: %s", w.functions.why)
	}
	settings := w.settings
	settings.DirectFunction, settings.ObjectURL = w.functions.direct, w.functions.objectURL
	svc := setup.NewService(setup.Process{AWS: w.cfg, Log: slog.New(slog.DiscardHandler)}, settings)
	user := control.Caller{Principal: control.Principal{Role: errand.RoleUser, Owner: controltest.NewOwner()}}
	src := w.upload(t, user, programArchive(t, w.functions.goos))
	spec := errand.Spec{Source: src, Commands: []errand.Command{{Argv: []string{programName}}, {Argv: []string{programName}}}}
	for range 2 { // each in a process of its own
		run, err := svc.Execute(t.Context(), user, spec, control.CreateOptions{})
		must(t, err)
		if out := run.Result; out.Status != errand.Completed || out.ExitCode == nil || *out.ExitCode != 7 || len(out.Commands) != 1 || string(out.Commands[0].Stdout) != "of the archive" {
			t.Errorf("direct: %+v", out)
		}
	}
	spec.Commands = []errand.Command{{Argv: []string{"./not-there"}}}
	run, err := svc.Execute(t.Context(), user, spec, control.CreateOptions{})
	must(t, err)
	if out := run.Result; out.Status != errand.Failed && (out.ExitCode == nil || *out.ExitCode == 0) {
		t.Errorf("a program that isn't there: %+v", out)
	}
}

// programArchive is a ZIP of the program and its file.
func programArchive(t *testing.T, goos string) []byte {
	t.Helper()
	program := compile(t, goos, "./test/integration/testdata/show")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, body := range map[string][]byte{programName[2:]: program, "a.txt": []byte("of the archive")} {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o755)
		f, err := z.CreateHeader(h)
		must(t, err)
		_, err = io.Copy(f, bytes.NewReader(body))
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

// compile builds a program that needs nothing of the system it runs on.
func compile(t *testing.T, goos, pkg string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	var env []string
	if goos != "" {
		env = []string{"GOOS=" + goos}
	}
	must(t, errandbin.BuildPackage(file, pkg, env...))
	b, err := os.ReadFile(file)
	must(t, err)
	return b
}
