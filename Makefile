# The README's two commands are `make run` and `make test`; both install what is missing.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TOOLS := target/tools
PYTHON := .venv/bin/python
OUTPUT := .test-output
JAVASCRIPT := tests/javascript/node_modules
MESSAGING := tests/javascript-messaging/node_modules
AZURITE := $(TOOLS)/azurite/node_modules/.bin/azurite

BUILD_PACKAGES := libwebkit2gtk-4.1-dev librsvg2-dev libxdo-dev libayatana-appindicator3-dev \
  libssl-dev pkg-config build-essential python3-venv
TEST_PACKAGES := xvfb xauth webkit2gtk-driver dbus-x11 openssl chromium mosquitto rabbitmq-server

.PHONY: help run dev test check unit desktop picture wire clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .packages-build ui/dist/index.html ## Open the window on the sample building
	cargo build --release --bin twinscope-desktop
	tests/with-display target/release/twinscope-desktop

dev: .packages-build ui/node_modules/.package-lock.json ## The window with the page served by Vite, reloaded on every edit
	npm --prefix ui run dev & trap "kill $$!" EXIT; \
	cargo run --bin twinscope-desktop --no-default-features

test: check unit desktop ## Everything that must hold

check: .packages-build ui/dist/index.html
	cargo fmt --all --check
	npm --prefix ui run check
	cargo clippy --workspace --all-targets --locked -- -D warnings

unit: .packages-build .packages-test ui/dist/index.html
	npm --prefix ui test
	cargo test --workspace --locked --quiet

desktop: .packages-build .packages-test ui/dist/index.html .venv/installed $(JAVASCRIPT)/.package-lock.json $(MESSAGING)/.package-lock.json $(TOOLS)/bin/tauri-driver $(AZURITE)
	cargo build --workspace --locked
	tests/with-display $(PYTHON) -m pytest tests -n 4 --dist loadscope

.PHONY: pictures
pictures: .packages-test ui/node_modules/.package-lock.json ## The page and the drawing to look at: far and near, light and dark, into .test-output/pictures
	npm --prefix ui run pictures -- "$(CURDIR)/$(OUTPUT)/pictures/page"
	cd ui && PICTURES="$(CURDIR)/$(OUTPUT)/pictures/graph" npx vitest run tests/drawing/gallery.test.ts

# Each prints its figures beside its peers', in one run; `benches/peers` has what they need.
BENCHES := $(addprefix bench-,window graph graph-window layout query instance large messaging delivery pipeline)

.PHONY: bench $(BENCHES)
bench: $(BENCHES) ## All of the following, one after another: about two hours

bench-window: .packages-build .packages-test ui/dist/index.html .venv/installed $(TOOLS)/bin/tauri-driver ## Start, memory and delay of the window, beside a bare one
	cargo build --release --locked --workspace --bin twinscope-desktop --bin twinscope
	cargo build --release --locked --example bare_window
	tests/with-display $(PYTHON) benches/window.py

bench-graph: .packages-test ui/node_modules/.package-lock.json benches/peers/graph/node_modules/.package-lock.json ## The drawing beside sigma, cytoscape, cosmos and force-graph in the same browser; SIZES="1000 10000 100000"
	node benches/peers/graph/run.mjs $(SIZES)

bench-graph-window: .packages-build .packages-test ui/dist/index.html .venv/installed $(TOOLS)/bin/tauri-driver ## The drawing of large buildings in the real window, quiet and with 2,000 changes a second; SIZES="10000 100000"
	cargo build --release --locked -p twinscope-desktop -p twinscope
	tests/with-display $(PYTHON) benches/graph_window.py $(SIZES)

bench-layout: .packages-layout benches/peers/layout/.venv/installed benches/peers/layout/node_modules/.package-lock.json ## Layouts beside sfdp, igraph DrL, d3-force and ForceAtlas2; LAYOUT="10000 building ours" chooses
	cargo bench --locked -p graph-layout --bench layout -- $(LAYOUT)

bench-query: benches/peers/query/.venv/installed ## Queries beside SQLite, DuckDB and ladybug on the same graph; SIZES="100000 1000000"
	cargo build --release --locked -p twinscope
	python3 benches/peers/query/run.py $(or $(SIZES),100000 1000000)

bench-instance: ## Durable writes, load and start of the embedded instance, beside SQLite
	cargo bench --locked -p simulator --bench instance

bench-large: ## The same with 2,000,000 twins
	cargo bench --locked -p simulator --bench instance -- large

bench-messaging: .packages-messaging ## An event hub, a subscription, Event Grid and 1,000 MQTT devices, beside fe2o3-amqp, RabbitMQ and mosquitto; PART="amqp | event-grid | devices"
	cargo build --release --locked --manifest-path benches/peers/messaging/Cargo.toml --target-dir target/peers
	cargo bench --locked -p messaging --bench messaging -- $(PART)

bench-delivery: ## How fast an endpoint of each kind delivers what waits for it
	cargo test --release --locked -p pipeline --lib delivery::tests::speed -- --ignored --nocapture

bench-pipeline: .packages-messaging benches/peers/pipeline/node_modules/.package-lock.json ## From a device's message to a subscriber of its room, beside Node-RED; PART="ours | stages | node-red | memory" (memory takes ten minutes)
	cargo build --profile dist --locked -p twinscope
	cargo bench --locked -p session --bench pipeline -- $(PART)

.PHONY: bundle
bundle: .packages-build ui/dist/index.html ## What is handed out: a Debian package of the window and of twinscope, in target/dist/bundle/deb; half an hour
	cargo build --profile dist --locked -p twinscope
	ui/node_modules/.bin/tauri build --bundles deb -- --profile dist --locked

picture: .packages-build .packages-test ui/dist/index.html .venv/installed $(TOOLS)/bin/tauri-driver ## Take the README's picture anew
	cargo build --locked --bin twinscope-desktop
	tests/with-display $(PYTHON) tests/picture.py

.PHONY: crash
crash: .venv/installed ## kill -9 under load: 32 clients of the instance, and official messaging clients, 100 rounds each
	TWINSCOPE_CRASH_ROUNDS=100 cargo test --locked -p simulator --test crash
	cargo build --locked -p twinscope
	TWINSCOPE_CRASH_ROUNDS=100 $(PYTHON) -m pytest -s tests/test_messaging_crash.py

.PHONY: long
long: .venv/installed ## What is too long for `make test`: a million twins, 10,000 connections, ten million models; an hour
	cargo test --release --locked -p adt-query --test large -- --ignored --nocapture --test-threads 1
	cargo test --release --locked -p simulator --lib bounded_memory -- --ignored --nocapture
	cargo test --release --locked -p session --test arranging -- --ignored --nocapture
	cargo test --release --locked -p messaging --test namespace ten_thousand -- --ignored --nocapture
	cargo build --locked -p twinscope
	TWINSCOPE_PATIENT=1 $(PYTHON) -m pytest tests/test_query.py
	cargo test --release --locked -p dtdl --test corpus -- --ignored --nocapture

.PHONY: conformance openapi
conformance: .venv/installed $(JAVASCRIPT)/.package-lock.json ## The official SDKs, and every answer that FIDELITY.md claims
	cargo build --locked -p twinscope
	$(PYTHON) -m pytest $(addprefix tests/test_,answers.py conformance.py fidelity.py hardness.py identity.py javascript.py jobs.py limits.py sdk.py)

openapi: .venv/installed ## Half an hour of requests made from the OpenAPI document, by schemathesis
	cargo build --locked -p twinscope
	TWINSCOPE_OPENAPI_EXAMPLES=1000 TWINSCOPE_OPENAPI_SECONDS=1800 $(PYTHON) -m pytest tests/test_openapi.py -k undocumented

wire: ## Write the page's types anew from Rust
	UPDATE_WIRE=1 cargo test --quiet -p session wire::

clean: ## Remove everything that was built or installed here
	rm -rf target ui/dist ui/node_modules $(JAVASCRIPT) $(MESSAGING) .venv $(OUTPUT) $(wildcard benches/peers/*/node_modules benches/peers/*/.venv)

# What is installed, and from which lists: nothing is done twice.

.venv/installed: tests/requirements.txt
	python3 -m venv .venv
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@

# Peers of a bench: Python packages, Node packages, or both.
benches/peers/%/.venv/installed: benches/peers/%/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

benches/peers/%/node_modules/.package-lock.json: benches/peers/%/package.json benches/peers/%/package-lock.json
	npm --prefix benches/peers/$* ci --no-audit --no-fund

ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json
	npm --prefix ui ci --no-audit --no-fund

tests/%/node_modules/.package-lock.json: tests/%/package.json tests/%/package-lock.json
	npm --prefix tests/$* ci --no-audit --no-fund

UI_SOURCES := $(shell find ui/src ui/public -type f 2>/dev/null) $(wildcard ui/*.html ui/*.ts ui/*.json)
ui/dist/index.html: ui/node_modules/.package-lock.json $(UI_SOURCES)
	npm --prefix ui run build
	touch $@

# The storage that dead letters go to in a test.
$(AZURITE):
	npm install --prefix $(TOOLS)/azurite --no-audit --no-fund azurite@3.35.0

$(TOOLS)/bin/tauri-driver:
	cargo install tauri-driver --version 2.1.0 --locked --root $(TOOLS)

.PHONY: .packages-build .packages-test .packages-layout .packages-messaging
.packages-build:
	@tests/packages $(BUILD_PACKAGES)
.packages-test:
	@tests/packages $(TEST_PACKAGES)
.packages-layout:
	@tests/packages graphviz python3-venv
.packages-messaging:
	@tests/packages mosquitto rabbitmq-server
