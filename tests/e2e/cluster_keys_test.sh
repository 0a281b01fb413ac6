#!/usr/bin/env bash
# A cluster with keys: the same digest, strangers stay outside while it runs, and what is wrong with
# the files is said at once.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
long=(--set training.epochs=100)
"$BALLAST" train "$spec" --out "$scratch/quiet" "${long[@]}" >/dev/null
expected=$(digest_of "$scratch/quiet")

"$BALLAST" keys "$scratch/keys" >"$scratch/keys.log"
"$BALLAST" keys "$scratch/foreign" >/dev/null

# machine ROLE: a directory with the files that ROLE needs, as `ballast keys` names them.
machine() {
  local files file
  files=$(grep -E "^ +$1 " "$scratch/keys.log" | sed -E "s/^ +$1 +//; s/,//g")
  [[ $files == *"$1.secret"* ]] || fail "ballast keys names no $1.secret: $files"
  mkdir "$scratch/$1"
  for file in $files; do cp "$scratch/keys/$file" "$scratch/$1/"; done
}
for role in coordinator server worker; do machine "$role"; done
cp -r "$scratch/worker" "$scratch/stranger"
cp "$scratch/foreign/worker.secret" "$scratch/stranger/"

# With keys it may be reached from other machines.
"$BALLAST" coordinator "$spec" --out "$scratch/run" "${long[@]}" --listen 'tcp://0.0.0.0:*' \
  --workers 2 --servers 2 --keys "$scratch/coordinator" >"$scratch/coordinator.log" 2>&1 &
coordinator=$!
endpoint=$(wait_for_line "$scratch/coordinator.log" 'coordinator listens at' "$coordinator")
endpoint=tcp://127.0.0.1:${endpoint##*:}

# Three that must not get in. They wait for ever; the run ends without them.
begin_outsider() {
  "$BALLAST" worker --coordinator "$endpoint" --wait 0 "${@:2}" >"$scratch/$1.log" 2>&1 &
  outsiders+=("$!")
}
begin_outsider stranger --keys "$scratch/stranger"
begin_outsider keyless
mkdir "$scratch/misled"
cp "$scratch"/keys/worker.* "$scratch/keys/server.public" "$scratch/misled/"
cp "$scratch/foreign/coordinator.public" "$scratch/misled/"
begin_outsider misled --keys "$scratch/misled"
wait_for_line "$scratch/stranger.log" 'does not admit our key' "${outsiders[0]}" >/dev/null
wait_for_line "$scratch/keyless.log" 'no link with .*--keys' "${outsiders[1]}" >/dev/null
wait_for_line "$scratch/misled.log" 'our coordinator.public' "${outsiders[2]}" >/dev/null
wait_for_line "$scratch/coordinator.log" 'not among those that are admitted' "$coordinator" \
  >/dev/null

for role in coordinator server worker; do # Whoever has a key of the cluster may ask.
  "$BALLAST" status --coordinator "$endpoint" --keys "$scratch/$role" >"$scratch/status.log" 2>&1 ||
    fail "status with the keys of a $role: $(cat "$scratch/status.log")"
done
code=0
"$BALLAST" status --coordinator "$endpoint" --keys "$scratch/stranger" --wait 1 \
  >"$scratch/status.log" 2>&1 || code=$?
[[ $code == 3 ]] || fail "status with a stranger's key: exit code $code: $(cat "$scratch/status.log")"

for i in 0 1; do
  "$BALLAST" server --coordinator "$endpoint" --listen 'tcp://127.0.0.1:*' \
    --home "$scratch/home-$i" --keys "$scratch/server" >"$scratch/server-$i.log" 2>&1 &
  members+=("$!")
  "$BALLAST" worker --coordinator "$endpoint" --keys "$scratch/worker" \
    >"$scratch/worker-$i.log" 2>&1 &
  members+=("$!")
done
for process in "$coordinator" "${members[@]}"; do
  wait "$process" || fail "process $process: exit code $?"
done
expect_digest "2 servers and 2 workers with keys, three strangers at the door" "$expected" \
  "$scratch/run"
joined=$(grep -cE ' joined( \[.*\])?$' "$scratch/coordinator.log" || true)
[[ $joined == 4 ]] || fail "expected 4 members, saw $joined: $(cat "$scratch/coordinator.log")"
for process in "${outsiders[@]}"; do
  kill -0 "$process" || fail "outsider $process gave up"
  kill -9 "$process"
  wait "$process" || true
done
if cat "$scratch"/*.log | grep -qF -f <(cat "$scratch"/keys/*.secret "$scratch"/foreign/*.secret); then
  fail "a secret is in a log"
fi

# mistake NAME EXPECTED-TEXT ARGUMENTS...
mistake() {
  local code=0
  timeout 30 "$BALLAST" "${@:3}" >"$scratch/log" 2>&1 || code=$?
  if [[ $code != 2 ]] || ! grep -qE -- "$2" "$scratch/log"; then
    fail "$1: expected exit code 2 and /$2/, saw $code and: $(cat "$scratch/log")"
  else
    printf 'ok: %s\n' "$1"
  fi
}
worker=(worker --coordinator tcp://127.0.0.1:9 --wait 1 --keys)
cp -r "$scratch/worker" "$scratch/exposed"
chmod 644 "$scratch/exposed/worker.secret"
mistake "a secret that everybody can read" 'worker\.secret.*chmod 600' \
  "${worker[@]}" "$scratch/exposed"
mistake "another role's directory" 'worker\.secret: no such file' "${worker[@]}" "$scratch/server"
mistake "no such directory" 'nowhere/worker\.secret: no such file' "${worker[@]}" "$scratch/nowhere"
cp -r "$scratch/stranger" "$scratch/mixed"
cp "$scratch/keys/worker.public" "$scratch/mixed/"
mistake "halves of two pairs" 'worker\.public: is not the public half' \
  "${worker[@]}" "$scratch/mixed"
mistake "keys and a waiver" 'excludes' "${worker[@]}" "$scratch/worker" --insecure
mistake "the coordinator without its secret" 'coordinator\.secret: no such file' \
  coordinator "$spec" --out "$scratch/out" --listen 'tcp://127.0.0.1:*' --keys "$scratch/worker"
mistake "existing keys" 'never replaced' keys "$scratch/keys"
mistake "keys for local processes" 'listen' resume "$scratch/run" --keys "$scratch/coordinator"
# As Secrets: a directory mounted from each is enough for its role, and no two makings are alike.
"$BALLAST" keys --kubernetes >"$scratch/secrets.yaml"
for role in coordinator server worker; do
  mkdir "$scratch/mounted-$role"
  awk -v role="$role" -v q="'" '/^---/ { inside = 0 } $2 == "ballast-keys-" role { inside = 1 }
    inside && split($0, part, q) == 3 { sub(/:.*/, ""); sub(/^ +/, ""); print $0 "\t" part[2] }' \
    "$scratch/secrets.yaml" |
    while IFS=$'\t' read -r file key; do
      (umask 077 && printf '%s\n' "$key" >"$scratch/mounted-$role/$file")
    done
done
"$BALLAST" coordinator "$spec" --out "$scratch/secrets" --listen 'tcp://127.0.0.1:*' \
  --keys "$scratch/mounted-coordinator" >"$scratch/secrets.log" 2>&1 &
coordinator=$!
endpoint=$(wait_for_line "$scratch/secrets.log" 'coordinator listens at' "$coordinator")
endpoint=${endpoint##* }
"$BALLAST" server --coordinator "$endpoint" --home "$scratch/home-secrets" \
  --keys "$scratch/mounted-server" >/dev/null 2>&1 &
"$BALLAST" worker --coordinator "$endpoint" --keys "$scratch/mounted-worker" >/dev/null 2>&1 &
wait "$coordinator" || fail "keys --kubernetes: $(tail -n 3 "$scratch/secrets.log")"
"$BALLAST" train "$spec" --out "$scratch/quiet-secrets" >/dev/null
expect_digest "keys printed as Secrets" "$(digest_of "$scratch/quiet-secrets")" "$scratch/secrets"
[[ $("$BALLAST" keys --kubernetes) != "$(<"$scratch/secrets.yaml")" ]] || fail "two makings are alike"

finish
