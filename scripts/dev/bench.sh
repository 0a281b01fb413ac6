# bench: build and run the benchmarks in bench/.
#
# Usage: ./dev bench [ARGUMENTS OF THE BENCHMARK PROGRAM]
#
# bench/README.md says what is measured, and how.

# shellcheck shell=bash

dev_bench() {
  [[ -f bench/CMakeLists.txt ]] ||
    fail "bench/ holds no benchmark yet; bench/README.md says what will be measured"
  build_preset release bench
  build/release/bench/bench "$@"
}
