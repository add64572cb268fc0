# Go decides what is stale; every target here is a verb for people.
SHELL      := /bin/bash
BIN        := bin
GO         ?= go
export CGO_ENABLED ?= 0

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT       := mvdan.cc/gofumpt@v0.12.0
DEADCODE      := golang.org/x/tools/cmd/deadcode@v0.52.0
GOVULNCHECK   := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: help build test race lint vuln fmt bench demo rules dashboards crash-loop memory cycle mutants compliance receivers conservation freshness histories nights bits week year package image repository release test-packages check clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Functions begin at multiples of 16 bytes, as on other machines than amd64, where 32 would add 190 KB and no speed.
# Not position-independent: -buildmode=pie adds 2.1 MB of relocations (19.7 to 21.8 MB, and the limit is 20), because Go's linker
# does not pack them. Stack and data are not executable without it, and the service's unit denies writable code.
build: ## Build the static binaries into bin/
	$(GO) build -buildvcs=auto -trimpath -ldflags '-s -w -funcalign=16' -o $(BIN)/ ./cmd/...

test: ## Run all tests, and list at the end those that were skipped and why
	@GO="$(GO)" ./.ci/test -timeout 30m ./...

race: ## Run every test under the race detector, the long ones in their short form
	CGO_ENABLED=1 $(GO) test -race -short -timeout 30m ./...

lint: ## Run vet and the linter, find dead code and pending go fix changes
	$(GO) vet ./...
	$(GO) vet -tags man ./cmd/backwire
	$(GO) run $(GOLANGCI_LINT) run
	@d=$$($(GO) run $(DEADCODE) -test ./...); test -z "$$d" || { echo "dead code:"; echo "$$d"; exit 1; }
	@d=$$($(GO) fix -diff ./...); test -z "$$d" || { echo "go fix would change:"; echo "$$d"; exit 1; }
	$(GO) mod tidy -diff

vuln: ## Find known vulnerabilities, if the database is reachable
	@out=$$($(GO) run $(GOVULNCHECK) ./... 2>&1); code=$$?; echo "$$out"; \
	case "$$out" in *"fetching vulnerabilities"*) echo "skipped: the vulnerability database is not reachable";; *) exit $$code;; esac

fmt: ## Format the code
	$(GO) run $(GOFUMPT) -w .

bench: ## Print the README's table of figures
	@./.ci/bench

demo: ## Show backwire at work with a simulated primary server and a receiver; KEEP=1 keeps it running
	@echo "building backwire: the first build downloads about 40 modules and takes a few minutes" >&2
	@$(GO) run ./cmd/backwire demo $(if $(KEEP),--keep)

rules: ## Write the rules for Prometheus and for mimirtool, and docs/alerts.md; DOCUMENTS=URL is where alerts lead to
	$(GO) test ./packaging -run FilesAreCurrent/rules -update $(if $(DOCUMENTS),-documents $(DOCUMENTS))

dashboards: ## Write the Grafana dashboards; DOCUMENTS=URL is where they lead to
	$(GO) test ./packaging -run FilesAreCurrent/grafana -update $(if $(DOCUMENTS),-documents $(DOCUMENTS))
	@if command -v dashboard-linter >/dev/null; then for f in packaging/grafana/*.json; do dashboard-linter lint --strict $$f || exit 1; done; fi

crash-loop: ## Kill the agent ROUNDS times at random and check that nothing is lost; SEED repeats a run
	$(GO) test ./cmd/backwire -count 1 -timeout 0 -v -run '^TestCrashLoop$$' -args -rounds $(or $(ROUNDS),1000) -seed $(or $(SEED),0)

receivers: ## Build the Prometheus of the module's own version, ten minutes, and run the tests of a real Prometheus against it
	cd remotewrite/internal/prometheus && $(GO) build -tags remove_all_sd -o $(CURDIR)/bin/receivers/prometheus github.com/prometheus/prometheus/cmd/prometheus
	PATH="$(CURDIR)/bin/receivers:$$PATH" BACKWIRE_TEST_REQUIRE=all $(GO) test ./cmd/backwire -count 1 -v -run 'Prometheus'

compliance: ## Run Prometheus's suite for senders; SUITE is a checkout of github.com/prometheus/compliance, RUN a part of it
	@SUITE="$(SUITE)" RUN="$(RUN)" ./.ci/compliance

conservation: ## Check on 10,000 random receivers, with outages, limits and kills, that each committed sample has one ending
	BACKWIRE_TEST_SEEDS=10000 $(GO) test ./remotewrite/send -count 1 -timeout 0 -run '^TestConservation$$'
	BACKWIRE_TEST_SEEDS=10000 $(GO) test ./remotewrite/queue -count 1 -timeout 0 -run '^TestLanesBalance$$'

freshness: ## Check that after an outage of 24 hours of 10,000 series the newest samples arrive first
	BACKWIRE_FRESHNESS_SERIES=10000 $(GO) test ./remotewrite/send -count 1 -timeout 0 -v -run '^TestNewestFirst$$'

memory: ## Measure the memory of 1 to 50 sites, for the table in docs/sizing.md
	BACKWIRE_TEST_SITES=full $(GO) test ./cmd/backwire -count 1 -timeout 0 -v -run '^TestMemoryOf(Sites|TenThousandClients|ALargeSite)$$'

cycle: ## Measure the CPU of a cycle of 10,000 clients, with and without sending
	BACKWIRE_TEST_SITES=full $(GO) test ./cmd/backwire -count 1 -timeout 0 -v -run '^TestCycleOfTenThousandClients$$'

mutants: ## Change one operator at a time and check that a test fails; SEED, LINES and PARTS choose where
	@SEED="$(SEED)" LINES="$(LINES)" PARTS="$(PARTS)" ./.ci/mutants

histories: ## Live through 10,000 random histories of jobs, and count each job once
	$(GO) test ./source/netbackup -count 1 -timeout 0 -v -run '^TestModelCountsEveryJobOnce$$' -histories 10000

nights: ## Live through 10,000 random nights of backups, and tell each as it was
	$(GO) test ./source/netbackup -count 1 -timeout 0 -v -run '^TestNightsAreToldAsTheyWere$$' -nights 10000

bits: ## Flip every bit of a queue's files, each alone, and read what is left
	BACKWIRE_TEST_BITS=all $(GO) test ./remotewrite/queue -count 1 -timeout 0 -v -run '^TestEveryBit$$'

week: ## Queue a week of 20,000 series with the endpoint down, then send it
	BACKWIRE_TEST_WEEK=full $(GO) test ./remotewrite -count 1 -timeout 0 -v -run '^TestWeek$$'

year: ## Simulate a year of changing policies and clients, and check that memory and queue do not grow
	BACKWIRE_TEST_YEAR=full $(GO) test ./source/netbackup -count 1 -timeout 0 -v -run '^TestYear$$'

package: ## Build debs and rpms for four architectures, with and without FIPS, into dist/
	@./packaging/build

image: ## Build a container image for each architecture into dist/, without a container engine
	@./packaging/image

repository: ## Make signed apt and dnf repositories of the packages in dist/; needs REPOSITORY_URL and SIGNING_KEY_FILE
	@./packaging/repository

release: ## Make a signed release of the tag that is checked out into dist/; needs SIGNING_KEY_FILE
	@./packaging/release

test-packages: ## Test the packages on booted systems, as root on Debian; PART=bounded runs the part for the gate
	@./packaging/packagetest/run $(or $(PART),all)

check: fmt lint race test ## Run everything that a change must pass

clean: ## Remove build results
	rm -rf $(BIN) dist
