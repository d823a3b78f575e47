#!/bin/sh
# Fuzzes frames, values, messages and connections: fuzz/run.sh [runs], a million by default. Needs cargo-fuzz (`cargo install cargo-fuzz`).
# RUSTC_BOOTSTRAP lets the stable compiler instrument the code.
set -eu
cd "$(dirname "$0")/.."
RUSTC_BOOTSTRAP=1 exec cargo fuzz run --sanitizer none --release frames -- \
    -runs="${1:-1000000}" -max_len=4096 -timeout=15 -rss_limit_mb=1024 -print_final_stats=1
