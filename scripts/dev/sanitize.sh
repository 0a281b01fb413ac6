# sanitize: run the tests under AddressSanitizer, UBSan and ThreadSanitizer.
#
# Usage: ./dev sanitize [asan|tsan] [--lines] [CTEST ARGUMENTS]
#
# Reports name functions. With --lines they name source lines too, once everything is compiled anew;
# it stays so, for the fuzzers of ./dev fuzz too, until it is asked for without.
#
# asan (with UBSan) runs the tests labelled `fast`, tsan those labelled `tsan`: the tests of code
# that more than one thread enters. Without a name both run.

# shellcheck shell=bash

dev_sanitize() {
  case ${1:-} in
    asan | tsan)
      local preset=$1
      shift
      "sanitize_$preset" "$@"
      ;;
    '' | -*)
      sanitize_asan "$@"
      sanitize_tsan "$@"
      ;;
    *) fail_usage "sanitize: expected asan or tsan, saw '$1'" ;;
  esac
}

sanitize_asan() {
  run_verb setup --fuzz  # The compiler is the fuzzers', and the libraries are compiled once for both.
  say "sanitize: AddressSanitizer and UBSan"
  sanitize_lines asan "$@"
  [[ ${1:-} != --lines ]] || shift
  build_preset asan tests_fast
  ASAN_OPTIONS="strict_string_checks=1:detect_stack_use_after_return=1" \
    UBSAN_OPTIONS="print_stacktrace=1" \
    ctest_sanitized asan -L fast "$@"
}

sanitize_tsan() {
  say "sanitize: ThreadSanitizer"
  sanitize_lines tsan "$@"
  [[ ${1:-} != --lines ]] || shift
  build_preset tsan tests_tsan
  TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp" \
    ctest_sanitized tsan -L tsan "$@"
}

# sanitize_lines PRESET [--lines ...]
sanitize_lines() {
  local preset=$1 lines=OFF
  [[ ${2:-} != --lines ]] || lines=ON
  configure_preset "$preset"
  grep -q "^BALLAST_LINES:BOOL=$lines$" "build/$preset/CMakeCache.txt" ||
    cmake -B "build/$preset" -DBALLAST_LINES="$lines"
}

ctest_sanitized() {
  local preset=$1
  shift
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$(jobs_max)" \
    --timeout 300 "$@"
}
