# shellcheck shell=bash disable=SC2154  # scratch: lib.sh has it.
# A service on the cluster of $KUBECONFIG, for tests to source after lib.sh: made by the five commands
# of docs/kubernetes.md, to the letter. Takes the namespace `ballast` and port 8443 of this machine,
# and needs the data of examples/adult (./dev data adult).

: "${KUBECONFIG:?of the cluster to run on}"
kube() { "${KUBECTL:-kubectl}" --namespace ballast "$@"; }

# Where the commands are typed: `ballast` and `kubectl` are those under test.
desk=$scratch/desk
mkdir -p "$desk/bin"
ln -s "$PWD/deploy" "$PWD/examples" "$desk/"
ln -s "$(realpath "$BALLAST")" "$desk/bin/ballast"
ln -s "$(realpath "$(command -v "${KUBECTL:-kubectl}")")" "$desk/bin/kubectl"

remove_service() { kube delete namespace ballast --ignore-not-found --wait >/dev/null 2>&1; }

# What the last of them said is in $scratch/typed.log; the tunnel that the fourth opened stays.
type_five_commands() {
  local commands
  mapfile -t commands < <(sed -n '/^<!-- five commands -->$/,/^```$/p' docs/kubernetes.md | grep -Ev '^(```|<!--)')
  ((${#commands[@]} == 5)) ||
    { fail "docs/kubernetes.md: expected five commands, saw ${#commands[@]}"; finish; }
  local path=$PATH here=$PWD
  PATH=$desk/bin:$PATH
  cd "$desk" || exit 1
  eval "$(printf '%s\n' "${commands[@]}")" >"$scratch/typed.log" 2>&1 ||
    { fail "the five commands: $(tail -n 5 "$scratch/typed.log")"; finish; }
  tunnel=$!
  cd "$here" || exit 1
  PATH=$path
  export BALLAST_COORDINATOR=https://localhost:8443 BALLAST_TOKEN_FILE=$desk/access/token \
    CURL_CA_BUNDLE=$desk/access/ca.crt
}

# A tunnel ends with the pod that it leads to; this one is dug again until the test ends.
keep_tunnel() {
  kill "$tunnel" 2>/dev/null || true
  wait "$tunnel" 2>/dev/null || true
  (
    trap 'kill "$digging" 2>/dev/null' EXIT
    trap exit TERM
    while :; do
      kube wait --for=condition=Ready pod/ballast-coordinator-0 --timeout=60s >/dev/null 2>&1 || true
      "${KUBECTL:-kubectl}" --namespace ballast port-forward service/ballast 8443:443 >/dev/null 2>&1 &
      digging=$!
      wait "$digging" || true
      pause
    done
  ) &
  tunnel=$!
}
tunnel=
# clean_up of lib.sh ends a process with no time to end its own.
close_tunnel() {
  [[ -n $tunnel ]] || return 0
  kill "$tunnel" 2>/dev/null || true
  wait "$tunnel" 2>/dev/null || true
}
trap 'close_tunnel; clean_up' EXIT

# Between two looks at what tells nobody when it changes.
pause() { read -rt 0.2 <> <(:) || true; }

# ask ARGUMENTS...: a verb of the client, again while there is no service to answer.
ask() {
  local code tries
  for tries in {1..20}; do
    code=0
    "$BALLAST" "$@" 2>"$scratch/ask.log" || code=$?
    grep -qE "connect|TLS|closed|reset|answer|SSL|EOF" "$scratch/ask.log" || return "$code"
    [[ $code != 0 ]] || return 0
    pause
  done
  printf '%s\n' "$(<"$scratch/ask.log") (after $tries tries)" >&2
  return "$code"
}

# state_of JOB
state_of() { ask status "$1" --json | sed -n 's/^{"id":[0-9]*,"state":"\([a-z]*\)".*/\1/p'; }

# step_of JOB: how far its history is.
step_of() {
  kube exec ballast-coordinator-0 -- tail -n 1 "$(history_of "$1")" 2>/dev/null |
    sed -n 's/.*"step":\([0-9]*\).*/\1/p'
}
history_of() { printf '/var/lib/ballast/state/jobs/%06d/run/history.jsonl' "$1"; }

# until_step JOB STEP: until it is that far, or has ended.
until_step() {
  local step
  while :; do
    step=$(step_of "$1" || true)
    ((${step:-0} < $2)) || return 0
    case $(state_of "$1" || true) in
      done | failed | unfinished | cancelled)
        fail "job $1 ended at step ${step:-?}, before $2"
        return 0
        ;;
    esac
    pause
  done
}

# until_done JOB
until_done() {
  local state
  while :; do
    state=$(state_of "$1" || true)
    case $state in
      done) return 0 ;;
      failed | unfinished | cancelled)
        fail "job $1 is $state: $(ask logs "$1" | tail -n 3)"
        return 0
        ;;
    esac
    pause
  done
}

# pod_of ROLE: the name of some pod.
pod_of() { kube get pods -l "app.kubernetes.io/component=$1" -o name | shuf -n 1; }

# evict ROLE: drains its node of one pod of that role, as `kubectl drain` does of all; the node takes
# pods again afterwards.
evict() {
  local pod node
  pod=$(pod_of "$1")
  node=$(kube get "$pod" -o 'jsonpath={.spec.nodeName}')
  kube label "$pod" test.ballast/drain=1 >/dev/null
  kube drain "$node" --pod-selector=test.ballast/drain=1 --delete-emptydir-data --timeout=90s >/dev/null 2>&1 ||
    fail "draining $pod"
  kube uncordon "$node" >/dev/null
}
