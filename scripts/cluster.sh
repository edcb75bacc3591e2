# Sourced by the scripts that test errand serve: servers in a directory of their own, $dir, which end with the script.

for tool in java mvn; do
  have $tool || { echo "skipped $(basename "$0"): $tool is not installed"; exit 0; }
done

# jars POM DIR: what a POM needs, in .cache/DIR.
jars() {
  if ! test -d "$cache/$2"; then
    mvn -B -q -f "$1" dependency:copy-dependencies -DoutputDirectory="$cache/$2.new"
    mv "$cache/$2.new" "$cache/$2"
  fi
}
local_dynamodb=localstack/internal/dynamodb/dynamodbwire/testdata/dynamodblocal
jars $local_dynamodb/pom.xml dynamodb-local

dir=$(mktemp -d)
started=()
stop_servers() {
  if test ${#started[@]} -gt 0; then
    kill "${started[@]}" 2>/dev/null || true
    wait "${started[@]}" 2>/dev/null || true
  fi
  rm -rf "$dir"
}
trap stop_servers EXIT

# free_port prints a port that nobody listens on.
free_port() { $go run ./test/cluster/freeport; }

# await FILE TEXT: until a server's output has it.
await() {
  local tries
  for tries in {1..1200}; do
    if grep -qs "$2" "$dir/$1"; then return; fi
    sleep 0.1
  done
  echo "$(basename "$0"): $1 did not start:" >&2
  cat "$dir/$1" >&2
  exit 1
}

# start_dynamodb starts DynamoDB Local and sets dynamodb_url.
start_dynamodb() {
  mkfifo "$dir/stdin"
  exec 3<>"$dir/stdin" # DynamoDB Local ends with its stdin
  java -Xmx512m -Dsqlite4java.library.path="$cache/dynamodb-local" -cp "$cache/dynamodb-local/*" $local_dynamodb/Loopback.java <&3 >"$dir/dynamodb" 2>&1 &
  started+=($!)
  await dynamodb '^url '
  dynamodb_url=$(sed -n 's/^url //p' "$dir/dynamodb")
}

# write_env SQS S3: the addresses and credentials of all three services, in $dir/env.
write_env() {
  cat >"$dir/env" <<END
AWS_ENDPOINT_URL_DYNAMODB=$dynamodb_url
AWS_ENDPOINT_URL_SQS=$1
AWS_ENDPOINT_URL_S3=$2
AWS_REGION=us-east-1
AWS_ACCESS_KEY_ID=test
AWS_SECRET_ACCESS_KEY=testtest
END
}

# test_servers NAME ARGS…: the tests of errand serve, and the suite of the adapters and of the flow. NAME says which
# differences from AWS are known.
test_servers() {
  local name=$1
  shift
  ERRAND_CLUSTER=$dir/env $go test -count=1 -run '^(TestServe|TestServeProxiesObjects|TestServerOfClusterKilled)$' "$@" ./test/e2e
  set -a
  source "$dir/env"
  set +a
  ERRAND_INTEGRATION=1 ERRAND_ENDPOINT_IS=$name $go test -tags integration -count=1 -run '^TestEndpoint$' "$@" ./test/integration 2>&1 |
    grep -v 'WARN failed to close HTTP response body' # the SDK's, of DynamoDB Local's checksums
}
