#!/usr/bin/env bash
# A service: jobs are submitted with their data, run beside each other, are cancelled and gone on
# with, and survive the service.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
long=(--set training.epochs=200 --set checkpoint.every_steps=500)
"$BALLAST" train "$spec" --out "$scratch/quiet" >/dev/null
"$BALLAST" train "$spec" --out "$scratch/quiet-long" "${long[@]}" >/dev/null
"$BALLAST" cv examples/digits/cv.yaml --out "$scratch/quiet-cv" >/dev/null

# serve NAME: sets $service, and BALLAST_COORDINATOR.
serve() {
  local log=$scratch/$1.log
  "$BALLAST" serve --state "$scratch/state" --listen "ipc://$scratch/service" \
    --http 127.0.0.1:0 --jobs 2 >"$log" 2>&1 &
  service=$!
  BALLAST_COORDINATOR=$(wait_for_line "$log" '^http at' "$service")
  export BALLAST_COORDINATOR=${BALLAST_COORDINATOR##* }
}

agents=()
serve first
"$BALLAST" server --service "ipc://$scratch/service" --listen "ipc://$scratch/server" \
  --home "$scratch/home" >"$scratch/server.log" 2>&1 &
agents+=("$!")
for i in 1 2; do
  "$BALLAST" worker --service "ipc://$scratch/service" >"$scratch/worker-$i.log" 2>&1 &
  agents+=("$!")
done

# submit ARGUMENTS...: prints the number of the job.
submit() { "$BALLAST" submit "$@" --data examples/digits 2>>"$scratch/submit.log"; }
# run_of JOB
run_of() { printf '%s/state/jobs/%06d/run' "$scratch" "$1"; }

# One job, followed.
submit "$spec" --follow >"$scratch/followed.log" || fail "followed: exit code $?"
grep -q 'digest ' "$scratch/followed.log" || fail "followed: it did not say its digest"
expect_digest "a job that was followed" "$(digest_of "$scratch/quiet")" "$(run_of 1)"
"$BALLAST" download 1 model.safetensors metrics.json --out "$scratch/got" >/dev/null
expect_digest "what was downloaded" "$(digest_of "$scratch/quiet")" "$scratch/got"
[[ ! -e $scratch/got/job.json ]] || fail "it downloaded more than was asked for"

# Two at once; the same key is the same job.
long_job=$(submit "$spec" "${long[@]}" --key mine)
again=$(submit "$spec" "${long[@]}" --key mine)
[[ $again == "$long_job" ]] || fail "the same key: job $again, not $long_job"
cv_job=$(submit examples/digits/cv.yaml)
wait_for_step "$(run_of "$long_job")" 1000 "$service"

# Cancelled at a checkpoint, and gone on with.
"$BALLAST" cancel "$long_job" >/dev/null
code=0
"$BALLAST" logs "$long_job" --follow >"$scratch/cancelled.log" 2>&1 || code=$?
[[ $code == 130 ]] || fail "a job that is cancelled: exit code $code, not 130"
"$BALLAST" resume "$long_job" >/dev/null
code=0
"$BALLAST" logs "$cv_job" --follow >/dev/null 2>&1 || code=$?
[[ $code == 0 ]] || fail "a cross-validation: exit code $code"
cmp "$scratch/quiet-cv/results.csv" "$(run_of "$cv_job")/results.csv" || fail "other scores"

# The service is killed, and its jobs with it; its agents wait.
wait_for_step "$(run_of "$long_job")" 2000 "$service"
kill -9 "$service"
wait "$service" || true
serve second
code=0
"$BALLAST" logs "$long_job" --follow >"$scratch/long.log" 2>&1 || code=$?
[[ $code == 0 ]] || fail "a job whose service was killed: exit code $code: $(tail -n 2 "$scratch/long.log")"
expect_digest "cancelled, gone on with, its service killed" "$(digest_of "$scratch/quiet-long")" \
  "$(run_of "$long_job")"

# Stopped in good order, it goes on with what was under way.
stopped=$(submit "$spec" "${long[@]}" --seed 3)
wait_for_step "$(run_of "$stopped")" 500 "$service"
kill "$service"
code=0
wait "$service" || code=$?
[[ $code == 0 ]] || fail "a service that was asked to stop: exit code $code"
serve third
"$BALLAST" logs "$stopped" --follow >/dev/null 2>&1 || fail "a job whose service was stopped: $?"

# Mistakes.
mistake_of() {
  local name=$1 text=$2 code=0
  shift 2
  "$BALLAST" "$@" >"$scratch/mistake.log" 2>&1 || code=$?
  if [[ $code != 2 ]] || ! grep -qF -- "$text" "$scratch/mistake.log"; then
    fail "$name: exit code $code: $(cat "$scratch/mistake.log")"
  fi
}
mistake_of "a job that is not there" "there is no job 99" cancel 99
mistake_of "a job that has ended" "has ended: it is done" cancel 1
mistake_of "a file from elsewhere" "below the directory of" submit "$spec" --data /etc/hostname
mistake_of "a worker that takes it for a coordinator" "--service" \
  worker --coordinator "ipc://$scratch/service"
printf 'nmae: x\n' >"$scratch/bad.yaml"
mistake_of "a misspelt spec" "did you mean name?" submit "$scratch/bad.yaml"
# The service looks for itself: a spec without the data that it names.
lonely=$("$BALLAST" submit "$spec" 2>/dev/null)
code=0
"$BALLAST" logs "$lonely" --follow >"$scratch/lonely.log" 2>&1 || code=$?
if [[ $code != 2 ]] || ! grep -q 'digits.train.csv' "$scratch/lonely.log"; then
  fail "a job without its data: exit code $code: $(tail -n 1 "$scratch/lonely.log")"
fi

# What members of jobs that are over kept on disk goes.
until [[ -z $(ls "$scratch/home") ]]; do
  kill -0 "${agents[0]}" 2>/dev/null || break
  read -rt 0.1 <> <(:) || true
done
kill "${agents[@]}"
for agent in "${agents[@]}"; do
  wait "$agent" || fail "an agent that was asked to go: exit code $?"
done
[[ -z $(ls "$scratch/home") ]] || fail "left at home: $(ls "$scratch/home")"
kill "$service"
wait "$service" || fail "the service at the end: exit code $?"
unset BALLAST_COORDINATOR
mistake_of "no service" "it is not set" submit "$spec"

finish
