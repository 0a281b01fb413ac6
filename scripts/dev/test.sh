# test: install, build, and run every test.
#
# Usage: ./dev test [CTEST ARGUMENTS]
#
# What follows is handed to ctest: `./dev test -R philox` runs the tests whose name matches,
# `./dev test -L fast` those with the label, `./dev test -V` shows their output. s3_test is skipped
# until scripts/s3_server.sh has put an S3 server into build/s3.

# shellcheck shell=bash

dev_test() {
  run_verb setup --test
  build_preset release
  # A few more than there are cores: tests of processes wait for one another.
  ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(($(jobs_max) + 2))" "$@"
}
