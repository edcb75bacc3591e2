# Errand. `make demo` runs the main job, `make test` passes the tests.
SHELL := /bin/bash
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
CACHE := $(CURDIR)/.cache
GOLANGCI_VERSION := v2.14.0
CFNLINT_VERSION := 1.58.0
SAM_VERSION := 1.170.0
HCL_VERSION := v2.24.0
SAM := $(CACHE)/sam/bin/sam

.PHONY: help load bench-init test-isolate functions build demo test race lint template-lint cross bench bench-sqs bench-s3 bench-dynamodb bench-api web test-clients clean ci fuzz dynamodb-local stack-image sam-build sam-local test-integration deploy package

help: ## Show what each target does
	@grep -E '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  %-16s %s\n", $$1, $$2}'

# lambda.norpc leaves out aws-lambda-go's RPC, which no runtime of today speaks;
# net/rpc calls methods by name, so with it the linker keeps all of every AWS client.
build: ## Build bin/errand
	CGO_ENABLED=0 $(GO) build -trimpath -tags lambda.norpc -ldflags '$(LDFLAGS)' -o bin/errand ./cmd/errand

# For this machine; sam build makes those that are deployed.
functions: ## Build the Lambda functions into bin/functions/NAME/bootstrap, for errand local --isolate --functions
	@for f in functions/*/; do \
	  CGO_ENABLED=0 $(GO) build -trimpath -tags lambda.norpc -ldflags '-s -w' -o bin/$${f}bootstrap ./$$f || exit 1; \
	done

demo: build ## Run a real job end to end on a throw-away stack: pack, queue, run, stream, report
	@bin/errand demo examples/wordcount

# The race detector needs a C compiler.
RACE := $(shell command -v $$($(GO) env CC) >/dev/null 2>&1 && echo -race)

test: ## Run all tests with the race detector (10 minutes at most on 2 cores)
	@test -n "$(RACE)" || echo "no C compiler here: the tests run without the race detector"
	$(GO) test $(RACE) -timeout 10m ./...
	ERRAND_PROFILE=hostile ERRAND_SEED=1 ERRAND_DAYS=1 $(GO) test -count=1 -timeout 10m -run '$(HOSTILE_TESTS)' ./test/flow ./test/e2e

# What make test runs of both suites in the hostile profile; all of them take
# minutes more, most of which the SDK waits.
HOSTILE_TESTS := Test(OneJob|Argv|BinaryOutput|Cancel|LostAnswer|ClonedDirectory|Direct|AssignmentTable|Order|Log|Upload|Owners|Sweep|Lane|Repeated|HostileDays)

SEED ?= 1
COUNT ?= 1
.PHONY: test-hostile
test-hostile: ## The flow, end-to-end and browser suites in the hostile profile, for COUNT seeds from SEED on
	@for seed in $$(seq $(SEED) $$(( $(SEED) + $(COUNT) - 1 ))); do \
	  echo "== seed $$seed"; \
	  ERRAND_PROFILE=hostile ERRAND_SEED=$$seed ERRAND_DAYS=1 $(GO) test -count=1 -timeout 30m ./test/flow ./test/e2e ./test/browser || exit 1; \
	done

test-isolate: functions ## Run the tests of the API with the compiled functions as processes, as on Lambda
	ERRAND_E2E_FLAGS="--isolate --functions $(CURDIR)/bin/functions" $(GO) test $(RACE) -count=1 -timeout 10m ./test/e2e ./test/apidoc
	set -o pipefail; ERRAND_ISOLATE=$(CURDIR)/bin/functions $(GO) test $(RACE) -count=1 -timeout 10m -run '$(API_TESTS)' -v ./test/flow | grep -vE '^ +(instance|world_test)\.go'

# The tests in test/flow that drive the functions; those that need them in their
# own process say so and are skipped. The others there call the Service.
API_TESTS := ^Test(Bell|Permissions|Cost|Load)

bench-init: functions ## How long each compiled function takes to start, to its first request for work
	ERRAND_FUNCTIONS=$(CURDIR)/bin/functions $(GO) test -run '^$$' -bench Init -benchtime 20x ./functions

load: ## 1,000 agents wait and 100 jobs a second come, on an account with 100 concurrent executions
	ERRAND_LOAD_AGENTS=1000 $(GO) test -count=1 -run '^TestLoad' -v ./test/flow

lint: ## gofmt, go vet, golangci-lint (built into .cache on first use)
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	@test -x $(CACHE)/golangci-lint || GOBIN=$(CACHE) CGO_ENABLED=0 $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	$(CACHE)/golangci-lint run

# The SAM CLI and cfn-lint, in a virtual environment (340 MB; needs Python).
$(SAM):
	python3 -m venv $(CACHE)/sam
	$(CACHE)/sam/bin/pip install -q aws-sam-cli==$(SAM_VERSION) cfn-lint==$(CFNLINT_VERSION)

template-lint: $(SAM) ## cfn-lint over all templates, sam validate --lint (installs them into .cache on first use; needs Python)
	$(CACHE)/sam/bin/cfn-lint template.yaml $(wildcard infra/*.yaml)
	SAM_CLI_TELEMETRY=0 $(SAM) validate --lint --region us-east-1
	@test -x $(CACHE)/hclfmt || GOBIN=$(CACHE) CGO_ENABLED=0 $(GO) install github.com/hashicorp/hcl/v2/cmd/hclfmt@$(HCL_VERSION)
	@for f in infra/terraform/*.tf; do $(CACHE)/hclfmt -check $$f >/dev/null || { echo "$$f: not HCL as terraform fmt has it"; exit 1; }; done

# What is deployed: stripped binaries for ARCH, built from the checkout.
ARCH ?= arm64
LAMBDA_BUILD = SAM_CLI_TELEMETRY=0 CGO_ENABLED=0 GOFLAGS='-buildvcs=false -trimpath -tags=lambda.norpc -ldflags=-s' \
  $(SAM) build --parameter-overrides Architecture=$(ARCH)

deploy: $(SAM) ## sam build && sam deploy, with AWS credentials of yours (PARAMETERS='AlarmEmail=…' SAMFLAGS='--region …' ARCH=x86_64)
	$(LAMBDA_BUILD)
	SAM_CLI_TELEMETRY=0 $(SAM) deploy $(SAMFLAGS) --parameter-overrides Architecture=$(ARCH) $(PARAMETERS)

package: $(SAM) ## The template with its code in the bucket BUCKET, for CloudFormation and Terraform: .cache/packaged.yaml
	@test -n "$(BUCKET)" || { echo "make package BUCKET=name: which bucket is the code to go to?"; exit 2; }
	$(LAMBDA_BUILD)
	SAM_CLI_TELEMETRY=0 $(SAM) package --s3-bucket $(BUCKET) --s3-prefix errand --output-template-file $(CACHE)/packaged.yaml

sam-build: $(SAM) ## Build the functions for sam local, as this machine runs them
	SAM_CLI_TELEMETRY=0 CGO_ENABLED=0 GOFLAGS='-buildvcs=false -tags=lambda.norpc -ldflags=-s' \
	  $(SAM) build --config-env local --parameter-overrides Architecture=$(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)

# Ends a recipe where there is no container engine: with 1 where there must be one.
NEED_DOCKER = docker info >/dev/null 2>&1 || { \
	test -z "$$ERRAND_REQUIRE_DOCKER" || { echo "no container engine answers (docker info)"; exit 1; }; \
	echo "$@ is skipped: no container engine answers (docker info)"; exit 0; }

sam-local: ## The functions under sam local, the stack in a container, a job end to end; needs Docker, skips without
	@$(NEED_DOCKER); \
	$(MAKE) --no-print-directory stack-image sam-build && \
	ERRAND_SAM=$(SAM) $(GO) test -count=1 -v -timeout 20m ./test/sam

# Ryuk, testcontainers' reaper, is an image to pull; tests end their own containers.
test-integration: ## The adapters and the flow against the stack's image, LocalStack's, and AWS_ENDPOINT_URL; what isn't there is skipped by name
	@docker info >/dev/null 2>&1 || test -z "$$ERRAND_REQUIRE_DOCKER" || { echo "no container engine answers (docker info)"; exit 1; }
	@! docker info >/dev/null 2>&1 || $(MAKE) --no-print-directory stack-image
	ERRAND_INTEGRATION=1 TESTCONTAINERS_RYUK_DISABLED=true $(if $(wildcard /.dockerenv),TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1) \
	  $(GO) test -count=1 -v -timeout 15m ./test/integration

STACK_IMAGE := errand-stack:checkout

stack-image: ## Build the image of the stack alone, FROM scratch (needs Docker)
	@rm -rf $(CACHE)/stack-image && mkdir -p $(CACHE)/stack-image/data
	CGO_ENABLED=0 GOOS=linux $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(CACHE)/stack-image/stack ./cmd/errand-stack
	@cp infra/stack/Dockerfile $(CACHE)/stack-image/
	@DOCKER_BUILDKIT=0 docker build -q -t $(STACK_IMAGE) $(CACHE)/stack-image 2>$(CACHE)/stack-image.err || { cat $(CACHE)/stack-image.err; exit 1; }
	@docker image ls $(STACK_IMAGE)

cross: ## Vet and build for Linux, macOS and Windows
	@for os in linux darwin windows; do \
	  echo "== $$os"; \
	  GOOS=$$os CGO_ENABLED=0 $(GO) vet ./... && GOOS=$$os CGO_ENABLED=0 $(GO) build -o /dev/null ./... || exit 1; \
	done
	@echo "== functions (linux/arm64)"; GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) build -tags lambda.norpc -o /dev/null ./functions/...

test-clients: build ## The AWS CLI and boto3 against bin/errand stack (installs them into .cache on first use; needs Python)
	@cmp -s test/clients/requirements.txt $(CACHE)/clients/requirements.txt || { rm -rf $(CACHE)/clients && python3 -m venv $(CACHE)/clients \
	  && $(CACHE)/clients/bin/pip install -q -r test/clients/requirements.txt && cp test/clients/requirements.txt $(CACHE)/clients; }
	$(CACHE)/clients/bin/python -B -m pytest -q -p no:cacheprovider test/clients

bench-dynamodb: ## DynamoDB beside a bare handler and itself with durability off, and a query over 10^3 to 10^6 items
	$(GO) test -run '^$$' -bench '^BenchmarkDynamoDB' -benchtime 1x -timeout 30m ./bench

web: ## Build the page into web/dist (needs Node; the build is committed)
	cd web && npm ci --no-audit --no-fund && npm run build && npm test

DYNAMODB_LOCAL := localstack/internal/dynamodb/dynamodbwire
dynamodb-local: ## The same random operations on our DynamoDB and on AWS's DynamoDB Local (fetched into .cache; needs Java and Maven)
	@command -v java >/dev/null && command -v mvn >/dev/null || { echo "skipped: no Java, or no Maven"; exit 0; }; \
	test -d $(CACHE)/dynamodb-local || { mvn -B -q -f $(DYNAMODB_LOCAL)/testdata/dynamodblocal/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CACHE)/dynamodb-local.new && mv $(CACHE)/dynamodb-local.new $(CACHE)/dynamodb-local; } || exit 1; \
	DYNAMODB_LOCAL_LIB=$(CACHE)/dynamodb-local $(GO) test -count=1 -run TestDynamoDBLocal -v ./$(DYNAMODB_LOCAL)

FUZZTIME ?= 30s
fuzz: ## Run every fuzz target for FUZZTIME (30s) each; their seeds are ordinary tests
	@for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  for t in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' $$f); do \
	    echo "== $$(dirname $$f) $$t"; $(GO) test -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x ./$$(dirname $$f) || exit 1; \
	  done; done

# As the programs are built: with cgo, the store's memory is C's, and each call of it costs.
bench bench-sqs bench-s3 bench-dynamodb bench-api bench-init: export CGO_ENABLED = 0

bench: ## Run the benchmarks
	$(GO) test -run '^$$' -bench . -benchtime 1s ./...

.PHONY: crash
crash: ## Kill the stack under load 300 times, and cut the power at every sync of 25 loads; make test does some of it
	ERRAND_CRASH_KILLS=300 $(GO) test -count 1 -v -timeout 60m -run '^TestKill' ./test/crash
	ERRAND_CRASH_LONG=1 $(GO) test -count 1 -v -timeout 60m -run 'SyncPoint' ./localstack/internal/sqs
	ERRAND_S3_KILLS=100 $(GO) test -count 1 -v -timeout 60m -run '^TestKill|^TestPowerCut' ./localstack/internal/s3

bench-sqs: ## SQS beside a bare handler, a bare fsync and itself with durability off: a table of ratios (bench/README.md)
	$(GO) test -run '^$$' -bench '^BenchmarkSQS' -benchtime 1x -timeout 30m ./bench

bench-s3: ## S3 beside cp and fsync and a bare handler, and the memory that 5 GB take: a table (bench/README.md)
	$(GO) test -run '^$$' -bench '^BenchmarkS3' -benchtime 1x -timeout 60m ./bench

bench-api: ## What one caller waits for the API of errand local: create, status, assignment, heartbeat
	$(GO) test -run '^$$' -bench '^BenchmarkAPI' -benchtime 1x ./bench

clean: ## Remove what was built
	rm -rf bin .cache .aws-sam

ci: ## What CI runs
	bash .ci/run
