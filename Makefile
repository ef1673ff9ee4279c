.DEFAULT_GOAL := help
.PHONY: help run build deps web web-check e2e test conformance chaos fleet licenses lint lint-api deploy-check bench bench-api bench-peers fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start everything in one process, with its data in ./data
	go run ./cmd/rawlink up

build: ## build the programs into bin/
	go build -trimpath -o bin/ ./cmd/...

deps: ## install what the tests need and this machine lacks
	scripts/deps.sh

test: deps ## check form, then run every test, conformance last
	scripts/test.sh
	scripts/conformance.sh

web: ## build the console from web/console into origin/console, where it is embedded
	scripts/web.sh

web-check: ## check the console's sources, and that make web makes the bytes that are committed
	scripts/web.sh --check

e2e: deps ## play the console and links in a real browser; ARGS=--pictures makes those in docs/img
	scripts/e2e.sh $(ARGS)

lint-api: deps ## lint the API's OpenAPI document
	scripts/lint-api.sh

conformance: deps ## run the published Python client and schemathesis against running Rawlinks
	scripts/conformance.sh

chaos: deps ## break every part under a crowd of clients; SEED=, SEEDS=20, ROUNDS=, LONG=1, RACE=1, RUN=, WORLDS=
	SEED=$(SEED) SEEDS=$(SEEDS) ROUNDS=$(ROUNDS) LONG=$(LONG) RACE=$(RACE) RUN='$(RUN)' WORLDS=$(WORLDS) scripts/chaos.sh

licenses: ## write docs/licenses.md: the licences of what the programs are built from
	go run ./internal/licenses

fleet: deps ## break networks and hosts under a fleet in network namespaces; SEED=, RUN=
	SEED=$(SEED) RUN='$(RUN)' scripts/fleet.sh

lint: ## run golangci-lint, building it first where it is missing (minutes)
	scripts/lint.sh

deploy-check: ## check deploy/ with the tools that read it, and start its topology; ONLY=, TOPOLOGY=0
	ONLY='$(ONLY)' scripts/deploy-check.sh

bench: ## run the Go benchmarks; load runs are bin/bench, see docs/benchmarking.md
	go test -run '^$$' -bench . -benchmem ./...

bench-api: deps ## measure the control plane, over HTTP and on real servers; BENCH=., TIME=10s
	go test -run '^$$' -bench '$(or $(BENCH),.)' -benchtime $(or $(TIME),10s) -timeout 60m ./internal/speed
	go test -run '^$$' -bench '$(or $(BENCH),.)' -benchtime 1x -timeout 60m ./origin/store

bench-peers: ## measure the edge beside nginx and Varnish; ARGS=-quick for a short look
	scripts/bench-peers.sh $(ARGS)

fuzz: ## fuzz each target for FUZZTIME (10s)
	scripts/fuzz.sh

clean: ## remove the built programs; tools and ./data stay
	rm -f bin/rawlink bin/edge bin/origin bin/bench bin/peers
