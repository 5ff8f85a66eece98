#!/usr/bin/env bash
# Fuzzes the endpoints of the built example by its own OpenAPI document: no 500, no status, header, content type or body that the document does not name.
# Everything that ends with schemathesis (Python, from PyPI), feeds, which do not, with fuzz-feeds.mjs.
#
# FUZZ_EXAMPLES: cases of each operation. FUZZ_SEED: decides the cases; random unless it is given. FUZZ_LIMIT_S: what takes longer has failed.
# FUZZ_BUILT=1: takes what is built already.
set -euo pipefail
cd "$(dirname "$0")/.."

version=4.32.5
examples=${FUZZ_EXAMPLES:-200}
seed=${FUZZ_SEED:-$RANDOM}
limit_s=${FUZZ_LIMIT_S:-900}
cache=$PWD/.cache
venv=$cache/schemathesis-$version
scripts=$PWD/scripts

fail() {
  echo "fuzz: $1" >&2
  exit 1
}

# The mark stands last: an installation that broke off is made again.
if [ ! -e "$venv/complete" ]; then
  mkdir -p "$cache"
  rm -rf "$venv"
  command -v python3 >/dev/null || fail 'python3 is missing: install it, with venv (Debian: apt-get install python3 python3-venv).'
  python3 -m venv "$venv" || fail 'python3 cannot make a virtual environment: install venv and ensurepip (Debian: apt-get install python3-venv).'
  "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" ||
    fail "pip could not install schemathesis $version: it comes from PyPI (or the index that pip is configured for) and needs Python 3.10."
  touch "$venv/complete"
fi
[ "${FUZZ_BUILT:-}" = 1 ] || npm run build

state=$(mktemp -d)
port=${FUZZ_PORT:-$(node -e 'import("./scripts/free-port.mjs").then(async ({ freePort }) => console.log(await freePort()))')}
base=http://127.0.0.1:$port
PORT=$port STATE_DIR=$state DEMO_TRAFFIC=50 KAFKA_BROKERS='' node dist/src/main.js >"$state/log" 2>&1 &
app=$!
# Its state is thrown away, so it need not end in order, which might take its time.
trap 'kill -9 $app 2>/dev/null || true; wait $app 2>/dev/null || true; rm -rf "$state"' EXIT

began=$SECONDS
# Runs what is given within what is left of the time.
bounded() {
  local left=$((limit_s - SECONDS + began)) status=0
  [ "$left" -gt 0 ] || fail "no time is left of $limit_s s (FUZZ_LIMIT_S)."
  timeout --kill-after=5 "$left" "$@" || status=$?
  if ! kill -0 $app 2>/dev/null; then
    tail -50 "$state/log" >&2
    fail 'the example has ended.'
  fi
  [ "$status" -ne 124 ] && [ "$status" -ne 137 ] || fail "not done after $limit_s s (FUZZ_LIMIT_S), which counts as a failure."
  [ "$status" -eq 0 ] || fail "found faults, or could not run (status $status). Again: FUZZ_SEED=$seed FUZZ_EXAMPLES=$examples npm run fuzz"
}

echo "fuzz: schemathesis $version, $examples cases of each operation, FUZZ_SEED=$seed, $limit_s s at most"
cd "$cache"
bounded "$venv/bin/schemathesis" --config-file "$scripts/schemathesis.toml" run "$base/api-json" \
  --wait-for-schema 30 \
  --include-path-regex '^/stores' \
  --exclude-path-regex '/changes$' \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,negative_data_rejection \
  --max-examples "$examples" \
  --seed "$seed" \
  --generation-database none \
  --request-timeout 20 \
  --warnings off \
  --continue-on-failure
bounded node "$scripts/fuzz-feeds.mjs" "$base" "$seed" "$examples"
