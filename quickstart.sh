#!/bin/sh
# Builds errand and opens its menu: a project, a job, its output, the workers.
# Needs Go. On Windows: quickstart.bat.
set -eu
cd "$(dirname "$0")"
command -v go >/dev/null || { echo "quickstart: Go is needed to build errand: https://go.dev/dl/" >&2; exit 1; }
CGO_ENABLED=0 go build -trimpath -tags lambda.norpc -o bin/errand ./cmd/errand
exec bin/errand quickstart "$@"
