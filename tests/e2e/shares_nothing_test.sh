#!/usr/bin/env bash
# Members that have nothing in common with the coordinator but the network: each sees an empty
# directory where the coordinator has its files.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

mine=$scratch/coordinator
mkdir "$mine"
export BALLAST_CACHE=$mine/cache

if ! unshare --mount true 2>/dev/null; then
  printf 'skipped: hiding files from a process takes root, and mount namespaces\n'
  exit 77
fi

# apart COMMAND... &: where the coordinator's files are hidden. The process is the command's own.
apart() {
  # shellcheck disable=SC2016
  exec unshare --mount sh -c 'mount -t tmpfs none "$0" && exec "$@"' "$mine" "$@"
}

# start_members ENDPOINT NAME...: a server and a worker of each name.
start_members() {
  local endpoint=$1 name
  shift
  for name in "$@"; do
    apart "$BALLAST" server --coordinator "$endpoint" --home "$scratch/home-$name" \
      >"$scratch/server-$name.log" 2>&1 &
    members+=("$!")
    apart "$BALLAST" worker --coordinator "$endpoint" --cache "$scratch/cache-$name" \
      >"$scratch/worker-$name.log" 2>&1 &
    members+=("$!")
  done
}

# coordinate NAME VERB ARGUMENTS...: sets $coordinator and $endpoint; it waits for $expected_members
# of each role.
expected_members=2
coordinate() {
  local log=$scratch/$1.log
  shift
  "$BALLAST" "$@" --workers "$expected_members" --servers "$expected_members" >"$log" 2>&1 &
  coordinator=$!
  endpoint=$(wait_for_line "$log" 'coordinator listens at' "$coordinator")
  endpoint=${endpoint##* }
}

# A run, killed in the middle with all of its members, and resumed with others.
spec=examples/digits/mlp.yaml
set=(--set training.epochs=100 --set checkpoint.every_steps=300)
"$BALLAST" train "$spec" --out "$mine/quiet" "${set[@]}" >/dev/null
expected=$(digest_of "$mine/quiet")
members=()
coordinate first coordinator "$spec" --out "$mine/run" "${set[@]}" --listen 'tcp://127.0.0.1:*'
start_members "$endpoint" a b
wait_for_step "$mine/run" 1000 "$coordinator"
kill -9 "$coordinator" "${members[@]}"
wait "$coordinator" "${members[@]}" || true
members=()
coordinate second resume "$mine/run" --listen 'tcp://127.0.0.1:*'
start_members "$endpoint" c d
for process in "$coordinator" "${members[@]}"; do
  wait "$process" || fail "process $process: exit code $?"
done
expect_digest "a run whose members share nothing" "$expected" "$mine/run"
[[ -d $scratch/cache-c/fetched ]] || fail "a worker did not fetch its data"
[[ -d $scratch/home-c/link/kept ]] || fail "a server did not send its checkpoints"

# Folds of one packed copy.
"$BALLAST" cv examples/digits/cv.yaml --out "$mine/quiet-cv" >/dev/null
members=()
coordinate cv cv examples/digits/cv.yaml --out "$mine/cv" --listen 'tcp://127.0.0.1:*'
start_members "$endpoint" e f
for process in "$coordinator" "${members[@]}"; do
  wait "$process" || fail "process $process of the folds: exit code $?"
done
cmp "$mine/quiet-cv/results.csv" "$mine/cv/results.csv" || fail "other scores"

# Data that does not come: its worker says which, and why not.
expected_members=1
coordinate third coordinator "$spec" --out "$mine/third" --listen 'tcp://127.0.0.1:*'
printf 'in the way' >"$scratch/file"
code=0
apart "$BALLAST" worker --coordinator "$endpoint" --cache "$scratch/file/cache" \
  >"$scratch/worker-g.log" 2>&1 &
worker=$!
apart "$BALLAST" server --coordinator "$endpoint" --home "$scratch/home-g" \
  >"$scratch/server-g.log" 2>&1 &
server=$!
wait "$worker" || code=$?
[[ $code == 2 ]] || fail "a worker without room for its data: exit code $code, not 2"
grep -q "$scratch/file" "$scratch/worker-g.log" ||
  fail "it does not say where: $(tail -n 1 "$scratch/worker-g.log")"
kill -9 "$coordinator" "$server"
wait "$coordinator" "$server" || true

finish
