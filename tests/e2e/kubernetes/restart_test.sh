#!/usr/bin/env bash
# What a rolling restart of all servers costs a job whose partitions have one replica, and what draining
# a node of a worker costs: how long training pauses, and that no step is done again. Prints the
# longest pauses, and those of the same job before, when nobody is restarted.
#
# Needs what service_test.sh needs.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh
# shellcheck source=tests/e2e/kubernetes/service.sh
source tests/e2e/kubernetes/service.sh

readonly epochs=${EPOCHS:-3000}
adult=(examples/adult/logistic.yaml --set "training.epochs=$epochs" --set cluster.replicas=1)

remove_service
type_five_commands
keep_tunnel
kube scale statefulset/ballast-server --replicas=3 >/dev/null
kube rollout status statefulset/ballast-server --timeout=120s >/dev/null
job=$(ask submit "${adult[@]}" --data examples/adult/data)
until_step "$job" 1000

timeline_of() { ask status "$1" --json | grep -o '"timeline":[0-9]*' | head -n 1; }

# watch NAME COMMAND...: the longest pause, in $scratch/NAME, of the job while the command runs.
watch() {
  local name=$1 tail
  shift
  "${KUBECTL:-kubectl}" --namespace ballast exec ballast-coordinator-0 -- tail -n 1 -s 0.02 -F "$(history_of "$job")" 2>/dev/null \
    > >(python3 tests/e2e/kubernetes/gaps.py >"$scratch/$name.gaps") &
  tail=$!
  "$@" >/dev/null 2>&1 || fail "$name: $*"
  kill "$tail"
  wait "$tail" 2>/dev/null || true
  until [[ -s $scratch/$name.gaps ]]; do pause; done
  printf '%s: the longest pauses, ms (after step): %s\n' "$name" \
    "$(sed 's/\(.*\) \(.*\)/\1 (\2)/' "$scratch/$name.gaps" | paste -sd, | sed 's/,/, /g')"
}
until_further() { until_step "$job" $(($(step_of "$job") + $1)); }
roll() {
  kube rollout restart statefulset/ballast-server && kube rollout status statefulset/ballast-server --timeout=300s
  until_further 500
}
drain() { evict worker && until_further 500; }

timeline=$(timeline_of "$job")
watch "nothing" until_further 3000
watch "all servers restarted" roll
kube wait --for=condition=Ready pod -l app.kubernetes.io/name=ballast --timeout=60s >/dev/null
begun=$SECONDS
watch "a node drained of a worker" drain
printf 'draining took less than %d s\n' $((SECONDS - begun + 1))
if [[ -n $timeline && $(timeline_of "$job") == "$timeline" ]]; then
  printf 'ok: no step was done again\n'
else
  fail "expected $timeline still, saw $(timeline_of "$job")"
fi
for name in "all servers restarted" "a node drained of a worker"; do
  longest=$(head -n 1 "$scratch/$name.gaps" | cut -d' ' -f1)
  ((longest < ${PAUSE_MS_MAX:-1000})) || fail "$name: training stood still for $longest ms"
done
ask cancel "$job" >/dev/null
remove_service
finish
