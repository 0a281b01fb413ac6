#!/usr/bin/env bash
# All keys of a cluster are changed while it trains (docs/security.md): every process starts anew
# with its next key, one after another, the coordinator too. The same bits; who has an old key stays
# outside in the end.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
long=(--set training.epochs=600 --set training.log_every=1 --set checkpoint.every_seconds=0)
"$BALLAST" train "$spec" --out "$scratch/quiet" "${long[@]}" >/dev/null
expected=$(digest_of "$scratch/quiet")

keys=$scratch/keys
"$BALLAST" keys "$keys" >/dev/null
mkdir "$scratch"/{coordinator,server,worker}

# give ROLE FILE...: to the machine of that role, each file at once as whoever deploys it would.
give() {
  local role=$1 file
  shift
  for file in "$@"; do
    cp -p "$keys/$file" "$scratch/$role/$file.new"
    mv "$scratch/$role/$file.new" "$scratch/$role/$file"
  done
}
give_public_keys() {
  give coordinator {coordinator,server,worker}.public
  give server {coordinator,server,worker}.public
  give worker {coordinator,server,worker}.public
}
give_secrets() {
  local role
  for role in coordinator server worker; do give "$role" "$role.secret"; done
}
give_public_keys
give_secrets

start() { # ROLE NAME
  local options=()
  [[ $1 != server ]] || options=(--listen 'tcp://127.0.0.1:*' --home "$scratch/home-$2")
  "$BALLAST" "$1" --coordinator "$endpoint" --wait 0 --keys "$scratch/$1" "${options[@]}" \
    >"$scratch/$2.log" 2>&1 &
  pids[$2]=$!
}
# more_steps: until the run has committed some more, or its coordinator has ended.
more_steps() {
  local line count=0
  while read -r line; do
    count=$((count + 1))
    ((count < 20)) || return 0
  done < <(tail -s 0.1 -n 0 -F --pid="$coordinator" "$scratch/run/history.jsonl" 2>/dev/null)
  fail "the run ended too early: ${line:-no history}"
}
say_ok() { printf 'ok: %s\n' "$1"; }

"$BALLAST" coordinator "$spec" --out "$scratch/run" "${long[@]}" --listen 'tcp://127.0.0.1:*' \
  --workers 2 --servers 2 --keys "$scratch/coordinator" >"$scratch/coordinator.log" 2>&1 &
coordinator=$!
endpoint=$(wait_for_line "$scratch/coordinator.log" 'coordinator listens at' "$coordinator")
endpoint=${endpoint##* }
start server s1
start server s2
start worker w1
start worker w2
wait_for_step "$scratch/run" 1 "$coordinator"

# 1. The next keys are known everywhere before anybody uses them.
cp -rp "$scratch/worker" "$scratch/old-worker"
"$BALLAST" keys --add "$keys" | grep -q 'Drew the next keys' || fail "keys --add"
for role in coordinator server worker; do
  [[ $(wc -l <"$keys/$role.public") == 2 ]] || fail "$role.public after --add"
  [[ $(stat -c %a "$keys/$role.secret.next") == 600 ]] || fail "$role.secret.next can be read"
done
before=$(sha256sum "$keys"/*)
"$BALLAST" keys --add "$keys" >/dev/null
[[ $(sha256sum "$keys"/*) == "$before" ]] || fail "--add twice draws keys twice"
give_public_keys

# 2. Every process begins anew with its next key.
"$BALLAST" keys --switch "$keys" | grep -q 'one after another' || fail "keys --switch"
give_secrets
start worker w3 # Its key is new to the coordinator and to the servers, which run on.
leave w1
more_steps
start worker w4
leave w2
start server s3
leave s1
more_steps
start server s4
leave s2
more_steps
kill -9 "$coordinator"
wait "$coordinator" || true
"$BALLAST" resume "$scratch/run" --listen "$endpoint" --workers 2 --servers 2 \
  --keys "$scratch/coordinator" >"$scratch/resumed.log" 2>&1 &
coordinator=$!
more_steps
say_ok "every process has its next key"

# 3. The old keys are worth nothing any more.
"$BALLAST" keys --retire "$keys" | grep -q 'only the keys in use' || fail "keys --retire"
for role in coordinator server worker; do
  [[ $(wc -l <"$keys/$role.public") == 1 ]] || fail "$role.public after --retire"
done
give_public_keys
cp "$scratch/worker/"*.public "$scratch/old-worker/"
rm "$scratch/old-worker/worker.public" # It would be held against the secret.
"$BALLAST" worker --coordinator "$endpoint" --wait 0 --keys "$scratch/old-worker" \
  >"$scratch/old.log" 2>&1 &
old=$!
wait_for_line "$scratch/old.log" 'does not admit our key' "$old" >/dev/null
kill -9 "$old"
wait "$old" || true
start worker w5
more_steps

code=0
wait "$coordinator" || code=$?
[[ $code == 0 ]] || fail "exit code $code: $(tail -n 3 "$scratch/resumed.log")"
expect_digest "all keys changed on the way" "$expected" "$scratch/run"
for name in "${!pids[@]}"; do
  code=0
  wait "${pids[$name]}" || code=$?
  [[ $code == 0 ]] || fail "$name: exit code $code: $(tail -n 2 "$scratch/$name.log")"
done

# The steps in another order, and directories that are none.
mistake "a switch without a next key" 'expected a ROLE.secret.next, saw none' keys --switch "$keys"
"$BALLAST" keys --add "$keys" >/dev/null
mistake "retiring keys in use" 'first --switch' keys --retire "$keys"
mistake "no keys to change" 'nowhere/coordinator.public.*expected keys' keys --add "$scratch/nowhere"
mistake "two steps at once" 'excludes' keys --add --retire "$keys"

# As Secrets, with a line a key.
"$BALLAST" keys --kubernetes "$keys" >"$scratch/secrets.yaml"
for role in coordinator server worker; do
  while read -r key; do
    grep -qxF "    $key" "$scratch/secrets.yaml" || fail "--kubernetes lacks a key of $role"
  done <"$keys/$role.public"
  grep -qF "$role.secret: '$(<"$keys/$role.secret")'" "$scratch/secrets.yaml" ||
    fail "--kubernetes lacks the secret of $role"
done
finish
