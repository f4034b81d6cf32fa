# Two commands: `make demo` and `make test`. Each first brings a bare Debian or Ubuntu machine to
# where it can build (scripts/setup.sh), then hands over to `cargo xtask`, where everything else is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test check bench setup clean

# The shell that runs cargo needs what lib.sh works out: rustup's folder on PATH, the target folder.
XTASK := set -e; . scripts/lib.sh; pick_toolchain; scripts/claim-target.sh "$$CARGO_TARGET_DIR"; cargo xtask

help: ## Show this list
	@awk -F':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Set up what is missing and fly one real mission
	@trap 'scripts/engine.sh stop demo' EXIT; \
		export SORTIE_ENGINE_OWNER=demo SORTIE_SETUP_DONE=1; scripts/setup.sh && { $(XTASK) demo; }

test: ## Set up what is missing and run every test
	@scripts/setup.sh --tests
	@$(XTASK) test

check: ## Formatting, lints, tests and docs: what a change must pass
	@scripts/setup.sh --tests
	@$(XTASK) check

bench: ## Measure the promised figures beside their peers (ARGS=… to choose)
	@scripts/setup.sh
	@$(XTASK) bench $(ARGS)

setup: ## Only set up: packages, Rust, plugin compiler, container engine, base image
	@scripts/setup.sh

clean: ## Remove what was built (packages, engine and images stay)
	@. scripts/lib.sh; rm -rf dist "$$CARGO_TARGET_DIR" "$$SORTIE_CACHE_DIR"/{plugins-target,plugins-wasm,runner-target,image}
