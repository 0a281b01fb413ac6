# sanitize: run the tests under AddressSanitizer, UBSan and ThreadSanitizer.
#
# Usage: ./dev sanitize [asan|tsan] [CTEST ARGUMENTS]
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
  build_preset asan tests_fast
  ASAN_OPTIONS="strict_string_checks=1:detect_stack_use_after_return=1" \
    UBSAN_OPTIONS="print_stacktrace=1" \
    ctest_sanitized asan -L fast "$@"
}

sanitize_tsan() {
  say "sanitize: ThreadSanitizer"
  build_preset tsan tests_tsan
  TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp" \
    ctest_sanitized tsan -L tsan "$@"
}

ctest_sanitized() {
  local preset=$1
  shift
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$(jobs_max)" \
    --timeout 300 "$@"
}
