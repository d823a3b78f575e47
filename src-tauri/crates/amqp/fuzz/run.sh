#!/bin/sh
# Fuzzes frames, values, messages and connections: fuzz/run.sh [runs [more of libFuzzer's options]], a million runs by default
# (`fuzz/run.sh -1 -max_total_time=300`: five minutes). Needs cargo-fuzz (`cargo install cargo-fuzz`).
# RUSTC_BOOTSTRAP lets the stable compiler instrument the code.
set -eu
cd "$(dirname "$0")/.."
runs="${1:-1000000}"
[ $# -eq 0 ] || shift
RUSTC_BOOTSTRAP=1 exec cargo fuzz run --sanitizer none --release frames -- \
    -runs="$runs" -max_len=4096 -timeout=15 -rss_limit_mb=1024 -print_final_stats=1 "$@"
