package browser

import (
	"crypto/md5"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/errandhq/errand/localstack"
)

// A page posts a file to a bucket by a signed policy, reads it back by a presigned
// URL, and says what happened. It is of another origin than the bucket.
var uploadPage = template.Must(template.New("page").Parse(`<!doctype html><title>upload</title><script>
(async () => {
  const said = {};
  const form = new FormData();
  for (const [k, v] of Object.entries({{.Fields}})) form.append(k, v);
  form.append("file", new File(["from a browser"], "f.txt"));
  try {
    const answer = await fetch({{.Post}}, {method: "POST", body: form});
    said.post = answer.status;
    said.etag = answer.headers.get("ETag");
    said.put = (await fetch({{.Put}}, {method: "PUT", body: "put", headers: {"x-amz-meta-from": "page"}})).status;
    said.get = await (await fetch({{.Get}})).text();
  } catch (e) { said.error = String(e); }
  await fetch("/said", {method: "POST", body: JSON.stringify(said)});
})();
</script>`))

type said struct {
	Post  int    `json:"post"`
	ETag  string `json:"etag"`
	Put   int    `json:"put"`
	Get   string `json:"get"`
	Error string `json:"error"`
}

// TestBucketFromAnotherOrigin shows that a real browser, which asks before it
// sends and hides what it may not show, gets on with the embedded S3's CORS
// rules; and that without rules it doesn't.
func TestBucketFromAnotherOrigin(t *testing.T) {
	chromium := requireChromium(t)
	stack, err := localstack.Start(t.Context(), localstack.Config{Addr: "127.0.0.1:0", Logf: t.Logf})
	must(t, err)
	t.Cleanup(func() { must(t, stack.Close()) })
	client := s3.NewFromConfig(stack.AWSConfig(), func(o *s3.Options) {
		o.UsePathStyle, o.BaseEndpoint = true, aws.String(stack.Endpoint())
	})
	bucket := aws.String("uploads")
	_, err = client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket})
	must(t, err)

	heard := make(chan said, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { servePage(t, w, r, client) })
	mux.HandleFunc("POST /said", func(_ http.ResponseWriter, r *http.Request) {
		var s said
		must(t, json.NewDecoder(r.Body).Decode(&s))
		heard <- s
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)

	if got := visit(t, chromium, srv.URL, heard); got.Error == "" {
		t.Errorf("a bucket without CORS rules let the page in: %+v", got)
	}
	_, err = client.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: bucket, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{
		AllowedOrigins: []string{srv.URL}, AllowedMethods: []string{"GET", "PUT", "POST"}, AllowedHeaders: []string{"x-amz-meta-*"}, ExposeHeaders: []string{"ETag"},
	}}}})
	must(t, err)
	got := visit(t, chromium, srv.URL, heard)
	const file = "from a browser"
	if want := (said{Post: 204, ETag: fmt.Sprintf(`"%x"`, md5.Sum([]byte(file))), Put: 200, Get: file}); got != want {
		t.Errorf("the page said %+v, want %+v", got, want)
	}
	out, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("put")})
	must(t, err)
	if out.Metadata["from"] != "page" {
		t.Errorf("metadata %v", out.Metadata)
	}
}

func servePage(t *testing.T, w io.Writer, r *http.Request, client *s3.Client) {
	presign := s3.NewPresignClient(client)
	bucket := aws.String("uploads")
	post, err := presign.PresignPostObject(r.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("in/f.txt")}, func(o *s3.PresignPostOptions) {
		o.Conditions = []any{[]any{"content-length-range", 1, 100}}
	})
	must(t, err)
	put, err := presign.PresignPutObject(r.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("put"), Metadata: map[string]string{"from": "page"}})
	must(t, err)
	get, err := presign.PresignGetObject(r.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("in/f.txt")})
	must(t, err)
	must(t, uploadPage.Execute(w, map[string]any{"Post": post.URL, "Fields": post.Values, "Put": put.URL, "Get": get.URL}))
}

// visit opens a page in a browser of its own and waits for what it has to say.
func visit(t *testing.T, chromium, url string, heard <-chan said) said {
	t.Helper()
	profile, err := os.MkdirTemp("", "errand-chromium")
	must(t, err)
	defer func() { _ = os.RemoveAll(profile) }() // its processes may still write there
	cmd := exec.CommandContext(t.Context(), chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--user-data-dir="+profile, "--remote-debugging-port=0", url)
	cmd.WaitDelay = 5 * time.Second
	must(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill() // it would stay open
		_ = cmd.Wait()
	}()
	select {
	case s := <-heard:
		return s
	case <-time.After(2 * time.Minute):
		t.Fatal("the page says nothing")
		return said{}
	}
}

// requireChromium is requireBrowser for tests that need no Node.
func requireChromium(t *testing.T) string {
	t.Helper()
	for _, name := range append([]string{os.Getenv("CHROMIUM")}, browsers...) {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("ERRAND_REQUIRE_BROWSER") != "" {
		t.Fatal("there is no Chromium")
	}
	t.Skip("uploads from a page are not tested: there is no Chromium")
	return ""
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(fmt.Errorf("upload page: %w", err))
	}
}
