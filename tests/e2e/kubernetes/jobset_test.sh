#!/usr/bin/env bash
# One-shot jobs (`ballast kubernetes render`) on a real Kubernetes with JobSet's controller: the digest
# of the run here though pods of each role are deleted; nothing of the job runs on when it has ended,
# and it goes by itself; a fault is tried again, a mistake is not.
#
# Needs $BALLAST, $KUBECONFIG (tests/e2e/kubernetes/cluster.sh kubeconfig) of a cluster with JobSet
# (tests/e2e/kubernetes/jobset.sh), kubectl ($KUBECTL), $IMAGE, an image with the same version that
# the nodes have or can pull, and ./dev data adult. Takes the namespace ballast-jobset-test.

: "${IMAGE:?the image to run, such as localhost/ballast:0.1.0}"
: "${KUBECONFIG:?of the cluster to run on}"
# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

readonly namespace=ballast-jobset-test epochs=${EPOCHS:-400}
kube() { "${KUBECTL:-kubectl}" --namespace "$namespace" "$@"; }
remove_namespace() { kube delete namespace "$namespace" --ignore-not-found --wait >/dev/null 2>&1; }

# begin NAME ARGUMENTS...: renders a small job of that name and gives it to the cluster.
begin() {
  local name=$1
  shift
  "$BALLAST" kubernetes render "$@" --name "$name" --image "$IMAGE" --storage 1Gi --coordinator-size 200m:256Mi \
    --server-size 200m:128Mi --worker-size 200m:256Mi >"$scratch/$name.yaml" || { fail "$name: render ends with $?"; finish; }
  kube create --validate=strict -f "$scratch/$name.yaml" >"$scratch/log" 2>&1 ||
    { fail "$name: $(cat "$scratch/log")"; finish; }
  ! grep -i warning "$scratch/log" || fail "$name: warnings"
}

pods_of() { printf 'app.kubernetes.io/instance=%s,app.kubernetes.io/component=%s' "$1" "$2"; }

# ends NAME CONDITION
ends() {
  kube wait --for="condition=$2" "jobset/$1" --timeout=300s >/dev/null ||
    fail "$1: expected it to be $2: $(kube get jobset,pods; kube logs -l "$(pods_of "$1" coordinator)" --tail=5)"
}

# What its coordinators ended with.
codes_of() {
  kube get pods -l "$(pods_of "$1" coordinator)" \
    -o 'jsonpath={.items[*].status.containerStatuses[0].state.terminated.exitCode}'
}

# Between two looks at what tells nobody when it changes.
pause() { read -rt 0.2 <> <(:) || true; }

remove_namespace
kube create namespace "$namespace" >/dev/null
kube label namespace "$namespace" pod-security.kubernetes.io/enforce=restricted >/dev/null
"$BALLAST" keys --kubernetes | kube create -f - >/dev/null

adult=(examples/adult/logistic.yaml --set "training.epochs=$epochs" --set checkpoint.every_steps=1000)
"$BALLAST" train "${adult[@]}" --out "$scratch/here" >/dev/null &
quiet=$!
begin adult "${adult[@]}" --data examples/adult/data --keep 20

# Its model is on the claim, and in the coordinator's words.
kube wait --for=condition=Ready pod -l "$(pods_of adult coordinator)" --timeout=120s >/dev/null
for role in worker server coordinator; do
  # Once it trains, after whatever was before.
  until kube logs -l "$(pods_of adult coordinator)" --tail=-1 2>/dev/null | grep -q 'step '; do
    [[ $(kube get jobset adult -o 'jsonpath={.status.terminalState}') == "" ]] || break
    pause
  done
  printf 'now: a %s is deleted\n' "$role"
  kube delete "$(kube get pods -l "$(pods_of adult "$role")" -o name | shuf -n 1)" --wait >/dev/null
done
ends adult Completed
wait "$quiet" || fail "the run here: exit code $?"
expected=$(digest_of "$scratch/here")
seen=$(kube logs -l "$(pods_of adult coordinator)" --tail=-1 | sed -n 's/^digest *//p')
if [[ $seen == "$expected" ]]; then
  printf 'ok: the digest of the run here\n'
else
  fail "expected digest $expected, saw '$seen'"
fi
kube wait --for=delete pod -l 'app.kubernetes.io/instance=adult,app.kubernetes.io/component!=coordinator' \
  --field-selector=status.phase=Running --timeout=90s >/dev/null || fail "members outlive their job: $(kube get pods)"
kube wait --for=delete jobset/adult --timeout=120s >/dev/null || fail "it is still there after its time"
kube wait --for=delete pod -l app.kubernetes.io/instance=adult --timeout=60s >/dev/null || fail "its pods are still there"
printf 'ok: it went by itself\n'

# A mistake that only the data shows.
begin mistake examples/digits/mlp.yaml --set data.label=nope --data examples/digits/digits.train.csv \
  --data examples/digits/digits.test.csv
ends mistake Failed
pods=$(kube get pods -l "$(pods_of mistake coordinator)" -o name | wc -l)
codes=$(codes_of mistake)
if [[ $pods == 1 && $codes == 2 ]]; then
  printf 'ok: a mistake is not tried again\n'
else
  fail "a mistake: expected one coordinator with exit code 2, saw $pods with '$codes'"
fi
kube wait --for=delete pod -l 'app.kubernetes.io/instance=mistake,app.kubernetes.io/component!=coordinator' \
  --field-selector=status.phase=Running --timeout=90s >/dev/null || fail "members outlive a mistake: $(kube get pods)"

# A fault that comes again and again: nobody is there who has the data.
begin fault examples/digits/mlp.yaml --set data.train=http://localhost:9/digits.csv \
  --data examples/digits/digits.train.csv --data examples/digits/digits.test.csv
deadline=$((SECONDS + 120))
until [[ $(codes_of fault) == "3 3"* ]] || ((SECONDS > deadline)); do pause; done
if [[ $(codes_of fault) == "3 3"* ]]; then
  printf 'ok: a fault is tried again\n'
else
  fail "a fault: expected exit codes 3 and 3 again within 120 s, saw '$(codes_of fault)': $(kube get jobset,pods)"
fi
remove_namespace
finish
