package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/errandhq/errand/internal/archive"
	"github.com/errandhq/errand/internal/project"
)

func ExamplePack() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, content := range map[string]string{"main.go": "package main\n", "main.log": "x", ".errandignore": "*.log\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	files, err := project.Select(context.Background(), dir, project.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer files.Close()
	var zip bytes.Buffer
	packed, err := archive.Pack(context.Background(), files, &zip)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(packed.Files, "files,", packed.Bytes, "bytes")
	// Output: 2 files, 19 bytes
}
