# shellcheck shell=bash
# What the tests of the real binary share. Sourced with BALLAST set to it; gives each test a scratch
# directory that goes with it, and stops what it left running.

set -euo pipefail

: "${BALLAST:?the binary under test}"
scratch=$(mktemp -d)
export BALLAST_CACHE=$scratch/cache
failures=0
declare -A pids=() # Of members that a test has started, by the names that it gave them.

clean_up() {
  local left
  left=$(jobs -p)
  # shellcheck disable=SC2086
  [[ -z $left ]] || kill -9 $left 2>/dev/null || true
  rm -rf "$scratch"
}
trap clean_up EXIT

fail() {
  printf 'FAILED: %s\n' "$*"
  failures=$((failures + 1))
}

finish() {
  if ((failures > 0)); then
    printf '%d failed\n' "$failures"
    exit 1
  fi
  printf 'all passed\n'
}

digest_of() {
  sha256sum "$1/model.safetensors" | cut -d' ' -f1
}

# expect_digest NAME EXPECTED DIRECTORY
expect_digest() {
  local seen
  seen=$(digest_of "$3" 2>/dev/null || echo none)
  if [[ $seen == "$2" ]]; then
    printf 'ok: %s\n' "$1"
  else
    fail "$1: expected digest $2, saw $seen"
  fi
}

# wait_for_step DIRECTORY STEP PID: blocks until the history has that step, or PID has ended.
wait_for_step() {
  grep -m1 -q "\"step\":$2," < <(tail -s 0.1 -n +1 -F --pid="$3" "$1/history.jsonl" 2>/dev/null) ||
    fail "the run in $1 ended before step $2"
}

# wait_for_checkpoint DIRECTORY PID: blocks until the run has a complete one, or PID has ended. The
# next line of the history may be the moment to look again.
wait_for_checkpoint() {
  local manifests line
  while read -r line; do
    manifests=("$1"/checkpoints/checkpoint-*.json)
    [[ ! -e ${manifests[0]} ]] || return 0
  done < <(tail -s 0.1 -n +1 -F --pid="$2" "$1/history.jsonl" 2>/dev/null)
  fail "the run in $1 ended without a checkpoint: ${line:-no history}"
}

# wait_for_line FILE PATTERN PID: FILE must be fresh, or an older line could be taken for it.
wait_for_line() {
  grep -m1 -E "$2" < <(tail -s 0.1 -n +1 -F --pid="$3" "$1" 2>/dev/null) || fail "$1 ended without: $2"
}

# leave NAME: the member whose process is pids[NAME] is asked to. It hands over what it keeps, says
# goodbye and ends with exit code 0.
leave() {
  local code=0
  kill -TERM "${pids[$1]}"
  wait "${pids[$1]}" || code=$?
  [[ $code == 0 ]] || fail "$1: exit code $code: $(tail -n 2 "$scratch/$1.log")"
  unset "pids[$1]"
}

# children_of PID ROLE: process ids of a launcher's local servers or workers, oldest first.
children_of() {
  pgrep -P "$1" -f "ballast $2 --coordinator"
}

# mistake NAME EXPECTED-TEXT ARGUMENTS...: of ballast; exit code 2, the text in the output,
# and nothing in $scratch/out: no model, and no file named $begun where that is set.
mistake() {
  local name=$1 text=$2 code=0
  shift 2
  "$BALLAST" "$@" >"$scratch/log" 2>&1 || code=$?
  if [[ $code != 2 ]]; then
    fail "$name: expected exit code 2, saw $code: $(tail -n 2 "$scratch/log")"
  elif ! grep -qE -- "$text" "$scratch/log"; then
    fail "$name: expected /$text/, saw: $(cat "$scratch/log")"
  elif [[ -e $scratch/out/model.safetensors || (-n ${begun:-} && -e $scratch/out/$begun) ]]; then
    fail "$name: something was written"
  else
    printf 'ok: %s\n' "$name"
  fi
  rm -rf "$scratch/out"
}
