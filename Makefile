# Kangma. `make` alone prints this help.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export PORT ?= 8080
export DATA_DIR ?= data
WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)

.PHONY: help run test check fmt web bench drill stories need-rust need-web

help: ## this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

run: need-rust web ## build and start the demo on http://localhost:8080 (PORT, DATA_DIR)
	cargo build --release -p kangma
	exec target/release/kangma serve --demo

test: need-rust web ## everything CI runs, and all it needs
	tools/test.sh

check: need-rust web ## formatting, lints, types: the quick half of the tests
	tools/check.sh

fmt: ## format the code
	cargo fmt
	cd web && npm run --silent format --if-present

web: web/dist/.built ## build the pages into web/dist

web/dist/.built: web/node_modules/.installed $(WEB_SOURCES)
	cd web && npm run build
	touch $@

web/node_modules/.installed: web/package-lock.json | need-web
	cd web && npm ci --no-audit --no-fund
	touch $@

bench: need-rust web ## measure against yardsticks; writes target/bench.json
	tools/bench.sh

drill: need-rust web ## the sampled suites in full, then overload and failure with their figures
	tools/drill.sh

stories: need-rust web ## only the browser stories
	tools/stories.sh

need-rust:
	@command -v cargo >/dev/null || { echo 'Rust is missing. Get it with:  sudo apt-get install -y curl && curl --proto "=https" -sSf https://sh.rustup.rs | sh -s -- -y && . ~/.cargo/env'; exit 1; }
	@command -v cc >/dev/null || { echo 'A C compiler is missing. Get it with:  sudo apt-get install -y build-essential'; exit 1; }

need-web:
	@command -v node >/dev/null && [ "$$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || { echo 'Node 20 or newer is missing. Get it with:  curl -fsSL https://deb.nodesource.com/setup_20.x | sudo -E bash - && sudo apt-get install -y nodejs'; exit 1; }
