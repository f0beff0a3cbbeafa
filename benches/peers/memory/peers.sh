#!/bin/sh
# Makes a Python environment with the peers of `just bench memory`, once. Prints where its python is.
#
#   benches/peers/memory/peers.sh [DIR]      DIR: else target/bench/peers
set -eu
root=$(cd "$(dirname "$0")/../../.." && pwd)
dir=${1:-$root/target/bench/peers}
wanted="numpy==2.3.5 hnswlib==0.8.0 usearch apsw sqlite-vec chromadb lancedb"
if [ ! -x "$dir/bin/python" ] || [ "$(cat "$dir/wanted" 2>/dev/null)" != "$wanted" ]; then
    python3 -m venv "$dir" >&2
    # One after the other: a peer that cannot be had is named as skipped, and the others are measured.
    for peer in $wanted; do
        "$dir/bin/python" -m pip install --quiet --disable-pip-version-check "$peer" >&2 ||
            echo "$peer cannot be installed here" >&2
    done
    echo "$wanted" >"$dir/wanted"
fi
echo "$dir/bin/python"
