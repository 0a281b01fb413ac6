#!/usr/bin/env bash
# The alerts of rules.yaml as Prometheus' operator takes them. After a change of rules.yaml:
#   deploy/monitoring/prometheus_rule.sh >deploy/monitoring/prometheus-rule.yaml

set -euo pipefail

cat <<'HEAD'
# Made of rules.yaml by prometheus_rule.sh; change that.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: ballast}
spec:
HEAD
sed -n '/^groups:/,$p' "$(dirname "${BASH_SOURCE[0]}")/rules.yaml" | sed 's/^\(.\)/  \1/'
