# Everything one does with Ticketshop, for GNU make. `make help` lists it.
#
#   ARGS=…               more words for the program that a target runs: make run ARGS='--port 9000'
#   BOOTSTRAP=no         install nothing; say in one line what is missing
#   CARGO_TARGET_DIR=…   where cargo builds
#   PREFIX=…             where `make install` puts the programs: PREFIX/bin

PREFIX ?= /usr/local
TARGET := $(or $(CARGO_TARGET_DIR),target)
# What `make` builds is static: with musl where that target is installed, else with the system's own C library where
# that comes static too. Elsewhere than on Linux there is no such thing. Found out when it is first needed: after the
# bootstrap, which may have to get a compiler first.
MACHINE := $(shell uname -m)
ifeq ($(shell uname -s),Linux)
MUSL = $(if $(shell command -v musl-gcc || ls /lib/ld-musl-* 2>/dev/null),$(shell rustup target list --installed 2>/dev/null | grep -x $(MACHINE)-unknown-linux-musl))
GLIBC = $(shell echo 'int main(void) { return 0; }' | cc -static -x c - -o /dev/null 2>/dev/null && echo $(MACHINE)-unknown-linux-gnu)
TRIPLE = $(eval TRIPLE := $(or $(MUSL),$(GLIBC)))$(TRIPLE)
endif
RELEASE = $(TARGET)/$(if $(TRIPLE),$(TRIPLE)/)dist
# No folder of this machine is in the programs: the same commit gives the same bytes anywhere. With the system's C library
# they ask the kernel itself for random numbers, since that library, when static, would need /dev/urandom.
FLAGS = --remap-path-prefix=$(CURDIR)=. --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo \
	-Crelocation-model=static $(if $(filter %-gnu,$(TRIPLE)),-Ctarget-feature=+crt-static --cfg=getrandom_backend=\"linux_getrandom\")
QUOTED = $(subst $(eval) ,$(COMMA),$(foreach flag,$(FLAGS),'$(flag)'))
COMMA := ,

# Where rustup installs: what scripts/bootstrap gets is found in the same run.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
# `-u` also makes every make run its recipes through the shell, which searches that PATH.
.SHELLFLAGS := -euc

.DEFAULT_GOAL := build

.PHONY: build path run test test-container check-deploy test-live test-openapi test-spanner check proof proof-power proof-spanner fmt install clean help
.PHONY: bench bench-influx bench-peers docs container push-gcr container-run
.PHONY: bootstrap bootstrap-check release

build: release ## Build tsbe and tsctl and say where they are (what plain `make` does)
	@printf '%s\n' '$(RELEASE)/tsbe' '$(RELEASE)/tsctl'

path: ## Print the folder of what make builds
	@printf '%s\n' '$(RELEASE)'

run: release ## Build and serve; an empty store is filled with a demo catalogue first
	@exec '$(RELEASE)/tsbe' serve --demo $(ARGS)

test: bootstrap ## Run the quick tests: unit, API, command line, documentation
	cargo test --locked --workspace $(ARGS)

test-openapi: bootstrap ## Try the API with requests made of its own description (schemathesis, from PyPI)
	cargo build --locked --bin tsbe
	scripts/test-openapi '$(TARGET)/debug/tsbe'

check-deploy: ## Check what is in deploy/ against the schemas of Kubernetes, and by promtool
	scripts/check-deploy

test-live: bootstrap ## Test with a real time-series server and a real browser; gets them from apt where they are missing
	scripts/test-live

test-spanner: bootstrap ## Run the store's promises on a Spanner server: SPANNER_EMULATOR_HOST, an emulator, handy-spanner
	scripts/test-spanner

check: bootstrap-check ## Check format, lints, documentation and scripts: with `make test`, what CI runs
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --test spanner_server --test live -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items
	@if command -v shellcheck >/dev/null; then set -x; shellcheck scripts/* .ci/run; \
	else echo 'shellcheck is not installed: scripts not checked'; fi

proof: bootstrap ## Run the long crash tests (8 minutes): 200 kills under load, failing fsyncs; needs strace
	@command -v strace >/dev/null || { echo 'make proof needs strace: install it first' >&2; exit 1; }
	cargo test --locked --release --test crash -- --ignored --nocapture --skip power $(ARGS)

proof-power: bootstrap ## Cut the power of the store's disk under load, 100 times; as root, with a loop device
	cargo test --locked --test crash -- --ignored --nocapture power $(ARGS)

proof-spanner: bootstrap ## Run the long test of the Spanner engine (4 minutes): 10,000 purchases through faults, on a model of it
	cargo test --locked --test spanner -- --ignored --nocapture $(ARGS)

bench: bootstrap ## Time the hot pieces of a purchase: picking seats, reading requests, writing replies
	cargo bench --locked --bench hot $(ARGS)

bench-peers: bootstrap ## Compare with PostgreSQL and Redis on this machine (7 minutes); ARGS=--write keeps the table
	cargo build --locked --release --bins --example noop
	scripts/bench-peers $(ARGS)

bench-influx: bootstrap ## Measure what an InfluxDB that is away, hung or slow costs purchases (2 minutes)
	cargo bench --locked --bench influx $(ARGS)

fmt: bootstrap-check ## Format the code
	cargo fmt --all

install: ## Put what `make` built in PREFIX/bin (default /usr/local); builds nothing, so fit for sudo
	@test -x '$(RELEASE)/tsbe' || { echo 'nothing is built yet: run make first' >&2; exit 1; }
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 '$(RELEASE)/tsbe' '$(RELEASE)/tsctl' '$(DESTDIR)$(PREFIX)/bin'

clean: ## Remove what was built; the shop's data stays
	cargo clean

docs: bootstrap ## Write the reference pages in docs/: API, commands, settings, metrics, man pages
	cargo run --locked --bin tsctl -- docs $(ARGS)

test-container: release ## Build the image and try it: a purchase, its health, a clean end
	scripts/test-container '$(RELEASE)'

container: release ## Build the image of both programs, with docker, podman or buildah
	scripts/container build '$(RELEASE)'

push-gcr: ## Push the image: REGISTRY=… or gcr.io with gcloud's project
	scripts/container push

container-run: ## Run the image: data in a volume, settings from config.env, KEY_FILE=… as /key.json
	scripts/container run $(ARGS)

help: ## List these targets
	@sed -n 's/^\([a-z][a-z -]*\):.*## /\1|/p' $(firstword $(MAKEFILE_LIST)) | \
		awk -F'|' 'length($$1) > 9 { printf "%s\n%-11s", $$1, "" } length($$1) <= 9 { printf "%-11s", $$1 } { print $$2 }'

# --- what the others need ----------------------------------------------------------------------------

bootstrap:
	@scripts/bootstrap

bootstrap-check:
	@scripts/bootstrap check

release: bootstrap
	SOURCE_DATE_EPOCH=0 cargo build --locked --profile dist --bins $(if $(TRIPLE),--target $(TRIPLE) --config "target.$(TRIPLE).rustflags=[$(QUOTED)]")
	@$(if $(TRIPLE),scripts/check-static '$(RELEASE)/tsbe' '$(RELEASE)/tsctl',echo 'not static: install musl-tools and rustup target add $(MACHINE)-unknown-linux-musl, or a static C library' >&2)
