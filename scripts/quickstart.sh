#!/bin/sh
# Builds errand and opens its menu: a project, a job, its output, the workers.
# Needs Go. On Windows: quickstart.bat.
set -eu
command -v go >/dev/null || { echo "quickstart: Go is required to build errand: https://go.dev/dl/" >&2; exit 1; }
cd "$(dirname "$0")/.."
scripts/build bin/errand ./cmd/errand
exec bin/errand quickstart "$@"
