#!/usr/bin/env bash
# Backup and restore as docs/kubernetes.md has them: the state of a service with a job under way is copied, all
# of it is removed, and in another namespace of that name the job goes on and ends with the digest
# of the run here.
#
# Needs what service_test.sh needs.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh
# shellcheck source=tests/e2e/kubernetes/service.sh
source tests/e2e/kubernetes/service.sh

# type_commands NAME: the block of docs/kubernetes.md that is marked so, to the letter.
type_commands() {
  sed -n "/^<!-- $1 -->$/,/^\`\`\`$/p" docs/kubernetes.md | grep -Ev '^(```|<!--)' >"$scratch/$1.sh"
  [[ -s $scratch/$1.sh ]] || { fail "docs/kubernetes.md has no commands marked '$1'"; finish; }
  (cd "$desk" && PATH=$desk/bin:$PATH bash -e "$scratch/$1.sh") >"$scratch/log" 2>&1 ||
    { fail "$1: $(tail -n 3 "$scratch/log")"; finish; }
}

long=(examples/adult/logistic.yaml --set training.epochs=800 --set checkpoint.every_steps=1000)
"$BALLAST" train "${long[@]}" --out "$scratch/here" >/dev/null &
quiet=$!
remove_service
type_five_commands
keep_tunnel
job=$(ask submit "${long[@]}" --data examples/adult/data)
until_step "$job" 3000
before=$(step_of "$job")
type_commands backup
remove_service

"${KUBECTL:-kubectl}" apply -k deploy/k8s/overlays/local >/dev/null
"$BALLAST" keys --kubernetes --access "$desk/again" | kube create -f - >/dev/null
export BALLAST_TOKEN_FILE=$desk/again/token CURL_CA_BUNDLE=$desk/again/ca.crt
kube rollout status statefulset/ballast-coordinator --timeout=120s >/dev/null
type_commands restore
until_step "$job" 3000
until_done "$job"
ask download "$job" model.safetensors --out "$scratch/got" >/dev/null || fail "download of job $job"
wait "$quiet" || fail "the run here: exit code $?"
expect_digest "a job that was under way when its service was copied after step $before" \
  "$(digest_of "$scratch/here")" "$scratch/got"
remove_service
finish
