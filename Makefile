# `make` alone lists the targets. `make demo` shows the product, `make test` is what CI runs.
SHELL := /bin/bash
.DEFAULT_GOAL := help

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME ?= 20s
SOAK ?= 10m
LOAD ?=

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/formrelay, one static binary
	@test -x bin/formrelay || echo 'building; the first time this compiles a database and takes a minute or two'
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/formrelay ./cmd/formrelay

.PHONY: demo
demo: build ## a shop page, the relay and a stand-in for KeyCRM, all on this machine
	@./bin/formrelay demo

# The race detector needs a C compiler: it is installed when it is missing and Debian's packages can be reached; where it cannot be,
# the tests run without the detector and say so. PostgreSQL likewise: its programs are installed, no cluster is made and no service is
# started; the tests run a private one. Chromium likewise, for the tests that do what a visitor's browser does.
.PHONY: test
test: ## every test, with the race detector, in random order, in a time zone that is not UTC
	@if ! command -v gcc >/dev/null 2>&1 && ! command -v clang >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then \
		echo 'installing gcc for the race detector'; \
		(apt-get update -qq && apt-get install -y -qq gcc libc6-dev) >/dev/null 2>&1 || true; \
	fi; \
	if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then \
		echo 'installing postgresql for the tests with a real server'; \
		(apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql-common && \
			sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf && \
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql) >/dev/null 2>&1 || true; \
	fi; \
	if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null 2>&1; then \
		echo 'SKIPPED: the tests with PostgreSQL, because it is not installed (install postgresql)'; \
	fi; \
	if ! command -v chromium >/dev/null 2>&1 && ! command -v chromium-browser >/dev/null 2>&1 && ! command -v google-chrome >/dev/null 2>&1; then \
		if command -v apt-get >/dev/null 2>&1; then \
			echo 'installing chromium for the tests in a browser'; \
			(apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium) >/dev/null 2>&1 || true; \
		fi; \
		command -v chromium >/dev/null 2>&1 || echo 'SKIPPED: the tests in a browser, because there is no Chromium (install chromium)'; \
	fi; \
	race=-race; \
	if ! command -v gcc >/dev/null 2>&1 && ! command -v clang >/dev/null 2>&1; then \
		race=; echo 'SKIPPED: the race detector, because there is no C compiler (install gcc)'; \
	fi; \
	TZ=America/St_Johns $(GO) test -vet=all $$race -shuffle=on -timeout 12m ./...

.PHONY: check
check: test ## the tests, then format, dead code and lint
	@test -z "$$($(GO) tool gofumpt -l cmd internal web deploy | tee /dev/stderr)" || { echo 'run: make fmt'; exit 1; }
	$(GO) fix -diff ./...
	$(GO) mod tidy -diff
	@test -z "$$($(GO) tool deadcode -test ./... | tee /dev/stderr)" || { echo 'nothing reaches these functions'; exit 1; }
	$(GO) run $(GOLANGCI_LINT) run ./...

.PHONY: fmt
fmt: ## format the Go files
	$(GO) tool gofumpt -w cmd internal web deploy

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (default 20s) each
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 2s $$pkg; \
		done; \
	done

.PHONY: bench
bench: ## the accept path beside a bare net/http handler
	$(GO) test -run '^$$' -bench 'BenchmarkAccept|BenchmarkMap' -benchtime 2s -count 5 ./cmd/formrelay

.PHONY: loadtest
loadtest: build ## the relay under load, beside a bare handler and a PHP script; LOAD="--rate 200/s …" says how
	$(GO) run ./cmd/loadtest $(LOAD)

.PHONY: soak
soak: build ## kill -9 every few seconds, KeyCRM failing in every way in turn, for SOAK (default 10m): lost 0, doubled 0
	$(GO) run ./cmd/loadtest --for $(SOAK) --rate 10/s --kill-every 4s --faults --beside 0 $(LOAD)

.PHONY: image
image: ## build the container image formrelay:VERSION
	docker build --build-arg VERSION=$(VERSION) -t formrelay:$(VERSION) .
