#!/usr/bin/env bash
# A cluster that grows from two servers to four and shrinks to one, while three workers come and go:
# the same bits, and no step is done again.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
long=(--set training.epochs=400 --set training.log_every=1 --set checkpoint.every_seconds=0)
"$BALLAST" train "$spec" --out "$scratch/quiet" "${long[@]}" >/dev/null
expected=$(digest_of "$scratch/quiet")

start() { # ROLE NAME
  local options=()
  [[ $1 != server ]] || options=(--listen 'tcp://127.0.0.1:*' --home "$scratch/home-$2")
  "$BALLAST" "$1" --coordinator "$endpoint" --wait 0 "${options[@]}" >"$scratch/$2.log" 2>&1 &
  pids[$2]=$!
}

# Until as many servers own partitions as are there.
wait_for_owners() { # COUNT
  local line
  while read -r line; do
    "$BALLAST" status --out "$scratch/run" --json >"$scratch/status.json" 2>/dev/null || continue
    [[ $(grep -cE '"owns": [1-9]' "$scratch/status.json") != "$1" ]] || return 0
  done < <(tail -s 0.1 -n 1 -F --pid="$coordinator" "$scratch/run/history.jsonl" 2>/dev/null)
  fail "the run ended before $1 servers had partitions: ${line:-no history}"
}

"$BALLAST" coordinator "$spec" --out "$scratch/run" "${long[@]}" --listen 'tcp://127.0.0.1:*' \
  --workers 1 --servers 2 --log-level info >"$scratch/coordinator.log" 2>&1 &
coordinator=$!
endpoint=$(wait_for_line "$scratch/coordinator.log" 'coordinator listens at' "$coordinator")
endpoint=${endpoint##* }
start server s1
start server s2
start worker w1
wait_for_owners 2
start worker w2
start server s3
start server s4
wait_for_owners 4
start worker w3
leave w1
leave s1
start worker w4
leave w2
leave s3
wait_for_owners 2
leave w3
leave s2
wait_for_owners 1

code=0
wait "$coordinator" || code=$?
[[ $code == 0 ]] || fail "exit code $code: $(tail -n 3 "$scratch/coordinator.log")"
! grep -E 'going back|taking over' "$scratch/coordinator.log" || fail "steps were lost"
expect_digest "two servers, four, one; workers that come and go" "$expected" "$scratch/run"
cmp -s "$scratch/quiet/history.jsonl" "$scratch/run/history.jsonl" || fail "another history"
finish
