#!/bin/sh
# The part of deny.toml that can be checked with cargo alone: one HTTP, TLS and async stack, and no
# OpenSSL. Where cargo-deny is installed, CI runs that instead.
set -eu
cd "$(dirname "$0")/.."
listed=$(cargo tree --locked --edges normal,build --prefix none --format '{p}')
tree=$(echo "$listed" | sed 's/ (.*//' | sort -u)
status=0
for banned in openssl openssl-sys native-tls async-std aws-lc-sys; do
    if echo "$tree" | grep -q "^$banned v"; then
        echo "banned dependency: $banned" >&2
        status=1
    fi
done
for single in tokio hyper reqwest rustls ring serde serde_json rhai rusqlite; do
    count=$(echo "$tree" | grep -c "^$single v" || true)
    if [ "$count" -gt 1 ]; then
        echo "more than one version of $single:" >&2
        echo "$tree" | grep "^$single v" >&2
        status=1
    fi
done
[ "$status" = 0 ] && echo "$(echo "$tree" | wc -l) dependencies, none banned or doubled"
exit "$status"
