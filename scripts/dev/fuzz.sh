# fuzz: feed mutated inputs to everything that reads bytes that others wrote.
#
# Usage: ./dev fuzz [TARGET...] [--minutes N | --seconds N]
#        ./dev fuzz --list
#
# Each target (tests/fuzz/targets) runs under AddressSanitizer and UBSan for a minute, or for as
# long as is said. It starts from the inputs in tests/fuzz and from what earlier runs found, which
# is kept in build/fuzz/corpus. A crash, a leak, an input that takes too long or too much memory
# stops the target: the input is made small and kept in build/fuzz/found, and the exit status is 1.

# shellcheck shell=bash

readonly fuzz_input_bytes_max=10240 fuzz_unpack_bytes_max=1024
# Sanitizers make everything several times slower, so this is about a second without them.
readonly fuzz_seconds_per_input_max=10
readonly fuzz_allocation_mib_max=256 fuzz_memory_mib_max=2048

dev_fuzz() {
  local seconds=60 targets=()
  while (($# > 0)); do
    case $1 in
      --list)
        fuzz_targets
        return 0
        ;;
      --minutes | --seconds)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || fail_usage "fuzz: $1 expects a number, saw '${2:-}'"
        seconds=$2
        [[ $1 == --seconds ]] || seconds=$(($2 * 60))
        shift
        ;;
      -*) fail_usage "fuzz: unknown argument '$1'; there are --minutes, --seconds and --list" ;;
      *)
        [[ -f tests/fuzz/targets/$1.cc ]] ||
          fail_usage "fuzz: unknown target '$1'; './dev fuzz --list' names them"
        targets+=("$1")
        ;;
    esac
    shift
  done
  ((${#targets[@]} > 0)) || mapfile -t targets < <(fuzz_targets)
  run_verb setup --fuzz
  build_preset asan "${targets[@]/#/fuzz_}"
  mkdir -p build/fuzz/logs build/fuzz/found
  fuzz_all "$seconds" "${targets[@]}"
}

fuzz_targets() {
  local path
  for path in tests/fuzz/targets/*.cc; do basename "$path" .cc; done
}

# As many at a time as there are cores; told in the order in which they were named.
fuzz_all() {
  local seconds=$1 target failed=() pids=() status=0
  shift
  say "fuzz: $# targets, $seconds s each"
  printf '%-12s %12s %10s %8s %6s\n' target executions per-second corpus new
  while (($# > 0)); do
    pids=()
    for target in "${@:1:$(jobs_max)}"; do
      fuzz_one "$target" "$seconds" &
      pids+=($!)
    done
    for target in "${@:1:${#pids[@]}}"; do
      status=0
      wait "${pids[0]}" || status=$?
      pids=("${pids[@]:1}")
      fuzz_report "$target"
      ((status == 0)) || failed+=("$target")
      shift
    done
  done
  ((${#failed[@]} == 0)) || {
    for target in "${failed[@]}"; do fuzz_explain "$target"; done
    fail "fuzz found something in: ${failed[*]}"
  }
}

# Runs a target; its output goes to build/fuzz/logs.
fuzz_one() (
  local target=$1 seconds=$2 bytes_max=$fuzz_input_bytes_max scratch
  [[ $target != unpack ]] || bytes_max=$fuzz_unpack_bytes_max
  mkdir -p "build/fuzz/corpus/$target" "tests/fuzz/regressions/$target"
  rm -f "build/fuzz/found/$target-crash" "build/fuzz/found/$target"-*-*
  scratch=$(fuzz_scratch)
  # shellcheck disable=SC2064
  trap "rm -rf '$scratch'" EXIT
  fuzz_run "$target" "$scratch" -max_total_time="$seconds" -max_len="$bytes_max" \
    -timeout="$fuzz_seconds_per_input_max" -malloc_limit_mb="$fuzz_allocation_mib_max" \
    -rss_limit_mb="$fuzz_memory_mib_max" -print_final_stats=1 \
    -artifact_prefix="build/fuzz/found/$target-" \
    "build/fuzz/corpus/$target" "tests/fuzz/corpus/$target" "tests/fuzz/regressions/$target" \
    >"build/fuzz/logs/$target.log" 2>&1 && return 0
  fuzz_minimize "$target" "$scratch"
  return 1
)

# fuzz_run TARGET SCRATCH OPTIONS...
fuzz_run() {
  local target=$1 scratch=$2
  shift 2
  env TMPDIR="$scratch" \
    ASAN_OPTIONS="strict_string_checks=1:detect_stack_use_after_return=1" \
    UBSAN_OPTIONS="print_stacktrace=1" \
    ASAN_SYMBOLIZER_PATH="$(command -v llvm-symbolizer-14)" \
    "build/asan/fuzzers/fuzz_$target" "$@"
}

# In memory where there is a file system in memory: some targets write files for every input.
fuzz_scratch() {
  local parent=/dev/shm
  [[ -d $parent && -w $parent ]] || parent=${TMPDIR:-/tmp}
  mktemp -d "$parent/ballast-fuzz-run-XXXXXX"
}

# The number behind a name in libFuzzer's closing statistics.
fuzz_stat() {
  local value
  value=$(sed -n "s/^stat::$2: *//p" "build/fuzz/logs/$1.log")
  printf '%s' "${value:-0}"
}

fuzz_report() {
  local size
  size=$(sed -n 's/^#[0-9]*.* corp: \([0-9]*\)\/.*/\1/p' "build/fuzz/logs/$1.log" | tail -n 1)
  printf '%-12s %12s %10s %8s %6s\n' "$1" "$(fuzz_stat "$1" number_of_executed_units)" \
    "$(fuzz_stat "$1" average_exec_per_sec)" "${size:-0}" "$(fuzz_stat "$1" new_units_added)"
}

# fuzz_minimize TARGET SCRATCH: the input that stopped it, as small as half a minute makes it.
fuzz_minimize() {
  local target=$1 found small=build/fuzz/found/$1-crash
  found=$(fuzz_found "$target")
  [[ -n $found ]] || return 0
  cp "$found" "$small"
  fuzz_run "$target" "$2" -minimize_crash=1 -max_total_time=30 \
    -timeout="$fuzz_seconds_per_input_max" -malloc_limit_mb="$fuzz_allocation_mib_max" \
    -rss_limit_mb="$fuzz_memory_mib_max" -exact_artifact_path="$small.smaller" "$found" \
    >>"build/fuzz/logs/$target.log" 2>&1 || true
  [[ ! -f $small.smaller ]] || mv "$small.smaller" "$small"
}

fuzz_found() {
  find build/fuzz/found -name "$1-*-*" | head -n 1
}

fuzz_explain() {
  local target=$1 small=build/fuzz/found/$1-crash
  say "fuzz: $target stopped; its output is build/fuzz/logs/$target.log:"
  grep -m 1 -E '^SUMMARY|invariant broken|terminate called|ALARM|out-of-memory' \
    "build/fuzz/logs/$target.log" || tail -n 5 "build/fuzz/logs/$target.log"
  [[ -f $small ]] || return 0
  printf '  the input, %d bytes:  %s\n' "$(stat -c %s "$small")" "$small"
  printf '  see it again:         build/asan/fuzzers/fuzz_%s %s\n' "$target" "$small"
  printf '  once it is mended:    cp %s tests/fuzz/regressions/%s/WHAT_IT_WAS\n' "$small" "$target"
}
