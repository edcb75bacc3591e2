# Errand. `make demo` runs the main job, `make test` passes the tests.
SHELL := /bin/bash
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
CACHE := $(CURDIR)/.cache
GOLANGCI_VERSION := v2.14.0
CFNLINT_VERSION := 1.58.0

.PHONY: help build demo test race lint template-lint cross bench bench-sqs web clean ci fuzz

help: ## Show what each target does
	@grep -E '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  %-14s %s\n", $$1, $$2}'

build: ## Build bin/errand
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/errand ./cmd/errand

demo: build ## Run a real job end to end on a throw-away stack: pack, queue, run, stream, report
	@bin/errand demo examples/wordcount

# The race detector needs a C compiler.
RACE := $(shell command -v $$($(GO) env CC) >/dev/null 2>&1 && echo -race)

test: ## Run all tests with the race detector (10 minutes at most on 2 cores)
	@test -n "$(RACE)" || echo "no C compiler here: the tests run without the race detector"
	$(GO) test $(RACE) -timeout 10m ./...

lint: ## gofmt, go vet, golangci-lint (built into .cache on first use)
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	@test -x $(CACHE)/golangci-lint || GOBIN=$(CACHE) CGO_ENABLED=0 $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	$(CACHE)/golangci-lint run

template-lint: ## cfn-lint over template.yaml (installs it into .cache on first use; needs Python)
	@test -x $(CACHE)/venv/bin/cfn-lint || { python3 -m venv $(CACHE)/venv && $(CACHE)/venv/bin/pip install -q cfn-lint==$(CFNLINT_VERSION); }
	$(CACHE)/venv/bin/cfn-lint template.yaml

cross: ## Vet and build for Linux, macOS and Windows
	@for os in linux darwin windows; do \
	  echo "== $$os"; \
	  GOOS=$$os CGO_ENABLED=0 $(GO) vet ./... && GOOS=$$os CGO_ENABLED=0 $(GO) build -o /dev/null ./... || exit 1; \
	done
	@echo "== functions (linux/arm64)"; GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) build -tags lambda.norpc -o /dev/null ./functions/...

web: ## Build the page into web/dist (needs Node; the build is committed)
	cd web && npm ci --no-audit --no-fund && npm run build && npm test

FUZZTIME ?= 30s
fuzz: ## Run every fuzz target for FUZZTIME (30s) each; their seeds are ordinary tests
	@for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  for t in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' $$f); do \
	    echo "== $$(dirname $$f) $$t"; $(GO) test -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) ./$$(dirname $$f) || exit 1; \
	  done; done

bench: ## Run the benchmarks
	$(GO) test -run '^$$' -bench . -benchtime 1s ./...

bench-sqs: ## SQS beside a bare handler, a bare fsync and itself with durability off: a table of ratios (bench/README.md)
	$(GO) test -run '^$$' -bench '^BenchmarkSQS' -benchtime 1x -timeout 30m ./bench

clean: ## Remove what was built
	rm -rf bin .cache

ci: ## What CI runs
	bash .ci/run
