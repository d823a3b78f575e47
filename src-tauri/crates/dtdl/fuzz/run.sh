#!/bin/sh
# Fuzzes the parser: fuzz/run.sh [runs], 10 million by default. Needs cargo-fuzz (`cargo install cargo-fuzz`).
# RUSTC_BOOTSTRAP lets the stable compiler instrument the code.
# -timeout is for one input of at most 1 KiB; the target itself refuses what takes more than linear time.
set -eu
cd "$(dirname "$0")/.."
RUSTC_BOOTSTRAP=1 exec cargo fuzz run --sanitizer none --release models -- \
    -runs="${1:-10000000}" -max_len=1024 -timeout=10 -rss_limit_mb=2048 -dict=fuzz/dtdl.dict -print_final_stats=1
