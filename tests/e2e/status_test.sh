#!/usr/bin/env bash
# ballast status: what a run does and whom it waits for, of every shape of run; and a coordinator that
# is killed and started again by the same command.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
long=(--set training.epochs=250) # Long enough to be killed in the middle on a fast machine.
"$BALLAST" train "$spec" --out "$scratch/quiet" "${long[@]}" >/dev/null
expected=$(digest_of "$scratch/quiet")

# status NAME EXPECTED-CODE EXPECTED-TEXT ARGUMENTS...
status() {
  local code=0
  "$BALLAST" status "${@:4}" >"$scratch/status" 2>&1 || code=$?
  if [[ $code != "$2" ]] || ! grep -qE -- "$3" "$scratch/status"; then
    fail "$1: expected exit code $2 and /$3/, saw $code and: $(cat "$scratch/status")"
  else
    printf 'ok: %s\n' "$1"
  fi
}

# One process, and local ones over ipc and tcp.
local=0
for shape in "--threads 2" "--workers 2 --servers 1" "--workers 1 --servers 2 --transport tcp"; do
  local=$((local + 1))
  # shellcheck disable=SC2086
  "$BALLAST" train "$spec" --out "$scratch/local-$local" "${long[@]}" $shape \
    >"$scratch/local.log" 2>&1 &
  launcher=$!
  wait_for_step "$scratch/local-$local" 500 "$launcher"
  status "a run of $shape" 0 'digits.*(training|evaluating), epoch [0-9]+/250, step [0-9]+/' \
    --out "$scratch/local-$local"
  for member in '^server .* member; owns [0-9]+ partitions' '^worker .* member; leaves 0 to '; do
    grep -qE "$member" "$scratch/status" || fail "members of $shape: $(cat "$scratch/status")"
  done
  kill -INT "$launcher"
  wait "$launcher" || true
  status "a run of $shape that was stopped" 3 'no coordinator runs there.*resume' \
    --out "$scratch/local-$local"
done

status "a run that is over" 3 'no coordinator runs there.*its model is written' --out "$scratch/quiet"
"$BALLAST" cv examples/digits/cv.yaml --out "$scratch/cv" --set training.epochs=1 >/dev/null
status "a job that is over" 3 'the job is over, and its results are written; see .*report\.html' \
  --out "$scratch/cv"

# A cluster that waits says for whom, to anybody who asks; it is not held up by who asks.
again=("$BALLAST" coordinator "$spec" --out "$scratch/run" "${long[@]}"
  --listen "ipc://$scratch/coordinator" --workers 2 --servers 1)
"${again[@]}" >"$scratch/first.log" 2>&1 &
coordinator=$!
wait_for_line "$scratch/first.log" 'coordinator listens at' "$coordinator" >/dev/null
while "$BALLAST" status --coordinator "ipc://$scratch/coordinator" | grep -q ': claiming'; do :; done
status "a cluster without members" 0 'waiting +for 1 more server and 2 more workers to join' \
  --coordinator "ipc://$scratch/coordinator"
"$BALLAST" server --coordinator "ipc://$scratch/coordinator" --home "$scratch/home" \
  >"$scratch/server.log" 2>&1 &
members=("$!")
for i in 0 1; do
  "$BALLAST" worker --coordinator "ipc://$scratch/coordinator" >"$scratch/worker-$i.log" 2>&1 &
  members+=("$!")
done
wait_for_step "$scratch/run" 500 "$coordinator"
kill -STOP "${members[2]}" # Nobody takes it for dead before cluster.silence_seconds.
stalled_at=$SECONDS
until grep -qE 'waiting +for server .* to prepare step|waiting +for the evaluation of version .* by' \
  "$scratch/status"; do
  "$BALLAST" status --out "$scratch/run" >"$scratch/status" 2>&1 || fail "status: $(cat "$scratch/status")"
  ((SECONDS - stalled_at < 9)) || break
done
grep -q 'waiting' "$scratch/status" || fail "a stalled run does not say what it waits for: $(cat "$scratch/status")"
"$BALLAST" status --out "$scratch/run" --json >"$scratch/status.json"
python3 -c '
import json, sys
status = json.load(open(sys.argv[1]))
roles = sorted(member["role"] for member in status["members"])
assert roles == ["server", "worker", "worker"], roles
assert status["phase"] in ("training", "evaluating") and status["waiting_for"], status
' "$scratch/status.json" || fail "--json: $(cat "$scratch/status.json")"
kill -CONT "${members[2]}"

# The same command again: the run goes on from what the servers hold.
kill -9 "$coordinator"
wait "$coordinator" || true
status "a coordinator that was killed" 3 'nobody answers at ipc:.*check' --out "$scratch/run" --wait 1
"${again[@]}" >"$scratch/second.log" 2>&1 || fail "again: $(tail -n 3 "$scratch/second.log")"
for process in "${members[@]}"; do
  wait "$process" || fail "member $process: exit code $?"
done
for said in 'holds this run already: going on with it' \
  'going on from version [1-9][0-9]*, which the servers hold'; do
  grep -qE "$said" "$scratch/second.log" || fail "the same command again: $(cat "$scratch/second.log")"
done
expect_digest "the coordinator killed, the same command again" "$expected" "$scratch/run"
cmp -s "$scratch/quiet/history.jsonl" "$scratch/run/history.jsonl" ||
  fail "the same command again: another history"

# Another run is not gone on with, nor overwritten.
before=$(sha256sum "$scratch/run/job.json")
for change in "--seed 7" "--set training.batch=16"; do
  code=0
  # shellcheck disable=SC2086
  "${again[@]}" $change >"$scratch/other.log" 2>&1 || code=$?
  [[ $code == 2 ]] || fail "$change over another run: exit code $code"
  grep -qE 'holds another run \((its seed is|its spec)' "$scratch/other.log" ||
    fail "$change over another run: $(cat "$scratch/other.log")"
done
[[ $(sha256sum "$scratch/run/job.json") == "$before" ]] || fail "another run: job.json was changed"

status "nobody there" 3 'nobody answers at tcp://127\.0\.0\.1:9; check' \
  --coordinator tcp://127.0.0.1:9 --wait 0.5
status "no run there" 2 'nowhere/job\.json' --out "$scratch/nowhere"
status "nobody to ask" 2 'BALLAST_COORDINATOR: expected the address of a service.*it is not set'
status "no such endpoint" 2 'telephone' --coordinator telephone
finish
