# build: compile a preset; the default gives build/release/ballast.
#
# Usage: ./dev build [release|debug|asan|tsan] [TARGET...]
#
# The presets are in CMakePresets.json. Without a TARGET everything is built, tests included.

# shellcheck shell=bash

dev_build() {
  local preset=${1:-release}
  (($# == 0)) || shift
  case $preset in
    asan) run_verb setup --fuzz ;;
    release | debug | tsan) ;;
    *) fail_usage "build: expected release, debug, asan or tsan, saw '$preset'" ;;
  esac
  build_preset "$preset" "$@"
  [[ ! -x build/$preset/ballast ]] || say "built build/$preset/ballast"
}
