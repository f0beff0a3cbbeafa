#!/bin/sh
# Runs the tests on a machine that has the Rust toolchain, installing what they need beside it.
set -eu
cd "$(dirname "$0")/.."

# The tests work on real repositories.
if ! command -v git >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq && apt-get install -y -qq --no-install-recommends git
    else
        echo "the tests need git: install it with your system's package manager" >&2
        exit 1
    fi
fi

# A browser and a display without a monitor, for the tools that act on them. Their tests are skipped without.
if [ -n "${CI:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends \
        chromium-headless-shell chromium-driver xvfb || echo "browser and display are not to be had here" >&2
fi

if command -v cargo-nextest >/dev/null 2>&1; then
    cargo nextest run --locked "$@"
    cargo test --locked --doc -q
else
    cargo test --locked "$@"
fi
