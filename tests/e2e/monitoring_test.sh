#!/usr/bin/env bash
# What processes show over HTTP: that they live, that they are ready, and what they count; and what
# they say in their logs. While they train, and without changing a bit of the model.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
long=(--set training.epochs=250)
"$BALLAST" train "$spec" --out "$scratch/quiet" "${long[@]}" >/dev/null
expected=$(digest_of "$scratch/quiet")

# status_of URL [OPTION...]: of an answer.
status_of() {
  curl --silent --output "$scratch/answer" --write-out '%{http_code}' "$@"
}

# expect_status NAME EXPECTED URL [OPTION...]
expect_status() {
  local seen
  seen=$(status_of "${@:3}")
  if [[ $seen == "$2" ]]; then
    printf 'ok: %s\n' "$1"
  else
    fail "$1: expected status $2, saw $seen: $(cat "$scratch/answer")"
  fi
}

# value_of METRIC URL: the value, as of now; labels belong to the name.
value_of() {
  curl --silent "$2/metrics" | awk -v name="$1" '$1 == name { print $2; exit }'
}

# expect_above NAME METRIC BOUND URL PID: within a moment, while PID lives: numbers are shown a few
# times a second.
expect_above() {
  while kill -0 "$5" 2>/dev/null; do
    if awk -v seen="$(value_of "$2" "$4")" -v bound="$3" 'BEGIN { exit !(seen > bound) }'; then
      printf 'ok: %s\n' "$1"
      return
    fi
  done
  fail "$1: expected $2 above $3"
}

url_of() {
  wait_for_line "$scratch/$1.log" 'shows metrics at' "$2" | sed -E 's|.*(http://[^/]*)/metrics.*|\1|'
}

at=ipc://$scratch/coordinator
"$BALLAST" server --coordinator "$at" --home "$scratch/home" --http 127.0.0.1:0 \
  >"$scratch/server.log" 2>&1 &
server=$!
"$BALLAST" worker --coordinator "$at" --http 127.0.0.1:0 >"$scratch/worker.log" 2>&1 &
worker=$!
server_url=$(url_of server "$server")
worker_url=$(url_of worker "$worker")
for url in "$server_url" "$worker_url"; do
  expect_status "it lives without a coordinator" 200 "$url/healthz"
  expect_status "it is not ready without one" 503 "$url/readyz"
done

"$BALLAST" coordinator "$spec" --out "$scratch/run" "${long[@]}" --listen "$at" --http 127.0.0.1:0 \
  --log json >"$scratch/coordinator.out" 2>"$scratch/coordinator.log" &
coordinator=$!
coordinator_url=$(url_of coordinator "$coordinator")
wait_for_step "$scratch/run" 100 "$coordinator"
for url in "$coordinator_url" "$server_url" "$worker_url"; do
  expect_status "it is ready in a run" 200 "$url/readyz"
  expect_status "there is nothing else" 404 "$url/api"
  expect_above "messages in" ballast_received_messages_total 99 "$url" "$coordinator"
  expect_above "bytes out" ballast_sent_bytes_total 999 "$url" "$coordinator"
  expect_above "jobs" ballast_jobs_done_total 0 "$url" "$coordinator"
  expect_above "processor time" process_cpu_seconds_total 0 "$url" "$coordinator"
  expect_above "memory" process_resident_memory_bytes 1e6 "$url" "$coordinator"
  expect_above "it counts who asks" \
    'ballast_http_requests_total{method="GET",route="/metrics",status="200"}' 1 "$url" "$coordinator"
done
for url in "$server_url" "$worker_url"; do
  expect_above "runs" ballast_runs 0 "$url" "$coordinator"
done
expect_above "steps of the coordinator" ballast_coordinator_steps_total 99 "$coordinator_url" "$coordinator"
expect_above "their examples" ballast_coordinator_examples_total 999 "$coordinator_url" "$coordinator"
expect_above "where it is" ballast_coordinator_step 99 "$coordinator_url" "$coordinator"
for of in step round_trip evaluation; do
  expect_above "$of latencies" "ballast_coordinator_${of}_seconds_count" 0 "$coordinator_url" "$coordinator"
done
for of in 'copies{state="in_step"}' 'members{role="worker",state="serving"}' 'runs{state="active"}' leaves; do
  expect_above "$of" "ballast_coordinator_$of" 0 "$coordinator_url" "$coordinator"
done
expect_above "steps of the worker" ballast_worker_steps_total 99 "$worker_url" "$coordinator"
expect_above "examples" ballast_worker_examples_total 999 "$worker_url" "$coordinator"
expect_above "leaves" ballast_worker_leaves_total 99 "$worker_url" "$coordinator"
for of in pull compute push; do
  expect_above "$of latencies" "ballast_worker_${of}_seconds_count" 99 "$worker_url" "$coordinator"
  expect_above "their sum" "ballast_worker_${of}_seconds_sum" 0 "$worker_url" "$coordinator"
done
expect_above "steps of the server" ballast_server_steps_total 99 "$server_url" "$coordinator"
expect_above "contributions" 'ballast_server_contributions_total{taken="counted"}' 99 "$server_url" \
  "$coordinator"
for of in pull_wait reduce step; do
  expect_above "$of latencies" "ballast_server_${of}_seconds_count" 99 "$server_url" "$coordinator"
done
expect_above "partitions" ballast_server_partitions 0 "$server_url" "$coordinator"
expect_above "tables" ballast_server_table_bytes 999 "$server_url" "$coordinator"

# By the rules of the format: each metric is described once, before its values, and named well. With a
# service, that all that there are have been seen.
"$BALLAST" serve --state "$scratch/state" --listen "ipc://$scratch/service" --http 127.0.0.1:0 \
  >"$scratch/serve.log" 2>&1 &
service=$!
service_url=$(wait_for_line "$scratch/serve.log" '^http at' "$service")
service_url=${service_url##* }
for url in "$coordinator_url" "$server_url" "$worker_url" "$service_url"; do
  curl --silent "$url/metrics" >"$scratch/metrics"
  awk '
    $2 == "HELP" && NF < 4 { print "no help: " $0 }
    $2 == "TYPE" { if ($3 in type) print "twice: " $3; type[$3] = $4 }
    $2 == "TYPE" && $4 == "counter" && $3 !~ /_total$/ { print "a counter without _total: " $3 }
    $2 == "TYPE" && $4 != "counter" && $3 ~ /_total$/ { print "no counter: " $3 }
    $2 == "TYPE" && $3 !~ /^(ballast|process)_/ { print "whose is it: " $3 }
    !/^#/ {
      name = $1; sub(/[{].*/, "", name); base = name; sub(/_(bucket|sum|count)$/, "", base)
      if (!(name in type) && type[base] != "histogram") print "not described: " $0
      if (NF != 2) print "not a value: " $0
    }' "$scratch/metrics" >"$scratch/complaints"
  [[ ! -s $scratch/complaints ]] || fail "$url: $(cat "$scratch/complaints")"
  # docs/operations.md has all of them, and no others of these roles.
  while read -r name; do
    grep -qF "\`$name\`" docs/operations.md || fail "docs/operations.md does not have $name"
  done < <(awk '$2 == "TYPE" { print $3 }' "$scratch/metrics")
  cat "$scratch/metrics" >>"$scratch/all"
done
# shellcheck disable=SC2016  # The quotes of Markdown.
grep -oE '^\| `(ballast|process)_[a-z_]+`' docs/operations.md | tr -d '|` ' >"$scratch/described"
while read -r name; do
  grep -q "^# TYPE $name " "$scratch/all" || fail "docs/operations.md has $name, which nobody shows"
done <"$scratch/described"

kill "$service"
wait "$service" || fail "the service: $(cat "$scratch/serve.log")"

wait "$coordinator" || fail "the coordinator: $(cat "$scratch/coordinator.log")"
wait "$server" || fail "the server: $(cat "$scratch/server.log")"
wait "$worker" || fail "the worker: $(cat "$scratch/worker.log")"
expect_digest "whoever is looked at trains the same" "$expected" "$scratch/run"

# Each line of a log is an object, and says what is spoken of.
python3 - "$scratch/coordinator.log" <<'END' || fail "the log: $(cat "$scratch/coordinator.log")"
import datetime, json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
for line in lines:
    datetime.datetime.fromisoformat(line["time"])
    assert line["level"] in ("info", "warning", "error") and line["role"] == "coordinator", line
    assert line["text"], line
joined = [line for line in lines if line["text"].endswith(" joined")]
assert len(joined) == 2 and all(line["run"] == 1 and line["step"] == 0 for line in joined), joined
END

# With tokens, that are taken back while it runs.
"$BALLAST" keys --token ann --role admin --secret "$scratch/ann" "$scratch/tokens" 2>/dev/null
printed=$("$BALLAST" keys --token eye --expires 2100-01-01 "$scratch/tokens" 2>/dev/null)
[[ $(stat -c %a "$scratch/ann" "$scratch/tokens") == $'600\n600' ]] || fail "others may read tokens"
if grep -qF -e "$printed" -f "$scratch/ann" "$scratch/tokens"; then fail "the file has a token"; fi
"$BALLAST" worker --coordinator "$at" --wait 0 --http 127.0.0.1:0 --http-tokens "$scratch/tokens" \
  >"$scratch/asks.log" 2>&1 &
worker=$!
url=$(url_of asks "$worker")
expect_status "probes need no token" 200 "$url/healthz"
expect_status "metrics need one" 401 "$url/metrics"
expect_status "one that was printed" 200 "$url/metrics" -H "Authorization: Bearer $printed"
expect_status "one that was written" 200 "$url/metrics" -H "Authorization: Bearer $(<"$scratch/ann")"
sed -i '/"eye"/d' "$scratch/tokens"
while [[ $(status_of "$url/metrics" -H "Authorization: Bearer $printed") == 200 ]]; do
  kill -0 "$worker" || break
done
expect_status "one that was taken back" 401 "$url/metrics" -H "Authorization: Bearer $printed"
expect_status "the other still counts" 200 "$url/metrics" -H "Authorization: Bearer $(<"$scratch/ann")"
kill -TERM "$worker"
wait "$worker" || true

mistake "a role that there is not" "view, submit or admin" keys --token x --role boss "$scratch/t"
mistake "a name that is none" "expected a name" keys --token 'x y' "$scratch/t"
[[ ! -e $scratch/t ]] || fail "a mistake made a file of tokens"
mistake "in the clear beyond this machine" "without a certificate only this machine may be reached" \
  worker --coordinator "$at" --http 0.0.0.0:0
mistake "no address" "expected ADDRESS:PORT" worker --coordinator "$at" --http 9100
mistake "no address of a coordinator" "--http .*expected ADDRESS:PORT" \
  train examples/digits/mlp.yaml --out "$scratch/out" --http 9100
mistake "no log like that" "xml" worker --coordinator "$at" --log xml
mistake "a socket that is none" "--metrics-fd 0: expected" worker --coordinator "$at" --metrics-fd 0
mistake "no such certificate" "no such file" worker --coordinator "$at" --http 127.0.0.1:0 \
  --http-certificate "$scratch/none" --http-key "$scratch/none"
finish
