# shellcheck shell=bash disable=SC2034
# What the scripts of the cluster agree on.

readonly node=ballast-node
readonly link=ballast-k8s             # The machine's end of the cable; at most 15 letters.
readonly gateway=10.113.0.1           # Its address,
readonly address=10.113.0.2           # and the node's.
readonly service_network=10.96.0.0/16
readonly api_service=10.96.0.1
readonly pod_network=10.244.0.0/24
readonly cgroup=ballast-k8s
readonly pause_image=ballast.invalid/pause:1
readonly volumes=32  # What a test leaves is not given to the next.
