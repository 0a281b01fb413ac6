#!/usr/bin/env bash
# What deploy/monitoring gives operators, with the real Prometheus: every alert parses, fires where it
# should and has its page in the runbook; every panel of the dashboard has data of a cluster that
# trains; an alert fires while something is wrong, and no longer; and being looked at costs next to
# nothing.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

for program in prometheus promtool; do
  command -v "$program" >/dev/null || {
    printf "skipped: needs %s, which ./dev setup --monitoring installs\n" "$program"
    exit 77
  }
done

monitoring=deploy/monitoring
runbook=docs/operations.md
check() { python3 tests/e2e/prometheus_check.py "$@"; }

# ---- files --------------------------------------------------------------------------------------

promtool check rules "$monitoring/rules.yaml" >"$scratch/log" 2>&1 || fail "$(cat "$scratch/log")"
promtool test rules "$monitoring/rules_test.yaml" >"$scratch/log" 2>&1 || fail "$(cat "$scratch/log")"
# The test above sees what is wrong.
cp "$monitoring"/rules*.yaml "$scratch"
sed -i 's/age_seconds > 1800/age_seconds > 18000/' "$scratch/rules.yaml"
if promtool test rules "$scratch/rules_test.yaml" >"$scratch/log" 2>&1; then
  fail "an alert that never fires passed its test"
fi

sed -nE 's/^ +- alert: //p' "$monitoring/rules.yaml" | sort >"$scratch/alerts"
[[ -s $scratch/alerts ]] || fail "there are no alerts"
while read -r alert; do
  # Once where it fires, once where it does not.
  grep -qE "(alertname: $alert, exp_alerts|alertname=\"$alert\".*exp_samples): \[\]" \
    "$monitoring/rules_test.yaml" || fail "$alert: no test that it stays quiet"
  grep -qE "expr: ALERTS\{alertname=\"$alert\"|^ +alertname: $alert\$" "$monitoring/rules_test.yaml" ||
    fail "$alert: no test that it fires"
  anchor=$(tr '[:upper:]' '[:lower:]' <<<"$alert")
  grep -qF "runbook: $runbook#$anchor" "$monitoring/rules.yaml" || fail "$alert: no link to its page"
done <"$scratch/alerts"
grep -oE '^### Ballast[A-Za-z]+$' "$runbook" | cut -c5- | sort >"$scratch/pages"
diff "$scratch/alerts" "$scratch/pages" >"$scratch/log" || fail "alerts and $runbook: $(cat "$scratch/log")"
"$monitoring/prometheus_rule.sh" | cmp - "$monitoring/prometheus-rule.yaml" ||
  fail "$monitoring/prometheus-rule.yaml is not what prometheus_rule.sh makes of rules.yaml"

# What Prometheus' operator is given; only kustomize can say whether it comes together.
if command -v kubectl >/dev/null; then
  mkdir "$scratch/overlay"
  here=$(realpath --relative-to="$scratch/overlay" deploy)
  printf 'resources: [%s]\ncomponents: [%s, %s]\n' "$here/k8s/base" "$here/k8s/components/monitoring" \
    "$here/k8s/components/autoscaling" >"$scratch/overlay/kustomization.yaml"
  kubectl kustomize "$scratch/overlay" >"$scratch/manifests.yaml" 2>"$scratch/log" || fail "$(cat "$scratch/log")"
  for kind in PrometheusRule ServiceMonitor PodMonitor HorizontalPodAutoscaler; do
    grep -qx "kind: $kind" "$scratch/manifests.yaml" || fail "the components have no $kind"
  done
  grep -qE '^ +grafana_dashboard: "1"$' "$scratch/manifests.yaml" || fail "no dashboard for Grafana"
fi

# ---- a cluster that trains ----------------------------------------------------------------------

"$BALLAST" serve --state "$scratch/state" --listen "ipc://$scratch/service" --http 127.0.0.1:0 \
  >"$scratch/serve.log" 2>&1 &
service=$!
url=$(wait_for_line "$scratch/serve.log" '^http at' "$service")
export BALLAST_COORDINATOR=${url##* }

targets=("${BALLAST_COORDINATOR#http://}")
agents=()
# agent NAME ROLE OPTION...: one that shows itself, as another target.
agent() {
  local name=$1 role=$2 line
  shift 2
  "$BALLAST" "$role" --service "ipc://$scratch/service" --http 127.0.0.1:0 "$@" \
    >"$scratch/$name.log" 2>&1 &
  agents+=("$!")
  line=$(wait_for_line "$scratch/$name.log" 'shows metrics at' "${agents[-1]}")
  targets+=("$(sed -E 's|.*http://([^/]*)/metrics.*|\1|' <<<"$line")")
}
for i in 1 2; do
  agent "server-$i" server --listen "ipc://$scratch/server-$i" --home "$scratch/home-$i"
done
agent worker worker
worker=${agents[-1]}

# It trains for as long as it takes to look.
job=$("$BALLAST" submit examples/digits/mlp.yaml --data examples/digits \
  --set training.epochs=100000 --set checkpoint.every_steps=100 --set cluster.replicas=1 \
  2>"$scratch/submit.log") || fail "submit: $(cat "$scratch/submit.log")"

# ---- and its Prometheus -------------------------------------------------------------------------

# Nobody waits minutes here for what is wrong to stay so.
sed -E 's/^( +)for: .*/\1for: 0s/' "$monitoring/rules.yaml" >"$scratch/at-once.yaml"
write_config() {
  printf 'global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n'
  printf 'rule_files: [%s]\n' "$scratch/at-once.yaml"
  printf 'scrape_configs:\n- job_name: ballast\n  static_configs:\n  - targets: [%s]\n' \
    "$(printf '"%s",' "${targets[@]}")"
} >"$scratch/prometheus.yaml"
write_config
promtool check config "$scratch/prometheus.yaml" >"$scratch/log" 2>&1 || fail "$(cat "$scratch/log")"
prometheus --config.file="$scratch/prometheus.yaml" --storage.tsdb.path="$scratch/tsdb" \
  --web.listen-address=127.0.0.1:0 >"$scratch/prometheus.log" 2>&1 &
prometheus=$!
line=$(wait_for_line "$scratch/prometheus.log" 'msg="Listening on"' "$prometheus")
prometheus_url=http://$(sed -E 's/.*address=([^ ]+).*/\1/' <<<"$line")

# within SECONDS NAME COMMAND...: the command succeeds before long, while Prometheus and the service
# live.
within() {
  local name=$2 deadline=$((SECONDS + $1))
  shift 2
  until "$@" >"$scratch/within.log" 2>&1; do
    if ((SECONDS >= deadline)) || ! kill -0 "$prometheus" "$service" 2>/dev/null; then
      fail "$name: $(cat "$scratch/within.log")"
      return
    fi
    read -rt 0.2 <> <(:) || true
  done
  printf "ok: %s%s\n" "$name" "$(sed -n '$s/^/: /p' "$scratch/within.log")"
}
fires() { check firing "$prometheus_url" | grep -qx "$1"; }
# How full the disk is here is not this test's business.
is_quiet() {
  check firing "$prometheus_url" | grep -v '^BallastDiskAlmostFull ' >"$scratch/firing" || true
  cat "$scratch/firing"
  [[ ! -s $scratch/firing ]]
}

within 60 "every panel has data" check panels "$prometheus_url" "$monitoring/dashboard.json"
within 30 "every rule is evaluated" check rules "$prometheus_url"
within 60 "nothing is wrong" is_quiet

within 60 "scraped every second it costs little" check cost "$prometheus_url"

# Nobody computes; then somebody does.
kill "$worker"
wait "$worker" || fail "a worker that was asked to go: exit code $?"
within 60 "a job without a worker" fires "BallastNoWorkers $job"
within 30 "a target that is down" fires "BallastTargetDown -"
unset 'agents[-1]' 'targets[-1]'
agent worker-again worker
write_config
kill -HUP "$prometheus"
within 60 "it has one again" is_quiet

# A job that has ended leaves nothing behind.
shows_job() { grep -q "job_id=\"$job\"" <<<"$(curl --silent "$BALLAST_COORDINATOR/metrics")"; }
shows_no_job() { ! shows_job; }
shows_job || fail "job $job is not shown"
"$BALLAST" cancel "$job" >/dev/null
within 60 "its series go with it" shows_no_job

kill "$prometheus"
wait "$prometheus" || fail "prometheus: exit code $?"
kill "${agents[@]}" 2>/dev/null || true
kill "$service"
wait "$service" || fail "the service: exit code $?"
finish
