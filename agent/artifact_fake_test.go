package agent_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// artifactStorage is what a server has of artifacts.
type artifactStorage struct {
	contents map[string][]byte         // by SHA-256
	uploads  map[string]map[int][]byte // parts, by upload ID
	puts     []string                  // paths, as they came
	signed   int                       // requests to sign
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// signArtifacts answers as the real server does.
func (s *server) signArtifacts(w http.ResponseWriter, r *http.Request) {
	var in api.SignArtifacts
	s.read(r, s.workerToken(), &in)
	out := api.SignedArtifacts{Grants: make([]errand.ArtifactGrant, len(in.Uploads))}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.artifacts.signed++
	for n, u := range in.Uploads {
		if err := u.Validate(fmt.Sprint("uploads ", n)); err != nil {
			s.t.Errorf("artifacts: %v", err)
		}
		g := &out.Grants[n]
		at := s.URL + "/contents/" + u.SHA256
		parts := s.artifacts.uploads[u.UploadID]
		switch {
		case u.Size <= errand.SinglePutBytes:
			g.Put = &errand.SignedRequest{Method: http.MethodPut, URL: at}
			continue
		case u.UploadID == "":
			g.UploadID = fmt.Sprint("upload", len(s.artifacts.uploads))
			s.artifacts.uploads[g.UploadID] = map[int][]byte{}
			continue
		case parts == nil:
			problem(w, errand.CodeUploadGone)
			return
		case u.Complete:
			var all []byte
			for _, p := range u.Parts {
				if sumOf(parts[p.Number]) != p.SHA256 || p.ETag != "etag-"+p.SHA256 {
					s.t.Errorf("part %d isn't the one that came", p.Number)
				}
				all = append(all, parts[p.Number]...)
			}
			if sumOf(all) != u.SHA256 {
				s.t.Errorf("the parts of %s are another content", u.SHA256)
			}
			s.artifacts.contents[u.SHA256] = all
			g.Complete = true
			continue
		}
		for _, p := range u.Parts {
			g.Parts = append(g.Parts, errand.SignedRequest{Method: http.MethodPut, URL: fmt.Sprintf("%s/%s/%d", at, u.UploadID, p.Number), Header: map[string]string{"X-Sum": p.SHA256}})
		}
	}
	answer(w, out)
}

func (s *server) putContent(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if sumOf(b) != r.PathValue("sha256") {
		http.Error(w, "BadDigest", http.StatusBadRequest)
		return
	}
	s.set(func() {
		s.artifacts.puts = append(s.artifacts.puts, r.URL.Path)
		s.artifacts.contents[sumOf(b)] = b
	})
}

func (s *server) putPart(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if sumOf(b) != r.Header.Get("X-Sum") {
		http.Error(w, "BadDigest", http.StatusBadRequest)
		return
	}
	number, _ := strconv.Atoi(r.PathValue("part"))
	s.set(func() {
		s.artifacts.puts = append(s.artifacts.puts, r.URL.Path)
		if parts := s.artifacts.uploads[r.PathValue("upload")]; parts != nil {
			parts[number] = b
			w.Header().Set("Etag", "etag-"+sumOf(b))
			return
		}
		http.Error(w, "NoSuchUpload", http.StatusNotFound)
	})
}

// artifactList is the list that the result names.
func (s *server) artifactList(r errand.Result) errand.ArtifactList {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Artifacts == nil || r.Artifacts.List == nil {
		s.t.Fatalf("artifacts %+v", r.Artifacts)
	}
	b := s.artifacts.contents[r.Artifacts.List.SHA256]
	var l errand.ArtifactList
	if err := json.Unmarshal(b, &l); err != nil || int64(len(b)) != r.Artifacts.List.Size {
		s.t.Fatalf("the list %q: %v", b, err)
	}
	return l
}

// text is the content of a file that came back.
func (s *server) text(l errand.ArtifactList, path string) string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range l.Files {
		if f.Path == path {
			return string(s.artifacts.contents[f.SHA256])
		}
	}
	s.t.Errorf("%s did not come back", path)
	return ""
}
