#!/usr/bin/env bash
# A service on a real Kubernetes: from an empty cluster to a digest by the five commands of
# docs/kubernetes.md, then two jobs from outside at once while pods of each role are deleted, killed
# and drained, roles are scaled and all of them restarted, in an order drawn from $SEED. The
# digest and the scores are those of the same jobs here.
#
# Needs $BALLAST, $KUBECONFIG (tests/e2e/kubernetes/cluster.sh kubeconfig), kubectl ($KUBECTL), the image
# of deploy/k8s/overlays/local on the nodes, with the version of $BALLAST, and ./dev data adult.
# $EPOCHS says how long the jobs are.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh
# shellcheck source=tests/e2e/kubernetes/service.sh
source tests/e2e/kubernetes/service.sh

readonly epochs=${EPOCHS:-800}
RANDOM=${SEED:=$RANDOM}
printf 'SEED=%s\n' "$SEED"
adult=(examples/adult/logistic.yaml) digits=(examples/digits/cv.yaml)
long=(--set "training.epochs=$epochs" --set checkpoint.every_steps=2000)

remove_service
type_five_commands
"$BALLAST" train "${adult[@]}" --out "$scratch/quick" >/dev/null
expected=$(digest_of "$scratch/quick")
if grep -q "^digest *$expected$" "$scratch/typed.log"; then
  printf 'ok: five commands, and the digest of the run here\n'
else
  fail "the five commands: expected digest $expected, saw $(grep '^digest' "$scratch/typed.log")"
fi
keep_tunnel

"$BALLAST" train "${adult[@]}" "${long[@]}" --out "$scratch/long" >/dev/null &
quiet=$!
job=$(ask submit "${adult[@]}" "${long[@]}" --data examples/adult/data --key long)
folds=$(ask submit "${digits[@]}" --set training.epochs=120 --data examples/digits --key folds)

faults=(
  "delete worker" "delete server" "delete coordinator" "kill worker" "kill server" "kill coordinator"
  "evict worker" "evict coordinator" "scale deployment/ballast-worker 3" "scale statefulset/ballast-server 3"
  "scale statefulset/ballast-server 2" "scale deployment/ballast-worker 1"
  "restart statefulset/ballast-server" "restart deployment/ballast-worker"
)
for ((i = ${#faults[@]} - 1; i > 0; --i)); do
  j=$((RANDOM % (i + 1)))
  swapped=${faults[i]} faults[i]=${faults[j]} faults[j]=$swapped
done

bring() {
  case $1 in
    delete) kube delete "$(pod_of "$2")" --wait=false ;;
    kill) kube delete "$(pod_of "$2")" --wait=false --grace-period=0 --force ;;
    evict) evict "$2" ;;
    scale) kube scale "$2" --replicas="$3" ;;
    restart) kube rollout restart "$2" ;;
  esac
}

# The next one when training goes on after the one before.
step=0
for fault in "${faults[@]}"; do
  until_step "$job" $((step + 500))
  step=$(step_of "$job" || echo "$step")
  printf 'step %s: %s\n' "$step" "$fault"
  # shellcheck disable=SC2086
  bring $fault >/dev/null 2>&1 || fail "$fault"
  [[ $(state_of "$job") != "done" ]] || fail "the job was over before: give more EPOCHS"
done

until_done "$job"
until_done "$folds"
ask download "$job" model.safetensors --out "$scratch/got" >/dev/null || fail "download of job $job"
ask download "$folds" results.csv --out "$scratch/got" >/dev/null || fail "download of job $folds"
wait "$quiet" || fail "the run here: exit code $?"
expect_digest "pods of all roles deleted, killed, drained, scaled, restarted" "$(digest_of "$scratch/long")" \
  "$scratch/got"
"$BALLAST" cv "${digits[@]}" --set training.epochs=120 --out "$scratch/folds" >/dev/null
if cmp "$scratch/folds/results.csv" "$scratch/got/results.csv"; then
  printf 'ok: the scores of five folds\n'
else
  fail "other scores"
fi
remove_service
finish
