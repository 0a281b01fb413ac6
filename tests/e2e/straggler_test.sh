#!/usr/bin/env bash
# A worker that stands still, and is not taken for dead: others compute its leaves, and after a few
# steps it gets none. When it goes on it is one of the workers again.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
long=(--set training.epochs=200 --set training.log_every=1 --set cluster.silence=600)
"$BALLAST" train "$spec" --out "$scratch/quiet" "${long[@]}" >/dev/null
expected=$(digest_of "$scratch/quiet")

"$BALLAST" coordinator "$spec" --out "$scratch/run" "${long[@]}" --listen 'tcp://127.0.0.1:*' \
  --workers 3 --servers 1 --log-level info >"$scratch/coordinator.log" 2>&1 &
coordinator=$!
endpoint=$(wait_for_line "$scratch/coordinator.log" 'coordinator listens at' "$coordinator")
endpoint=${endpoint##* }
"$BALLAST" server --coordinator "$endpoint" --listen 'tcp://127.0.0.1:*' --wait 0 \
  --home "$scratch/home" >"$scratch/server.log" 2>&1 &
members=($!)
for number in 1 2 3; do
  "$BALLAST" worker --coordinator "$endpoint" --wait 0 >"$scratch/worker-$number.log" 2>&1 &
  members+=($!)
done

wait_for_step "$scratch/run" 20 "$coordinator"
kill -STOP "${members[1]}"
wait_for_line "$scratch/coordinator.log" 'others compute [0-9]+ leaves in their stead' \
  "$coordinator" >/dev/null
wait_for_line "$scratch/coordinator.log" 'was late with 3 steps in a row' "$coordinator" >/dev/null
# Of the worker that stands still nothing more is waited for.
at=$(wc -l <"$scratch/run/history.jsonl")
wait_for_step "$scratch/run" $((at + 100)) "$coordinator"
kill -CONT "${members[1]}"

for process in "$coordinator" "${members[@]}"; do
  wait "$process" || fail "process $process: exit code $?"
done
! grep -E 'lost (worker|server)' "$scratch/coordinator.log" || fail "a member was taken for dead"
expect_digest "a worker that stood still" "$expected" "$scratch/run"
cmp -s "$scratch/quiet/history.jsonl" "$scratch/run/history.jsonl" || fail "another history"
finish
