# `make demo` and `make test` are complete on a machine with rustup, Go and make; the rest are their parts.
CARGO ?= cargo
BUILT := $(or $(CARGO_TARGET_DIR),target)/debug

.PHONY: help demo test check fmt lint unit snapshots tools cluster clean

help: ## What there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: toolchain ## Back up and restore an application on a throwaway control plane, step by step (KEEP=1, STORE=s3)
	@echo "== building the server and the demo (some ten minutes from nothing on two cores)"
	@$(CARGO) build -p lateen -p lateen-demo
	@$(BUILT)/lateen-demo

test: toolchain ## Everything: format, lints, pure and snapshot tests, then the real control plane
	@echo "== format and lints"
	@$(MAKE) --no-print-directory fmt lint
	@echo "== building the tests"
	@$(CARGO) test --workspace --no-run
	@echo "== building the Go tools that the tests drive (cached after the first time)"
	@$(BUILT)/lateen-test-cluster tools
	@echo "== all tests"
	@INSTA_UPDATE=no $(CARGO) test --workspace

check: toolchain fmt lint unit ## The fast loop: format, lints, pure and snapshot tests; no Go

fmt:
	@$(CARGO) fmt --all --check

lint:
	@$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings

unit:
	@INSTA_UPDATE=no $(CARGO) test --workspace --exclude lateen

snapshots: ## Run the pure tests and accept their snapshots
	@INSTA_UPDATE=always $(CARGO) test --workspace --exclude lateen

tools: toolchain ## Build the Go tools: control plane, kwok, S3 server, helm, the velero CLI
	@$(CARGO) run --quiet -p lateen-test-cluster -- tools

cluster: toolchain ## A throwaway control plane to play with, until Ctrl-C
	@$(CARGO) run --quiet -p lateen-test-cluster -- up

.PHONY: toolchain
toolchain: # rustup reads rust-toolchain.toml and installs what is missing, the wasm target too
	@rustup show active-toolchain >/dev/null 2>&1 || rustup toolchain install
	@rustup target add wasm32-unknown-unknown 2>/dev/null

clean: ## Remove build results; the Go tools' cache stays
	@$(CARGO) clean
	@rm -rf actions-wasm/target
