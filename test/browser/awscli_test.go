package browser

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/errandhq/errand/internal/durable"
)

// object is what a file in the page's bucket has besides its bytes.
type object struct {
	ContentType, CacheControl string
}

// aboutSuffix is that of the file beside an object's, with the object as JSON.
const aboutSuffix = ".about"

// outputs are those of the two stacks; the page's bucket is a directory.
type outputs struct{ api, objects, page string }

// deployPage runs scripts/deploy-page with an AWS CLI whose bucket is the returned
// directory. The parameters that the page's stack is deployed with are returned too.
func deployPage(t *testing.T, o outputs) (bucket string, parameters map[string]string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	root, bin := t.TempDir(), t.TempDir()
	require(t, os.Symlink(self, filepath.Join(bin, "aws")))
	for name, value := range map[string]string{"errand.Url": o.api, "errand.BucketName": o.objects, "errand-page.Url": o.page, "errand-page.BucketName": "page"} {
		require(t, os.WriteFile(filepath.Join(root, name), []byte(value), 0o600))
	}
	cmd := exec.CommandContext(t.Context(), "../../scripts/deploy-page")
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "ERRAND_TEST_AWS="+root)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("scripts/deploy-page: %v\n%s", err, out)
	}
	if want := `make deploy PARAMETERS="PageOrigin=` + o.page + `"`; !strings.Contains(string(out), want) {
		t.Errorf("scripts/deploy-page doesn't say %s:\n%s", want, out)
	}
	b, err := os.ReadFile(filepath.Join(root, "parameters"))
	require(t, err)
	parameters = map[string]string{}
	for _, p := range strings.Fields(string(b)) {
		name, value, _ := strings.Cut(p, "=")
		parameters[name] = value
	}
	return filepath.Join(root, "page"), parameters
}

// awsCLI does what the script asks of the AWS CLI, in the directory root.
func awsCLI(root string, args []string) error {
	switch {
	case len(args) > 4 && args[1] == "describe-stacks":
		return printOutput(root, args[3], args[5])
	case len(args) > 1 && args[1] == "deploy":
		return keepParameters(root, args)
	case len(args) > 3 && args[0] == "s3" && args[1] == "cp":
		return copyToBucket(root, args[2], args[3], args[4:])
	}
	return fmt.Errorf("unexpected: aws %q", args)
}

func printOutput(root, stack, query string) error {
	_, rest, _ := strings.Cut(query, "OutputKey=='")
	name, _, _ := strings.Cut(rest, "'")
	b, err := os.ReadFile(filepath.Join(root, stack+"."+name))
	fmt.Println(string(b))
	return err
}

func keepParameters(root string, args []string) error {
	for i, a := range args {
		if a == "--parameter-overrides" {
			return os.WriteFile(filepath.Join(root, "parameters"), []byte(strings.Join(args[i+1:], "\n")), 0o600)
		}
	}
	return fmt.Errorf("no parameters in %q", args)
}

// copyToBucket copies a file, a directory or stdin to s3://BUCKET/KEY.
func copyToBucket(root, from, to string, options []string) error {
	target := filepath.Join(root, strings.TrimPrefix(to, "s3://"))
	flags := map[string]string{}
	for i, o := range options {
		if strings.HasPrefix(o, "--") && i+1 < len(options) {
			flags[o] = options[i+1]
		}
	}
	put := func(name string, body []byte) error {
		kind := flags["--content-type"]
		if kind == "" {
			kind = mime.TypeByExtension(filepath.Ext(name))
		}
		about, err := json.Marshal(object{kind, flags["--cache-control"]})
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(name+aboutSuffix, about, 0o600); err != nil {
			return err
		}
		return durable.WriteFile(durable.OS, name, body, 0o600)
	}
	if from == "-" {
		b, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		return put(target, b)
	}
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		return put(filepath.Join(target, rel), b)
	})
}
