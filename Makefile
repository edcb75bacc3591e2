# Errand. An index: what is longer than a line is a script in scripts/, which says what it does and runs by itself.
SHELL := /bin/bash
export GO ?= go
export ARCH ?= arm64

.PHONY: help
help: ## Show what each target does
	@awk -F ':.*## ' '/^## /{printf "\n%s\n", substr($$0, 4)} /^[a-z0-9-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## Build and try
.PHONY: build functions demo web stack-image captures screenshots clean
build: ## Build bin/errand
	scripts/build bin/errand ./cmd/errand
functions: ## Build the Lambda functions for this machine into bin/functions, for errand local --isolate --functions
	scripts/functions
demo: build ## Run a real job end to end on a temporary stack: pack, queue, run, stream, report
	@bin/errand demo examples/wordcount
web: ## Build the page into web/dist and test it (needs Node; the build is committed)
	cd web && npm ci --no-audit --no-fund && npm run build && npm test
stack-image: ## Build the image errand-stack:checkout: errand stack alone (needs Docker)
	scripts/stack-image
captures: ## Write what errand shows in real runs into docs/cli.md
	$(GO) test -count=1 -run '^TestCaptures$$' ./test/e2e -captures
screenshots: ## Take the pictures of the page in docs/images (needs Node, npm ci in web, and Chromium)
	scripts/screenshots
clean: ## Remove what was built
	rm -rf bin .cache .aws-sam

## Test
.PHONY: test race test-hostile test-isolate test-windows test-arm64 test-clients test-cluster test-localstack test-integration load restarts crash fuzz projects dynamodb-local
test: ## Run all tests (below 6 minutes on 2 cores with a cold build cache)
	scripts/test
race: ## Run all tests with the race detector (needs a C compiler)
	scripts/test --race
test-hostile: ## Run the flow, end-to-end and browser tests in the hostile profile (COUNT=1 seeds from SEED=1 on)
	scripts/test-hostile
test-isolate: functions ## Run the tests of the API with the compiled functions as processes, as on Lambda
	scripts/test-isolate
test-windows: ## Run the packages' tests and one job with the Windows build under Wine (needs root and debootstrap; 1.8 GB in .cache)
	scripts/test-windows
test-arm64: ## Run one job with the build for Linux on arm64 under qemu-user
	scripts/test-arm64
test-clients: build ## Run the AWS CLI, boto3, minio-go, rclone, restic and the SDKs for JavaScript and Java against errand stack (needs Python)
	scripts/test-clients
test-cluster: ## Run errand serve over DynamoDB Local, ElasticMQ and versitygw, and kill one of two servers (needs Java and Maven)
	scripts/test-cluster
test-localstack: ## Run errand serve over LocalStack's SQS and S3, and DynamoDB Local (needs Java, Maven and Python 3.13; not part of CI)
	scripts/test-localstack
test-integration: ## Run the adapters and the flow against the stack's image, LocalStack's image and AWS_ENDPOINT_URL
	scripts/test-integration
load: ## Let 1,000 agents wait and 100 jobs a second arrive, with 100 concurrent executions
	ERRAND_LOAD_AGENTS=1000 $(GO) test -count=1 -run '^TestLoad' -v ./test/flow
load-kinds: ## Let 100,000 jobs of 50 kinds wait for 20 workers, and print calls and billed units
	ERRAND_KIND_JOBS=100000 $(GO) test -count=1 -timeout 60m -run '^TestManyKinds$$' -v ./test/flow
restarts: ## Restart an agent 20 times during one job, kill agents and supervisors 300 times under load, and print the times to truth
	ERRAND_E2E_RESTARTS=20 ERRAND_E2E_KILLS=300 $(GO) test -count=1 -timeout 60m -run '^(TestRestarts|TestKillsUnderLoad|TestLocalRestarted|TestFewerAgents|TestEndsWithoutItsAgent|TestAllKilled|TestSupervisorKilled|TestMachineRestarted|TestGroupsNeverOverlap)$$' -v ./test/e2e
crash: ## Kill the stack, and a server with its agents, under load 300 times, and cut the power at every sync of 25 loads
	scripts/crash
fuzz: ## Run every fuzz target (FUZZTIME=30s each)
	scripts/fuzz
projects: ## Run the tests of ten public projects in their folder and through errand run, and compare (needs a network; NAMES='cobra click')
	scripts/projects $(NAMES)
dynamodb-local: ## Compare our DynamoDB with AWS's DynamoDB Local (needs Java and Maven)
	scripts/dynamodb-local

## Check
.PHONY: ci lint template-lint cross
ci: ## Run every check that CI runs; a check whose tools are not installed is skipped by name
	scripts/ci
lint: ## Run gofmt, go vet and golangci-lint (built into .cache on first use)
	scripts/lint
template-lint: ## Check the templates with cfn-lint and SAM, and the Terraform module (needs Python; installs them into .cache)
	scripts/template-lint
cross: ## Vet and build for Linux, macOS and Windows
	scripts/cross

## Measure (docs/performance.md)
.PHONY: bench bench-jobs bench-scale bench-cluster bench-sqs bench-dynamodb bench-s3 bench-api bench-transfer bench-init bench-page
# Without cgo, as the programs are built: with it, the store allocates in C, and each of those calls costs.
bench bench-jobs bench-scale bench-sqs bench-s3 bench-dynamodb bench-api bench-transfer bench-init: export CGO_ENABLED = 0
bench: ## Run all Go benchmarks
	$(GO) test -run '^$$' -bench . -benchtime 1s ./...
bench-cluster: ## Jobs a second through one errand serve and through two, over DynamoDB Local, ElasticMQ and versitygw
	ERRAND_CLUSTER_JOBS=300 scripts/test-cluster
bench-jobs: B = Jobs ## A job that does nothing: what a user waits for it, how many run in a second, and the CPU of one
bench-scale: B = Scale ## A million pending jobs, 5,000 waiting agents, a job that writes 1 GB (less: ARGS='-scale-jobs 10000 -scale-agents 500 -scale-output 10000000')
bench-sqs: B = SQS ## SQS: rates as ratios to floors of the same run (bench/README.md)
bench-dynamodb: B = DynamoDB ## DynamoDB: the same, and a query over 10^3 to 10^6 items
bench-s3: B = S3 ## S3: the same, and the memory that 5 GB take
bench-api: B = API ## The API of errand local: what one caller waits for create, status, assignment and heartbeat
bench-transfer: ## Sending folders: first, unchanged, a small change; beside rsync over ssh and tar | zstd
	scripts/bench-transfer
bench-jobs bench-scale bench-sqs bench-dynamodb bench-s3 bench-api:
	$(GO) test -run '^$$' -bench '^Benchmark$(strip $(B))' -benchtime 1x -timeout 120m ./bench $(ARGS)
bench-page: ## The page: a million lines beside plain xterm.js, time to the first output, an idle tab, sizes (needs Node and Chromium)
	scripts/bench-page
bench-init: functions ## The time that each compiled function takes from its start to its first request for work
	ERRAND_FUNCTIONS=$(CURDIR)/bin/functions $(GO) test -run '^$$' -bench Init -benchtime 20x ./functions

## Deploy (docs/deployment.md)
.PHONY: deploy deploy-page package sam-build sam-local
SAM = SAM_CLI_TELEMETRY=0 $$(scripts/tool sam)
deploy: ## Run sam build and sam deploy with your AWS credentials (PARAMETERS='AlarmEmail=…' SAMFLAGS='--region …' ARCH=x86_64)
	scripts/sam-build
	$(SAM) deploy $(SAMFLAGS) --parameter-overrides Architecture=$(ARCH) $(PARAMETERS)
deploy-page: ## Deploy infra/page.yaml and put the page's build into its bucket (STACK=errand; needs the AWS CLI)
	scripts/deploy-page
package: ## Upload the code to BUCKET and write .cache/packaged.yaml, for CloudFormation and Terraform
	@test -n "$(BUCKET)" || { echo "usage: make package BUCKET=name" >&2; exit 2; }
	scripts/sam-build
	$(SAM) package --s3-bucket $(BUCKET) --s3-prefix errand --output-template-file .cache/packaged.yaml
sam-build: ## Build the functions for sam local
	scripts/sam-build local
sam-local: ## Run a job end to end with the functions under sam local and the stack in a container (needs Docker)
	scripts/sam-local
