#!/bin/sh
# Measures the rules of this directory with AgentDojo: all user tasks, and all pairs of a user task and an injection,
# with an agent that does what the user's task needs and obeys every injection. No model is asked.
#
#   tests/agentdojo/run.sh [DIRECTORY FOR THE RESULTS]
#
# AGENTDOJO_PYTHON names a Python that has agentdojo 0.1.35; without it a virtual environment is made in target/.
# AGENTDOJO_STYLES (plain tagged) and AGENTDOJO_PAIRS (0: all) make a run shorter. BAILIWICK names another binary.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${1:-$root/target/agentdojo}
bridge=
for tools in "$root/../shared/tools" "$root/../../shared/tools"; do
    if [ -f "$tools/agentdojo_bridge.py" ]; then bridge=$tools/agentdojo_bridge.py; fi
done
if [ -z "$bridge" ]; then
    echo "skipped: ../shared/tools/agentdojo_bridge.py is missing, which plays the agent"
    exit 0
fi

python=${AGENTDOJO_PYTHON:-$root/target/agentdojo-venv/bin/python}
if ! [ -x "$python" ]; then
    python3 -m venv "$root/target/agentdojo-venv"
    "$python" -m pip install --quiet agentdojo==0.1.35
fi
bailiwick=${BAILIWICK:-}
if [ -z "$bailiwick" ]; then
    (cd "$root" && cargo build --locked --quiet)
    bailiwick=${CARGO_TARGET_DIR:-$root/target}/debug/bailiwick
fi

# A home and a place of its own, so that nobody's own rules count.
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir -p "$out" "$place/home" "$place/work"
serve="cd '$place/work' && HOME='$place/home' '$bailiwick' policy serve --jsonl --policies '$here/policies' --tools '$here/tools.yaml'"
for style in ${AGENTDOJO_STYLES:-plain tagged}; do
    for approval in strict oracle; do
        "$python" "$bridge" --policy-cmd "$serve" --approval "$approval" --style "$style" \
            --max-pairs "${AGENTDOJO_PAIRS:-0}" --out "$out/$style-$approval.json"
    done
done
"$python" "$here/table.py" "$out"
