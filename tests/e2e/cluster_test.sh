#!/usr/bin/env bash
# A cluster put together by hand over tcp, in any order; a worker that joins late; members that
# cannot take part.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
long=(--set training.epochs=250) # Long enough to be killed in the middle on a fast machine.
"$BALLAST" train "$spec" --out "$scratch/quiet" "${long[@]}" >/dev/null
expected=$(digest_of "$scratch/quiet")

"$BALLAST" coordinator "$spec" --out "$scratch/run" "${long[@]}" --listen 'tcp://127.0.0.1:*' \
  --workers 2 --servers 2 >"$scratch/coordinator.log" 2>&1 &
coordinator=$!
endpoint=$(wait_for_line "$scratch/coordinator.log" 'coordinator listens at' "$coordinator")
endpoint=${endpoint##* }

"$BALLAST" worker --coordinator "$endpoint" >"$scratch/worker-0.log" 2>&1 &
workers=("$!")
for i in 0 1; do
  "$BALLAST" server --coordinator "$endpoint" --listen 'tcp://127.0.0.1:*' \
    --home "$scratch/home-$i" >"$scratch/server-$i.log" 2>&1 &
  servers+=("$!")
done
"$BALLAST" worker --coordinator "$endpoint" --threads 2 >"$scratch/worker-1.log" 2>&1 &
workers+=("$!")
wait_for_step "$scratch/run" 500 "$coordinator"
"$BALLAST" worker --coordinator "$endpoint" >"$scratch/worker-2.log" 2>&1 &
workers+=("$!")
for process in "$coordinator" "${servers[@]}" "${workers[@]}"; do
  wait "$process" || fail "process $process: exit code $?"
done
expect_digest "2 servers and 2 workers by hand, a third later" "$expected" "$scratch/run"

# The coordinator killed, and resumed at the same address: servers and workers wait for it.
"$BALLAST" coordinator "$spec" --out "$scratch/again" "${long[@]}" --listen 'tcp://127.0.0.1:*' \
  --set checkpoint.every_steps=500 --workers 2 --servers 1 >"$scratch/killed.log" 2>&1 &
coordinator=$!
endpoint=$(wait_for_line "$scratch/killed.log" 'coordinator listens at' "$coordinator")
endpoint=${endpoint##* }
members=()
"$BALLAST" server --coordinator "$endpoint" --home "$scratch/home-2" >"$scratch/server-2.log" 2>&1 &
members+=("$!")
for i in 3 4; do
  "$BALLAST" worker --coordinator "$endpoint" >"$scratch/worker-$i.log" 2>&1 &
  members+=("$!")
done
wait_for_step "$scratch/again" 1000 "$coordinator"
kill -9 "$coordinator"
wait "$coordinator" || true
"$BALLAST" resume "$scratch/again" --listen "$endpoint" --workers 2 --servers 1 \
  >"$scratch/resumed.log" 2>&1 || fail "resume: $(tail -n 3 "$scratch/resumed.log")"
for process in "${members[@]}"; do
  wait "$process" || fail "member $process: exit code $?"
done
expect_digest "the coordinator killed and resumed, its members waiting" "$expected" "$scratch/again"

# Ctrl-C on the coordinator: a checkpoint, and everybody leaves the way the run ended.
"$BALLAST" coordinator "$spec" --out "$scratch/stopped" "${long[@]}" --listen 'tcp://127.0.0.1:*' \
  >"$scratch/stopped.log" 2>&1 &
coordinator=$!
endpoint=$(wait_for_line "$scratch/stopped.log" 'coordinator listens at' "$coordinator")
endpoint=${endpoint##* }
members=("$coordinator")
"$BALLAST" server --coordinator "$endpoint" --home "$scratch/home-3" >"$scratch/server-3.log" 2>&1 &
members+=("$!")
"$BALLAST" worker --coordinator "$endpoint" >"$scratch/worker-5.log" 2>&1 &
members+=("$!")
wait_for_step "$scratch/stopped" 500 "$coordinator"
kill -INT "$coordinator"
for process in "${members[@]}"; do
  code=0
  wait "$process" || code=$?
  [[ $code == 130 ]] || fail "interrupted, process $process: expected exit code 130, saw $code"
done
grep -q "ballast resume $scratch/stopped" "$scratch/stopped.log" ||
  fail "an interrupted cluster does not say how to go on: $(tail -n 2 "$scratch/stopped.log")"
"$BALLAST" resume "$scratch/stopped" --workers 2 --servers 2 >"$scratch/stopped-resumed.log" 2>&1 ||
  fail "resume: $(tail -n 3 "$scratch/stopped-resumed.log")"
expect_digest "a cluster interrupted, resumed as local processes" "$expected" "$scratch/stopped"

# A port that is taken.
"$BALLAST" coordinator "$spec" --out "$scratch/first" --listen 'tcp://127.0.0.1:*' \
  >"$scratch/first.log" 2>&1 &
first=$!
endpoint=$(wait_for_line "$scratch/first.log" 'coordinator listens at' "$first")
code=0
"$BALLAST" coordinator "$spec" --out "$scratch/second" --listen "${endpoint##* }" \
  >"$scratch/second.log" 2>&1 || code=$?
[[ $code == 2 ]] || fail "port taken: expected exit code 2, saw $code"
[[ -z $(ls -A "$scratch/second") ]] || fail "port taken: something was written: $(ls -A "$scratch/second")"
kill -9 "$first"
wait "$first" || true

# Nobody there.
code=0
"$BALLAST" worker --coordinator tcp://127.0.0.1:9 --wait 1 >"$scratch/alone.log" 2>&1 || code=$?
[[ $code == 2 ]] || fail "no coordinator: expected exit code 2, saw $code"
grep -q "no coordinator answers at tcp://127.0.0.1:9" "$scratch/alone.log" ||
  fail "no coordinator: $(cat "$scratch/alone.log")"
finish
