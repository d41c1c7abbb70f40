# `make demo` and `make test` are complete on a machine with rustup, Go and make; the rest are their parts.
CARGO ?= cargo
BUILT := $(or $(CARGO_TARGET_DIR),target)/debug

.PHONY: help demo test check fmt lint unit snapshots interop tools cluster clean

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
	@$(MAKE) --no-print-directory guests
	@INSTA_UPDATE=no $(CARGO) test --workspace

check: toolchain fmt lint unit ## The fast loop: format, lints, pure and snapshot tests; no Go

fmt:
	@$(CARGO) fmt --all --check
	@cd actions-wasm && $(CARGO) fmt --all --check

lint:
	@$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings
	@cd actions-wasm && $(CARGO) clippy --quiet --locked --workspace --all-targets -- -D warnings

unit: guests
	@INSTA_UPDATE=no $(CARGO) test --workspace --exclude lateen

.PHONY: guests
guests: # The logic of the guests, on this machine's own architecture
	@cd actions-wasm && INSTA_UPDATE=no $(CARGO) test --quiet --locked --workspace

snapshots: ## Run the pure tests and accept their snapshots
	@INSTA_UPDATE=always $(CARGO) test --workspace --exclude lateen

interop: toolchain ## Velero's own server restores what this one has backed up, and the other way round
	@echo "== building the tests"
	@$(CARGO) test --workspace --no-run
	@echo "== building Velero's server and its plugin for S3 (cached after the first time)"
	@$(BUILT)/lateen-test-cluster tools
	@$(BUILT)/lateen-test-cluster tools velero-plugin-for-aws
	@$(CARGO) test --workspace --test it -- --ignored --nocapture interop

tools: toolchain ## Build the Go tools: control plane, kwok, S3 server, helm, the velero CLI
	@$(CARGO) run --quiet -p lateen-test-cluster -- tools

cluster: toolchain ## A throwaway control plane to play with, until Ctrl-C
	@$(CARGO) run --quiet -p lateen-test-cluster -- up

# rustup reads rust-toolchain.toml and installs what is missing, the wasm target too. The JavaScript engine is written in C.
.PHONY: toolchain
toolchain:
	@rustup show active-toolchain >/dev/null 2>&1 || rustup toolchain install
	@rustup target add wasm32-unknown-unknown 2>/dev/null
	@if ! $${CC_wasm32_unknown_unknown:-clang} --version >/dev/null 2>&1 || ! $${AR_wasm32_unknown_unknown:-llvm-ar} --version >/dev/null 2>&1; then \
		if [ "$$(id -u)" = 0 ]; then root=; else root="sudo --non-interactive"; fi; \
		{ command -v apt-get && $$root true && $$root apt-get update --quiet && \
			$$root apt-get install --yes --quiet --no-install-recommends clang llvm; } >/dev/null 2>&1 || \
		{ echo "The JavaScript engine needs clang and llvm-ar to build: install the packages clang and llvm (Debian, Ubuntu: apt-get install clang llvm)." >&2; exit 1; }; \
	fi

clean: ## Remove build results; the Go tools' cache stays
	@$(CARGO) clean
	@rm -rf actions-wasm/target
