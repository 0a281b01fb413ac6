#!/usr/bin/env bash
# Real processes and real kills: a worker, a server, everything at once; resumed on other shapes. The
# digest is that of the quiet run.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
long=(--set training.epochs=150 --set checkpoint.every_steps=500 --set training.evaluate_every=1050)

"$BALLAST" train "$spec" --out "$scratch/quiet" "${long[@]}" >/dev/null
expected=$(digest_of "$scratch/quiet")

begin() {
  local name=$1
  shift
  "$BALLAST" train "$spec" --out "$scratch/$name" "${long[@]}" "$@" >"$scratch/$name.log" 2>&1 &
  launcher=$!
}

end() {
  local code=0
  wait "$launcher" || code=$?
  [[ $code == "$1" ]] || fail "$2: expected exit code $1, saw $code: $(tail -n 3 "$scratch/$2.log")"
}

begin worker --workers 3 --servers 2
wait_for_step "$scratch/worker" 1000 "$launcher"
kill -9 "$(children_of "$launcher" worker | head -n 1)"
wait_for_step "$scratch/worker" 1500 "$launcher"
kill -9 "$(children_of "$launcher" worker | tail -n 1)"
end 0 worker
expect_digest "two workers killed" "$expected" "$scratch/worker"

begin leaver --workers 3 --servers 1
wait_for_step "$scratch/leaver" 1000 "$launcher"
kill -TERM "$(children_of "$launcher" worker | head -n 1)"
end 0 leaver
expect_digest "a worker that was asked to leave" "$expected" "$scratch/leaver"

begin server --workers 2 --servers 2
wait_for_step "$scratch/server" 1500 "$launcher"
kill -9 "$(children_of "$launcher" server | head -n 1)"
end 0 server
expect_digest "a server killed" "$expected" "$scratch/server"
cmp -s "$scratch/quiet/history.jsonl" "$scratch/server/history.jsonl" ||
  fail "a server killed: another history"

# With replicas it costs no step: the run stays on its first timeline. Twice, since the server that
# takes the dead one's place is given copies first.
begin replicas --workers 2 --servers 3 --set cluster.replicas=1 --log-level info
wait_for_step "$scratch/replicas" 500 "$launcher"
kill -9 "$(children_of "$launcher" server | head -n 1)"
wait_for_step "$scratch/replicas" 2500 "$launcher"
kill -9 "$(children_of "$launcher" server | head -n 1)"
end 0 replicas
expect_digest "two servers killed, each with replicas" "$expected" "$scratch/replicas"
cmp -s "$scratch/quiet/history.jsonl" "$scratch/replicas/history.jsonl" ||
  fail "servers with replicas killed: another history"
[[ $(grep -c "no step is lost" "$scratch/replicas.log") == 2 ]] ||
  fail "replicas: expected two promotions: $(grep -E "promot|going back" "$scratch/replicas.log")"
[[ -e $scratch/replicas/checkpoints/timeline-1 && ! -e $scratch/replicas/checkpoints/timeline-2 ]] ||
  fail "replicas: the run went back to a checkpoint"

begin handover --workers 2 --servers 2 --log-level info
wait_for_step "$scratch/handover" 1000 "$launcher"
kill -TERM "$(children_of "$launcher" server | head -n 1)"
end 0 handover
expect_digest "a server that was asked to leave" "$expected" "$scratch/handover"
[[ ! -e $scratch/handover/checkpoints/timeline-2 ]] ||
  fail "a server that was asked to leave: the run went back to a checkpoint"

begin everything --workers 3 --servers 2
wait_for_step "$scratch/everything" 1500 "$launcher"
members=$(pgrep -P "$launcher")
kill -9 "$launcher"
end 137 everything
for member in $members; do
  tail -s 0.1 --pid="$member" -f /dev/null # Members end with their launcher.
done
"$BALLAST" inspect "$scratch/everything" >/dev/null || fail "inspect after the kill"
"$BALLAST" resume "$scratch/everything" --workers 1 --servers 3 >"$scratch/everything.log" 2>&1 ||
  fail "resume: $(tail -n 3 "$scratch/everything.log")"
expect_digest "everything killed, resumed on 1 worker and 3 servers" "$expected" \
  "$scratch/everything"
cmp -s "$scratch/quiet/history.jsonl" "$scratch/everything/history.jsonl" ||
  fail "resumed: another history"

begin embedded --threads 2
wait_for_step "$scratch/embedded" 1500 "$launcher"
kill -9 "$launcher"
end 137 embedded
"$BALLAST" resume "$scratch/embedded" --workers 2 --servers 1 >"$scratch/embedded.log" 2>&1 ||
  fail "resume: $(tail -n 3 "$scratch/embedded.log")"
expect_digest "one process killed, resumed on 2 workers" "$expected" "$scratch/embedded"

begin interrupted --workers 2 --servers 1
wait_for_step "$scratch/interrupted" 1000 "$launcher"
kill -INT "$launcher"
end 130 interrupted
tail -n 1 "$scratch/interrupted.log" | grep -q "ballast resume $scratch/interrupted" ||
  fail "an interrupted run does not end with how to go on: $(tail -n 3 "$scratch/interrupted.log")"
"$BALLAST" resume "$scratch/interrupted" >"$scratch/interrupted.log" 2>&1 ||
  fail "resume: $(tail -n 3 "$scratch/interrupted.log")"
expect_digest "interrupted, resumed in one process" "$expected" "$scratch/interrupted"

# A finished run can be resumed too: nothing is left to do, and nothing changes.
"$BALLAST" resume "$scratch/interrupted" >"$scratch/interrupted.log" 2>&1 || fail "resume when done"
expect_digest "resumed when done" "$expected" "$scratch/interrupted"
finish
