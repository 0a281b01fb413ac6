#!/usr/bin/env bash
# Bounded and asynchronous runs of real processes, with members killed, stopped and replaced: they
# end, every microbatch is counted once, and the model is about as good as the synchronous one.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
epochs=80 # Long enough to be killed in the middle on a fast machine.
long=(--set "training.epochs=$epochs" --set optimizer.adam.learning_rate=0.001
  --set checkpoint.every_steps=100)

accuracy_of() {
  tail -n 1 "$scratch/$1/history.jsonl" | grep -oE '"test":\{[^}]*"accuracy":[0-9.]+' | grep -oE '[0-9.]+$'
}

# expect_good NAME: the last line is the evaluation of the last step, and it has learned.
expect_good() {
  local accuracy
  accuracy=$(accuracy_of "$1" || echo none)
  if awk -v a="$accuracy" -v least="$least" 'BEGIN { exit !(a + 0 >= least) }'; then
    printf 'ok: %s, accuracy %s\n' "$1" "$accuracy"
  else
    fail "$1: expected a test accuracy of $least at least, saw $accuracy"
  fi
}

# expect_counted NAME: the examples of the history's lines are all those of every epoch, each once.
# Only where no server was lost: what one counts is of its own life.
expect_counted() {
  python3 -c '
import json, sys
run = json.loads(json.load(open(sys.argv[1] + "/job.json"))["run"])["run"]
lines = [json.loads(line) for line in open(sys.argv[1] + "/history.jsonl")]
counted = sum(line.get("examples", 0) for line in lines)
expected = int(sys.argv[2]) * run["train_examples"]
assert counted == expected, f"expected {expected} examples, saw {counted}"
' "$scratch/$1" "$epochs" || fail "$1: not every example is counted once"
}

# expect_said NAME TEXT: the fault that the test is about has happened, in the middle of the run.
expect_said() {
  grep -qE -- "$2" "$scratch/$1.log" || fail "$1: expected '$2' in $(tail -n 5 "$scratch/$1.log")"
}

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

# wait_past NAME HUNDREDS: the history of a relaxed run skips steps.
wait_past() {
  grep -m1 -q -E "\"step\":([$2-9]|[1-9][0-9]+)[0-9]{2}," \
    < <(tail -s 0.1 -n +1 -F --pid="$launcher" "$scratch/$1/history.jsonl" 2>/dev/null) ||
    fail "$1 ended before step ${2}00"
}

"$BALLAST" train "$spec" --out "$scratch/synchronous" "${long[@]}" >/dev/null
least=$(awk -v a="$(accuracy_of synchronous)" 'BEGIN { print a - 0.03 }')

"$BALLAST" train "$spec" --out "$scratch/alone" "${long[@]}" --set training.consistency=async >/dev/null ||
  fail "in one process"
expect_good alone
expect_counted alone

for mode in async bounded=2; do
  name=${mode%=*}
  [[ $mode == async ]] && set=training.consistency=async || set=training.consistency.$mode
  begin "$name" --workers 3 --servers 2 --set "$set"
  wait_past "$name" 2
  kill -9 "$(children_of "$launcher" worker | head -n 1)"
  end 0 "$name"
  expect_said "$name" 'lost worker'
  expect_good "$name"
  expect_counted "$name"
done

# A worker that stands still holds back who is ahead of it by the bound, and is named.
begin stalled --workers 2 --servers 1 --set training.consistency.bounded=1 --set cluster.silence=120s
wait_past stalled 2
stalled=$(children_of "$launcher" worker | head -n 1)
kill -STOP "$stalled"
stalled_at=$SECONDS
held='waits for leaves .* to reach step [0-9]+, from worker .* \(held back by staleness 1, for step'
until grep -qE "$held" "$scratch/status" 2>/dev/null; do
  "$BALLAST" status --out "$scratch/stalled" >"$scratch/status" 2>&1 ||
    fail "status: $(cat "$scratch/status")"
  ((SECONDS - stalled_at < 60)) || break
done
for said in "$held" "waiting +for leaves .* of step [0-9]+ from worker .*:$stalled( |\$)"; do
  grep -qE "$said" "$scratch/status" || fail "a worker that stands still: no '$said' in $(cat "$scratch/status")"
done
kill -CONT "$stalled"
end 0 stalled
expect_good stalled
expect_counted stalled

begin server --workers 2 --servers 2 --set training.consistency=async
wait_past server 3
kill -9 "$(children_of "$launcher" server | head -n 1)"
end 0 server
expect_said server 'going back to the last complete checkpoint'
expect_good server

begin interrupted --workers 2 --servers 2 --set training.consistency.bounded=1
wait_past interrupted 2
kill -INT "$launcher"
end 130 interrupted
"$BALLAST" resume "$scratch/interrupted" --workers 1 --servers 3 >"$scratch/interrupted.log" 2>&1 ||
  fail "resume: $(tail -n 3 "$scratch/interrupted.log")"
expect_good interrupted
finish
