#!/usr/bin/env bash
# The suites that depend on the Node version, the built library and the built app, on Node 24 from the npm registry.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .cache/node24
if [ ! -x .cache/node24/node_modules/node/bin/node ]; then
  # The package's install script links the binary of its platform package; ours switches scripts off.
  npm install --prefix .cache/node24 --no-audit --no-fund --ignore-scripts=false --no-save node@24
fi
NODE24="$PWD/.cache/node24/node_modules/node/bin/node"
"$NODE24" --version
# The README recommends this version because the tools install without warnings about it.
NPM="$(npm root --global)/npm/bin/npm-cli.js"
if "$NODE24" "$NPM" ci --dry-run --no-audit --no-fund 2>&1 | grep --after-context=1 EBADENGINE; then
  echo 'npm ci warns about engines on this version of Node' >&2
  exit 1
fi
"$NODE24" node_modules/vitest/vitest.mjs run --project unit --project e2e
"$NODE24" scripts/smoke-library.mjs
SMOKE_NODE="$NODE24" "$NODE24" scripts/smoke.mjs
