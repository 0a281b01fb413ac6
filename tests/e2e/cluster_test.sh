#!/usr/bin/env bash
# A cluster put together by hand over tcp, in any order; a worker that joins late; members that
# cannot take part.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
long=(--set training.epochs=100)
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

# A port that is taken.
"$BALLAST" coordinator "$spec" --out "$scratch/first" --listen 'tcp://127.0.0.1:*' \
  >"$scratch/first.log" 2>&1 &
first=$!
endpoint=$(wait_for_line "$scratch/first.log" 'coordinator listens at' "$first")
code=0
"$BALLAST" coordinator "$spec" --out "$scratch/second" --listen "${endpoint##* }" \
  >"$scratch/second.log" 2>&1 || code=$?
[[ $code == 2 ]] || fail "port taken: expected exit code 2, saw $code"
kill -9 "$first"
wait "$first" || true

# Nobody there.
code=0
"$BALLAST" worker --coordinator tcp://127.0.0.1:9 --wait 1 >"$scratch/alone.log" 2>&1 || code=$?
[[ $code == 2 ]] || fail "no coordinator: expected exit code 2, saw $code"
grep -q "no coordinator answers at tcp://127.0.0.1:9" "$scratch/alone.log" ||
  fail "no coordinator: $(cat "$scratch/alone.log")"
finish
