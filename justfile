# All there is to remember. Each line is a plain command, for who has no `just`.

# Lists what can be done.
default:
    @just --list

# Format, lints, documentation, dependencies: everything but the tests.
check:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked
    @if command -v cargo-deny >/dev/null; then cargo deny check; else echo "cargo-deny is not installed: licences and duplicates were not checked"; fi

# All tests.
test *ARGS:
    @if command -v cargo-nextest >/dev/null; then cargo nextest run --locked {{ARGS}}; else cargo test --locked {{ARGS}}; fi

# Writes schemas, tables and snapshots anew. Look at the difference before committing it.
bless:
    BLESS=1 INSTA_UPDATE=always cargo test --locked
    git --no-pager diff --stat

# Measures one area, beside its peers where there are any, and prints a table: `just bench policy`,
# `just bench sandbox`, `just bench memory` (its peers want python3; `just bench memory-alone 1000000` for a million records without them). Rows go to target/bench/NAME.json and into docs/benchmarks.md.
bench NAME *ARGS:
    @case {{NAME}} in \
        sandbox) cargo test --locked --release --test it -- --ignored --nocapture sandbox::bench ;; \
        memory) cargo build --locked --release && cd benches/peers && cargo run --locked --release --quiet -- memory ;; \
        *) cd benches/peers && cargo run --locked --release --quiet -- {{NAME}} {{ARGS}} ;; \
    esac

# The long tests: a thousand kills, a thousand mutations of the rules, two thousand cells, a thousand
# decisions judged again, a hundred thousand hostile calls of tools, all pairs of AgentDojo.
soak *ARGS:
    BAILIWICK_SOAK_CELLS=2000 cargo test --locked --release --test it -- many_calls_at_once {{ARGS}}
    cargo test --locked --release --test it -- --ignored registries_are_reached {{ARGS}}
    BAILIWICK_SOAK_KILLS=1000 cargo test --locked --release --test it -- crash {{ARGS}}
    BAILIWICK_SOAK_MUTATIONS=1000 cargo test --locked --release --test it -- policy_mutations --nocapture {{ARGS}}
    BAILIWICK_SOAK_CORRUPTIONS=1000 cargo test --locked --release --lib -- damaged_indexes --nocapture {{ARGS}}
    BAILIWICK_SOAK_TOOL_CASES=100000 cargo test --locked --release --lib -- hostile_arguments --nocapture {{ARGS}}
    BAILIWICK_SOAK_KILLS=200 cargo test --locked --release --lib -- a_kill_leaves_no_half_batch {{ARGS}}
    BAILIWICK_SOAK_DECISIONS=500 cargo test --locked --release --lib -- decided_tests {{ARGS}}
    tests/agentdojo/run.sh

# Measures the rules of tests/agentdojo with AgentDojo: Python, 949 pairs, four times.
agentdojo *ARGS:
    tests/agentdojo/run.sh {{ARGS}}

# Runs the tasks of tests/eval: planned by a script, without a model, and by a small real model where its
# server can be started (BAILIWICK_EVAL="scripted none" leaves that out).
eval:
    @if [ "${BAILIWICK_EVAL:-small}" = "${BAILIWICK_EVAL#*small}" ]; then \
        cargo test --locked --test it -- --ignored --nocapture eval::evaluation; \
    else tests/models/run.sh eval::evaluation; fi

# Runs the program from this checkout, such as `just run run playbooks/repo-health.yaml`.
run *ARGS:
    cargo run --locked --quiet -- {{ARGS}}
