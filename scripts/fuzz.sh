#!/usr/bin/env bash
# Fuzzes the endpoints of the built example by its own OpenAPI document with schemathesis (Python, from PyPI): no 500, no status, content type or body that
# the document does not name. Feeds are left out: they have no end. FUZZ_EXAMPLES: cases of each operation.
set -euo pipefail
cd "$(dirname "$0")/.."

port=${FUZZ_PORT:-3457}
cache=$PWD/.cache
venv=$cache/schemathesis
state=$(mktemp -d)
mkdir -p "$cache"
if [ ! -x "$venv/bin/schemathesis" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'schemathesis>=4,<5'
fi
npm run build
PORT=$port STATE_DIR=$state DEMO_TRAFFIC=50 node dist/src/main.js >"$state/log" 2>&1 &
app=$!
trap 'kill $app 2>/dev/null || true; wait $app 2>/dev/null || true; rm -rf "$state"' EXIT

cd "$cache"
"$venv/bin/schemathesis" run "http://127.0.0.1:$port/api-json" \
  --wait-for-schema 30 \
  --include-path-regex '^/stores' \
  --exclude-path-regex '/changes$' \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
  --phases examples,coverage,fuzzing \
  --max-examples "${FUZZ_EXAMPLES:-200}" \
  --continue-on-failure
