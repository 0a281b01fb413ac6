#!/usr/bin/env bash
# volumes.sh NODE DIRECTORY COUNT: prints the default storage class of the test's cluster and COUNT
# volumes of it, the directories 1, 2, ... of its node.

set -euo pipefail

cat <<END
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
END
for i in $(seq 1 "$3"); do
  cat <<END
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk-$i}
spec:
  capacity: {storage: 100Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: standard
  local: {path: $2/$i}
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [$1]}]
END
done
