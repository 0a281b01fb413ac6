#!/usr/bin/env bash
# ballast kubernetes render: what is in the manifests, and what it refuses. A real cluster judges and
# runs them in tests/e2e/kubernetes.

# shellcheck source=tests/e2e/lib.sh
source tests/e2e/lib.sh

spec=examples/digits/mlp.yaml
train=examples/digits/digits.train.csv test=examples/digits/digits.test.csv
render=("$BALLAST" kubernetes render)

"${render[@]}" "$spec" --data "$train" --data "$test" --set training.epochs=7 --seed 5 --servers 3 --workers 4 \
  --queue batch --name mine >"$scratch/mine.yaml"
# Numbers that are words stay words, and numbers numbers.
for line in 'name: "mine"' '- "4"' 'parallelism: 4' 'parallelism: 3' 'kueue.x-k8s.io/queue-name: "batch"' 'defaultMode: 0440' \
  'subPath: file-1' 'mountPath: "/job/digits.test.csv"' '- "tcp://mine-coordinator-0-0.mine:7700"'; do
  grep -qF -- "$line" "$scratch/mine.yaml" || fail "the manifests lack: $line"
done
[[ $(grep -c '^kind: ' "$scratch/mine.yaml") == 6 ]] || fail "expected six objects"

# Its spec, with what --set and --seed changed, and its data give the model that they give here.
mkdir "$scratch/job"
sed -n '/^  job.yaml: |$/,/^[a-z]/{s/^    //p}' "$scratch/mine.yaml" >"$scratch/job/job.yaml"
for i in 0 1; do sed -n "s/^  file-$i: \"\(.*\)\"$/\1/p" "$scratch/mine.yaml" | base64 -d >"$scratch/file-$i"; done
cmp "$scratch/file-0" "$train" || fail "other data"
cp "$scratch/file-0" "$scratch/job/digits.train.csv"
cp "$scratch/file-1" "$scratch/job/digits.test.csv"
"$BALLAST" train "$spec" --set training.epochs=7 --seed 5 --out "$scratch/here" >/dev/null
"$BALLAST" train "$scratch/job/job.yaml" --out "$scratch/there" >/dev/null
expect_digest "its spec and data" "$(digest_of "$scratch/here")" "$scratch/there"

"${render[@]}" examples/digits/cv.yaml --data "$train" --data "$test" >"$scratch/cv.yaml"
grep -q '^ *- "cv"$' "$scratch/cv.yaml" || fail "a cross-validation is none"
"${render[@]}" examples/adult/search.yaml --claim adult=data >"$scratch/search.yaml"
grep -q '^ *- "search"$' "$scratch/search.yaml" || fail "a search is none"
"${render[@]}" examples/adult/logistic.yaml --claim adult=data --claim more=/more >"$scratch/claim.yaml"
grep -q 'mountPath: "/job/data"' "$scratch/claim.yaml" || fail "the claim is not where the spec looks"

mistake "data that no pod sees" 'digits.train.csv: the spec.s data is nowhere' kubernetes render "$spec"
mistake "half of the data" 'digits.test.csv: the spec.s data is nowhere' kubernetes render "$spec" --data "$train"
mistake "a claim elsewhere" 'nowhere' kubernetes render "$spec" --claim digits=data
mistake "a claim without a place" 'CLAIM=PATH' kubernetes render "$spec" --claim digits
mistake "data from elsewhere" 'below the directory' kubernetes render "$spec" --data /etc/hostname
mistake "data that is not there" 'expected a file' kubernetes render "$spec" --data "$scratch/nowhere"
mistake "a name that is none" 'lower-case' kubernetes render "$spec" --data examples/digits --name Mine
mistake "a name that is too long" 'up to 35' kubernetes render "$spec" --data examples/digits --name "$(printf 'a%.0s' {1..37})"
mistake "a size without memory" 'CPU:MEMORY' kubernetes render "$spec" --data examples/digits --worker-size 2
mistake "a misspelt spec" 'did you mean' kubernetes render "$spec" --set training.epoch=1
cp "$spec" "$scratch/large.yaml"
head -c 800000 /dev/zero >"$scratch/large.csv"
mistake "too much data" 'manifests carry' kubernetes render "$scratch/large.yaml" --data "$scratch/large.csv"

# What lets people in is not made twice.
"$BALLAST" keys --kubernetes --access "$scratch/access" --host ballast.example >"$scratch/secrets.yaml"
[[ $(stat -c %a "$scratch/access/token") == 600 ]] || fail "everybody may read the token"
! grep -qF "$(<"$scratch/access/token")" "$scratch/secrets.yaml" || fail "the Secrets have the token"
openssl x509 -in "$scratch/access/ca.crt" -noout -checkhost ballast.example | grep -q 'does match' ||
  fail "the certificate is for others"
mistake "access twice" 'exists' keys --kubernetes --access "$scratch/access"
mistake "a host that is none" '"a b"' keys --kubernetes --access "$scratch/other" --host 'a b'
[[ ! -e $scratch/other ]] || fail "something was made for a host that is none"
finish
