# clean: remove what the build and the runs left behind.
#
# Usage: ./dev clean [--all]
#
# Removes build/. With --all also runs/, out/ and the data sets in examples/*/data.

# shellcheck shell=bash

dev_clean() {
  local paths=(build)
  case ${1:-} in
    '') ;;
    --all) paths+=(runs out examples/*/data) ;;
    *) fail_usage "clean: unknown argument '$1'; the only option is --all" ;;
  esac
  rm -rf -- "${paths[@]}"
  say "removed: ${paths[*]}"
}
