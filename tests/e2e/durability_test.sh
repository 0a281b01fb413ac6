#!/usr/bin/env bash
# durability: step. Servers die with all weights, and then everything does; each comes back with its
# home, and no step is lost, although no checkpoint was written.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
long=(--set training.epochs=60 --set checkpoint.every_seconds=0)
"$BALLAST" train "$spec" --out "$scratch/quiet" "${long[@]}" >/dev/null
expected=$(digest_of "$scratch/quiet")

start_server() { # NUMBER LIFE
  "$BALLAST" server --coordinator "$endpoint" --listen 'tcp://127.0.0.1:*' --wait 0 \
    --home "$scratch/home-$1" >"$scratch/server-$1-$2.log" 2>&1 &
  servers[$1]=$!
}

start_worker() { # LIFE
  "$BALLAST" worker --coordinator "$endpoint" --wait 0 >"$scratch/worker-$1.log" 2>&1 &
  worker=$!
}

"$BALLAST" coordinator "$spec" --out "$scratch/run" "${long[@]}" --set cluster.durability=step \
  --listen 'tcp://127.0.0.1:*' --workers 1 --servers 2 >"$scratch/coordinator-1.log" 2>&1 &
coordinator=$!
endpoint=$(wait_for_line "$scratch/coordinator-1.log" 'coordinator listens at' "$coordinator")
endpoint=${endpoint##* }
servers=()
start_server 0 1
start_server 1 1
start_worker 1
wait_for_step "$scratch/run" 200 "$coordinator"
kill -9 "${servers[@]}"
wait "${servers[@]}" || true # Their homes are free when they are gone.
start_server 0 2
start_server 1 2
wait_for_line "$scratch/coordinator-1.log" 'going on from version' "$coordinator" >/dev/null
wait_for_step "$scratch/run" 500 "$coordinator"

kill -9 "$coordinator" "$worker" "${servers[@]}"
wait "$coordinator" "$worker" "${servers[@]}" || true # So is the coordinator's port.
"$BALLAST" resume "$scratch/run" --listen "$endpoint" --workers 1 --servers 2 --log-level info \
  >"$scratch/coordinator-2.log" 2>&1 &
coordinator=$!
start_server 0 3
start_server 1 3
start_worker 2
code=0
wait "$coordinator" || code=$?
[[ $code == 0 ]] || fail "exit code $code: $(tail -n 3 "$scratch/coordinator-2.log")"
((code == 0)) || finish # Its members would wait for ever.
grep -q 'going on from version' "$scratch/coordinator-2.log" ||
  fail "everything killed: the run did not go on from what the servers' homes kept"
for process in "$worker" "${servers[@]}"; do
  wait "$process" || fail "process $process: exit code $?"
done
! grep -h "going back to the last" "$scratch"/coordinator-*.log ||
  fail "the run went back to a checkpoint"
expect_digest "two servers killed, then everything, with durability: step" "$expected" "$scratch/run"
cmp -s "$scratch/quiet/history.jsonl" "$scratch/run/history.jsonl" || fail "another history"
finish
