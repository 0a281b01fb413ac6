#!/usr/bin/env bash
# The promise on real data: one digest for an example on every shape of the cluster, with a worker
# killed in the middle, and resumed after everything was killed.
#
# Usage: tests/e2e/example_digests.sh [--epochs N] [--quick] [EXAMPLE/MODEL ...]
#
#   --epochs N   train for N epochs, at least 2, instead of as many as the spec says
#   --quick      two shapes instead of nine
#
# Without a name it takes every example that has a model with dropout. Data that is not shipped comes
# by `./dev data`; what cannot be had is an error.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
BALLAST=${BALLAST:-build/release/ballast}
# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

epochs=
shapes=(ipc:1:1 ipc:2:1 ipc:3:2 ipc:5:3 tcp:1:1 tcp:2:1 tcp:3:2 tcp:5:3)
examples=()
while (($# > 0)); do
  case $1 in
    --epochs)
      epochs=$2
      shift
      ;;
    --quick) shapes=(tcp:3:2) ;;
    *) examples+=("$1") ;;
  esac
  shift
done
((${#examples[@]} > 0)) ||
  examples=(digits/mlp adult/logistic adult/mlp fashion-mnist/mlp imdb/embedding_bag)

# run NAME ARGUMENTS...: trains; the options of the example are in $options.
run() {
  local name=$1
  shift
  "$BALLAST" train "$spec" --out "$scratch/$name" "${options[@]}" "$@" >"$scratch/$name.log" 2>&1 ||
    fail "$name: exit code $?: $(tail -n 3 "$scratch/$name.log")"
}

# begin NAME ARGUMENTS...: the same in the background, as $launcher.
begin() {
  local name=$1
  shift
  "$BALLAST" train "$spec" --out "$scratch/$name" "${options[@]}" "$@" >"$scratch/$name.log" 2>&1 &
  launcher=$!
}

# wait_for_epoch DIRECTORY EPOCH: until that epoch has been evaluated, or the launcher has ended.
wait_for_epoch() {
  grep -m1 -q "^{\"epoch\":$2,\"step\"" < <(
    tail -s 0.1 -n +1 -F --pid="$launcher" "$1/history.jsonl" 2>/dev/null
  ) || fail "the run in $1 ended before epoch $2"
}

hold_to_one_digest() {
  local example=$1 shape transport workers servers expected middle
  spec=examples/$example.yaml
  options=(--set checkpoint.every_steps=100)
  [[ -z $epochs ]] || options+=(--set "training.epochs=$epochs")
  middle=${epochs:-4}
  middle=$((middle / 2))

  run quiet
  expected=$(digest_of "$scratch/quiet")
  printf '%s: %s\n' "$example" "$expected"
  run threads --threads 2
  expect_digest "$example, 2 threads" "$expected" "$scratch/threads"
  for shape in "${shapes[@]}"; do
    IFS=: read -r transport workers servers <<<"$shape"
    run shape --transport "$transport" --workers "$workers" --servers "$servers"
    expect_digest "$example, $workers workers, $servers servers over $transport" "$expected" \
      "$scratch/shape"
    rm -rf "$scratch/shape"
  done

  begin worker --workers 3 --servers 2
  wait_for_epoch "$scratch/worker" "$middle"
  kill -9 "$(children_of "$launcher" worker | head -n 1)" ||
    fail "$example: over before a worker could be killed; give it more --epochs"
  wait "$launcher" || fail "worker killed: exit code $?: $(tail -n 3 "$scratch/worker.log")"
  expect_digest "$example, a worker killed in epoch $((middle + 1))" "$expected" "$scratch/worker"

  begin everything --workers 3 --servers 2
  wait_for_epoch "$scratch/everything" "$middle"
  members=$(pgrep -P "$launcher")
  kill -9 "$launcher"
  wait "$launcher" || true
  for member in $members; do
    tail -s 0.1 --pid="$member" -f /dev/null # Members end with their launcher.
  done
  "$BALLAST" resume "$scratch/everything" --workers 1 --servers 3 >"$scratch/resumed.log" 2>&1 ||
    fail "resume: $(tail -n 3 "$scratch/resumed.log")"
  expect_digest "$example, everything killed in epoch $((middle + 1)), resumed on 1 worker and 3 servers" \
    "$expected" "$scratch/everything"
  rm -rf "$scratch"/{quiet,threads,worker,everything}
}

for example in "${examples[@]}"; do
  [[ $example == digits/* ]] || ./dev data "${example%%/*}" >/dev/null
  hold_to_one_digest "$example"
done
finish
