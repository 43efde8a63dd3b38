# Two commands matter: `make run` and `make test`. Logic lives in tools/ and xtask.
.PHONY: run test check bench web dev sim fuzz e2e release help
.DEFAULT_GOAL := help

WEB_INPUTS := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print 2>/dev/null)

help: ## What can be made
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

web/node_modules/.stamp: web/package-lock.json web/package.json
	cd web && npm ci --no-audit --no-fund && touch node_modules/.stamp

web/dist/.stamp: web/node_modules/.stamp $(WEB_INPUTS)
	cd web && npm run build && touch dist/.stamp

web: web/dist/.stamp ## Build the console and the chat widget

run: web/dist/.stamp ## Run the hub on SQLite in ./data with simulated platforms, and print a sign-in link
	cargo run --package everthread -- serve --sandbox $(ARGS)

test: ## Run every test; installs what is missing when run as root
	tools/test

check: ## Format, lints, licences, house rules
	tools/check

bench: ## Print the figures of this machine (about 15 minutes; docs/benches.md says how to read them)
	cargo build --release --package everthread
	target/release/everthread bench idle --rounds 3
	target/release/everthread bench ingest
	target/release/everthread bench pipeline
	target/release/everthread bench pressure
	target/release/everthread bench hung
	target/release/everthread bench crash
	target/release/everthread bench failover
	target/release/everthread bench growth

sim: ## Long simulation: make sim SEED=1 SEEDS=1000
	cargo run --release --package everthread-sim -- --seed $(or $(SEED),1) --seeds $(or $(SEEDS),1000)

fuzz: ## Every fuzz target: make fuzz SECONDS=180
	tools/fuzz $(or $(SECONDS),180)

e2e: web/dist/.stamp ## The browser journey alone
	tools/e2e

release: web/dist/.stamp ## The one binary, console inside
	cargo build --release --package everthread
