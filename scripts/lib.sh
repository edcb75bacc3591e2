# Sourced by the other scripts: goes to the root of the repository and defines what they share.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
go=${GO:-go}
cache=$PWD/.cache

# goflags prints the flags in scripts/goflags.
goflags() { grep -v '^#' scripts/goflags; }

# race prints -race where the race detector can be built: it needs a C compiler.
race() {
  if command -v "$($go env CC)" >/dev/null; then
    echo -race
  else
    echo "the tests run without the race detector: no C compiler found" >&2
  fi
}

# have tells whether a tool is installed; docker counts if its daemon answers.
have() {
  case $1 in
    docker) docker info >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# require_docker ends the script without Docker: successfully, or with an error if ERRAND_REQUIRE_DOCKER is set.
require_docker() {
  have docker && return
  test -z "${ERRAND_REQUIRE_DOCKER:-}" || { echo "$(basename "$0"): Docker is not available (docker info failed)" >&2; exit 1; }
  echo "skipped $(basename "$0"): Docker is not available (docker info failed)"
  exit 0
}

# as_root runs a command as root. It asks for no password.
as_root() { if test "$(id -u)" = 0; then "$@"; else sudo -n "$@"; fi; }
