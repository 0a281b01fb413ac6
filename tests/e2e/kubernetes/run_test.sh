#!/usr/bin/env bash
# A run on pods of a real Kubernetes: the digest of the same run here, though pods of servers and
# workers are deleted on the way and workers come and go. With keys on every link, in a
# namespace that enforces the profile `restricted`.
#
# A worker's pod is drained off its node, too; with a single node the run waits, and goes on when the
# node takes pods again.
#
# Needs $BALLAST, $KUBECONFIG (tests/e2e/kubernetes/cluster.sh kubeconfig), kubectl ($KUBECTL), and
# $IMAGE, an image with the same version that the nodes have or can pull.

: "${IMAGE:?the image to run, such as localhost/ballast:0.1.0}"
: "${KUBECONFIG:?of the cluster to run on}"
# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

readonly namespace=ballast-run-test epochs=${EPOCHS:-500}
here=tests/e2e/kubernetes
kube() { "${KUBECTL:-kubectl}" --namespace "$namespace" "$@"; }

remove_namespace() {
  kube delete namespace "$namespace" --ignore-not-found --wait >/dev/null
}

deploy() {
  kube create namespace "$namespace" >/dev/null
  kube label namespace "$namespace" pod-security.kubernetes.io/enforce=restricted >/dev/null
  "$BALLAST" keys --kubernetes | kube create -f - >/dev/null
  kube create configmap digits --from-file=examples/digits/mlp.yaml \
    --from-file=examples/digits/digits.train.csv --from-file=examples/digits/digits.test.csv >/dev/null
  sed "s#IMAGE#$IMAGE#; s#EPOCHS#$epochs#" "$here/run.yaml" | kube apply -f - >/dev/null
  kube wait --for=condition=Ready pod -l app=run --timeout=120s >/dev/null ||
    fail "the pods are not ready: $(kube get pods)"
}

# The name of some pod of a role, another one each time that pods are deleted.
pod_of() { kube get pods -l "app=run,role=$1" -o name | shuf -n 1; }

remove_namespace
"$BALLAST" train examples/digits/mlp.yaml --set "training.epochs=$epochs" \
  --set checkpoint.every_steps=1000 --out "$scratch/here" >/dev/null &
reference=$!
deploy
kube logs --follow job/run-coordinator >"$scratch/coordinator.log" 2>&1 &
log=$!

# after STEP COMMAND...: once the run is that far. Every epoch has 21 steps.
after() {
  wait_for_line "$scratch/coordinator.log" "step +$1 " "$log" >/dev/null
  shift
  printf 'now: %s\n' "$*"
  kube "$@" >/dev/null || fail "kubectl $*"
}
# It is gone well before it would be killed, 30 s after SIGTERM: it says goodbye and ends.
after 1050 get pods
begun=$SECONDS
kube delete "$(pod_of worker)" --wait >/dev/null
if ((SECONDS - begun < 15)); then
  printf 'ok: a worker leaves within %d s\n' $((SECONDS - begun + 1))
else
  fail "a worker takes $((SECONDS - begun)) s to leave"
fi
after 2100 delete "$(pod_of server)" --wait=false
after 3150 delete "$(pod_of server)" --wait=false --grace-period=0 --force
after 4200 scale deployment/run-worker --replicas=3
node=$(kube get "$(pod_of worker)" -o 'jsonpath={.spec.nodeName}')
after 5250 drain "$node" --pod-selector=app=run,role=worker --delete-emptydir-data --timeout=60s
# Where that was the only node, the run has said by now whom it waits for.
wait_for_line "$scratch/coordinator.log" 'waiting for a worker to join|step +5460 ' "$log"
kube uncordon "$node" >/dev/null
after 6300 scale deployment/run-worker --replicas=1

kube wait --for=condition=Complete job/run-coordinator --timeout=600s >/dev/null ||
  fail "the run did not end: $(kube get pods; tail -n 5 "$scratch/coordinator.log")"
wait "$log" "$reference" || fail "kubectl logs or the run here failed"
expected=$(digest_of "$scratch/here")
seen=$(sed -n 's/^digest *//p' "$scratch/coordinator.log")
if [[ $seen == "$expected" ]]; then
  printf 'ok: the digest of the run here\n'
else
  fail "expected digest $expected, saw '$seen'"
fi
remove_namespace
finish
