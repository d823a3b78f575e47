#!/bin/sh
# Fuzzes the parser and the engine: fuzz/run.sh [runs], a million by default. Needs cargo-fuzz (`cargo install cargo-fuzz`).
# RUSTC_BOOTSTRAP lets the stable compiler instrument the code.
set -eu
cd "$(dirname "$0")/.."
RUSTC_BOOTSTRAP=1 exec cargo fuzz run --sanitizer none --release queries -- \
    -runs="${1:-1000000}" -max_len=2048 -timeout=10 -rss_limit_mb=2048 -dict=fuzz/queries.dict -print_final_stats=1
