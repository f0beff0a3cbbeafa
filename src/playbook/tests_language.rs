//! Graphs, blocks, loops and gates: what is fine, and what is named with its place.

use super::tests::{found, lint_text, with, with_steps};

/// Steps from line 10 on, and the places and codes of their mistakes.
type Case = (&'static str, &'static [(u32, u32, &'static str)]);

fn check(cases: &[Case]) {
    compare(cases.iter().map(|(steps, expected)| (with_steps(steps), *expected)));
}

/// Names every playbook of which something else is said than expected.
fn compare<'e>(cases: impl IntoIterator<Item = (String, &'e [(u32, u32, &'e str)])>) {
    let wrong = cases.into_iter().filter_map(|(text, expected)| {
        let found = found(&text);
        let found: Vec<_> = found.iter().map(|(l, c, code)| (*l, *c, code.as_str())).collect();
        (found != expected).then(|| format!("{found:?} and not {expected:?} in\n{text}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The one message for steps.
fn message(steps: &str) -> String {
    let linted = lint_text(&with_steps(steps));
    let [only] = linted.diagnostics.as_slice() else {
        panic!("{steps}: {:#?}", linted.diagnostics)
    };
    format!("{}; {}", only.message, only.suggestion.as_deref().unwrap_or("-"))
}

#[test]
fn graphs_are_ordered_by_what_steps_need() {
    check(&[
        (
            "  - { id: a, tool: git_status, args: { path: . } }\n  - { id: b, needs: a, tool: read_text, args: { path: \"${{ steps.a.data.branch }}\" } }\n  - { id: c, needs: [b], tool: read_text, args: { path: \"${{ steps.a.data.branch }}\" } }\n",
            &[],
        ),
        // Written before what it needs.
        (
            "  - { id: b, needs: [a], if: steps.a.ok, tool: git_status, args: { path: . } }\n  - { id: a, tool: git_status, args: { path: . } }\n",
            &[],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . } }\n  - { id: b, tool: git_status, args: { path: . } }\n  - { id: c, needs: [b], if: steps.a.ok, tool: git_status, args: { path: . } }\n",
            &[(12, 30, "unordered-step")],
        ),
        (
            "  - { id: a, if: steps.b.ok, tool: git_status, args: { path: . } }\n  - { id: b, needs: [a], tool: git_status, args: { path: . } }\n",
            &[(10, 18, "later-step")],
        ),
        (
            "  - { id: a, needs: [a], tool: git_status, args: { path: . } }\n",
            &[(10, 22, "needs-cycle")],
        ),
        (
            "  - { id: a, needs: [b, b], tool: git_status, args: { path: . } }\n  - { id: b, tool: git_status, args: { path: . } }\n",
            &[(10, 25, "duplicate")],
        ),
        (
            "  - { id: a, needs: [c], tool: git_status, args: { path: . } }\n  - { id: b, needs: [a], tool: git_status, args: { path: . } }\n  - { id: c, needs: [b], if: steps.a.ok, tool: git_status, args: { path: . } }\n  - { id: d, needs: [c], tool: git_status, args: { path: . } }\n",
            &[(10, 22, "needs-cycle")],
        ),
        (
            "  - { id: g, block: [{ id: a, needs: [z], tool: git_status, args: { path: . } }] }\n  - { id: z, tool: git_status, args: { path: . } }\n",
            &[(10, 39, "needs-elsewhere")],
        ),
        (
            "  - { id: a, needs: 1, tool: git_status, args: { path: . } }\n",
            &[(10, 21, "wrong-type")],
        ),
    ]);
    let near = "  - { id: first, tool: git_status, args: { path: . } }\n  - { id: b, needs: [frist], tool: git_status, args: { path: . } }\n";
    assert_eq!(message(near), "there is no step `frist`; did you mean `first`?");
    let round = "  - { id: x, tool: git_status, args: { path: . } }\n  - { id: a, needs: [x, b], tool: git_status, args: { path: . } }\n  - { id: b, needs: [a], tool: git_status, args: { path: . } }\n";
    assert_eq!(message(round), "steps need one another: a needs b needs a; -");
    let apart = "  - { id: a, tool: git_status, args: { path: . } }\n  - { id: b, tool: git_status, args: { path: . } }\n  - { id: c, needs: [b], if: steps.a.ok, tool: git_status, args: { path: . } }\n";
    assert_eq!(
        message(apart),
        "nothing says that `a` is over: `c` does not need `a`; add `a` to the `needs` of `c`"
    );
}

#[test]
fn a_graph_with_a_thousand_steps_is_read_in_a_moment() {
    let mut steps = String::new();
    for index in 0..999 {
        let needs: Vec<String> = (index_from(index)..index).map(|it| format!("s{it}")).collect();
        steps.push_str(&format!(
            "  - {{ id: s{index}, needs: [{}], if: steps.s0.ok, tool: git_status, args: {{ path: . }} }}\n",
            needs.join(", ")
        ));
    }
    // The first one cannot see itself.
    let found = found(&with_steps(&steps));
    assert_eq!(found, [(10, 30, "later-step".to_owned())]);
}

fn index_from(index: usize) -> usize {
    index.saturating_sub(20)
}

#[test]
fn blocks_group_rescue_and_clean_up() {
    const A: &str = "{ id: a, tool: git_status, args: { path: . } }";
    let cases: &[Case] = &[
        ("  - { id: g, block: [A!] }\n", &[]),
        ("  - { id: g, block: [] }\n", &[(10, 14, "empty")]),
        ("  - { id: g, block: }\n", &[(10, 14, "empty")]),
        ("  - { id: g, block: x }\n", &[(10, 21, "wrong-type")]),
        (
            "  - { id: a, rescue: [], tool: git_status, args: { path: . } }\n",
            &[(10, 14, "misplaced-key")],
        ),
        ("  - { id: a, always: [] }\n", &[(10, 5, "missing-key"), (10, 14, "misplaced-key")]),
        (
            "  - { id: g, block: [A!], args: {}, timeout: 5s }\n",
            &[(10, 71, "misplaced-key"), (10, 81, "misplaced-key")],
        ),
        ("  - { id: g, block: [A!], parallel: 2 }\n", &[(10, 71, "parallel-without-needs")]),
        (
            "  - { id: g, block: [{ tool: git_status, args: { path: . } }] }\n",
            &[(10, 22, "missing-key")],
        ),
        // One name for one step, wherever it stands.
        ("  - A!\n  - { id: g, block: [A!] }\n", &[(11, 28, "duplicate-id")]),
        ("  - { id: a, block: [A!] }\n", &[(10, 28, "duplicate-id")]),
        // Seen from where.
        (
            "  - { id: g, block: [A!], rescue: [{ if: steps.a.ok && error.kind == `io`, tool: git_status, args: { path: . } }] }\n",
            &[],
        ),
        (
            "  - { id: g, block: [A!], always: [{ if: error.kind == `io`, tool: git_status, args: { path: . } }] }\n",
            &[(10, 86, "unknown-name")],
        ),
        (
            "  - { id: g, block: [A!], rescue: [{ id: r, block: [{ id: q, if: error.kind == `io`, tool: git_status, args: { path: . } }] }] }\n",
            &[],
        ),
        (
            "  - { id: g, block: [{ id: b, if: steps.g.ok, tool: git_status, args: { path: . } }] }\n",
            &[(10, 35, "later-step")],
        ),
        ("  - { id: g, if: steps.a.ok, block: [A!] }\n", &[(10, 18, "later-step")]),
        (
            "  - { id: g, block: [A!] }\n  - { id: b, if: steps.a.ok && steps.g.data.a.clean, tool: git_status, args: { path: . } }\n",
            &[],
        ),
        (
            "  - { id: g, block: [A!] }\n  - { id: b, if: steps.g.data.aa == 1, tool: git_status, args: { path: . } }\n",
            &[(11, 18, "unknown-name")],
        ),
        (
            "  - { id: g, foreach: { in: [1], as: n }, block: [A!, { id: b, if: steps.a.ok && n == 1, tool: git_status, args: { path: . } }] }\n",
            &[],
        ),
    ];
    compare(cases.iter().map(|(steps, expected)| (with_steps(&steps.replace("A!", A)), *expected)));
}

#[test]
fn what_stands_in_a_loop_has_many_results() {
    let steps = "  - id: g\n    foreach: { in: [1], as: n }\n    block:\n      - id: h\n        block: [{ id: a, tool: git_status, args: { path: . } }]\n  - { id: b, if: steps.a.ok, tool: git_status, args: { path: . } }\n";
    assert_eq!(
        message(steps),
        "`a` stands inside `g`, which repeats: it has many results; use `steps.g.data`, a list with one entry per item"
    );
    check(&[
        (
            "  - id: g\n    foreach: { in: [1], as: n }\n    block:\n      - { id: h, foreach: { in: \"${{ [n] }}\", as: m, limit: 3 }, tool: read_text, args: { path: \"${{ n }} ${{ m }}\" } }\n",
            &[],
        ),
        (
            "  - id: g\n    foreach: { in: [1], as: n }\n    block:\n      - { id: h, foreach: { in: [2], as: n }, tool: read_text, args: { path: \"${{ n }}\" } }\n",
            &[(13, 42, "shadowed-name")],
        ),
        (
            "  - { id: g, if: n == 1, foreach: { in: [1], as: n }, block: [{ id: a, tool: git_status, args: { path: . } }] }\n",
            &[(10, 18, "unknown-name")],
        ),
    ]);
    // Inner lists that come from a tool stay untrusted.
    let shell = "  - { id: s, tool: git_status, args: { path: . } }\n  - id: g\n    foreach: { in: \"${{ steps.s.data.changed }}\", as: file, limit: 9 }\n    block:\n      - { id: h, foreach: { in: \"${{ [file] }}\", as: it, limit: 9 }, tool: shell_exec, args: { command: \"x ${{ it }}\" } }\n";
    check(&[(shell, &[(14, 105, "untrusted-in-shell")])]);
}

#[test]
fn a_matrix_is_checked_axis_by_axis() {
    let each = |foreach: &str| {
        format!(
            "  - {{ id: e, foreach: {{ {foreach} }}, tool: read_text, args: {{ path: \"${{{{ m.os }}}}\" }} }}\n"
        )
    };
    let cases: &[Case] = &[
        ("matrix: { os: [a, b], n: [1, 2] }, exclude: [{ os: a, n: 2 }], as: m", &[]),
        ("matrix: { os: \"${{ run.goal }}\" }, as: m, limit: 3", &[]),
        ("matrix: { os: \"${{ run.goal }}\" }, as: m", &[(10, 23, "unbounded-foreach")]),
        ("matrix: { os: [a], n: [1, 2] }, as: m, limit: 1", &[(10, 23, "bad-value")]),
        ("matrix: { os: [a], n: [1, 2] }, exclude: [{ n: 1 }], as: m, limit: 1", &[]),
        ("matrix: { os: a }, as: m", &[(10, 23, "unbounded-foreach"), (10, 39, "wrong-type")]),
        ("matrix: [1], as: m", &[(10, 33, "wrong-type")]),
        ("matrix: {}, as: m", &[(10, 33, "bad-value")]),
        ("matrix: { Os: [a] }, as: m", &[(10, 35, "bad-id")]),
        ("matrix: { os: [a] }, in: [1], as: m", &[(10, 33, "contradiction")]),
        ("matrix: { os: [a] }, exclude: [{ ox: a }], as: m", &[(10, 58, "unknown-axis")]),
        ("matrix: { os: [a] }, exclude: [{ os: b }], as: m", &[(10, 62, "unknown-axis")]),
        ("matrix: { os: [a] }, exclude: [1], as: m", &[(10, 56, "wrong-type")]),
        ("in: [1], exclude: [], as: m", &[(10, 34, "misplaced-key")]),
        ("as: m", &[(10, 23, "missing-key")]),
    ];
    compare(cases.iter().map(|(foreach, expected)| (with_steps(&each(foreach)), *expected)));
    let wide = format!("matrix: {{ a: [{0}], b: [{0}] }}, as: m", vec!["1"; 1_000].join(", "));
    assert_eq!(found(&with_steps(&each(&wide)))[0].2, "bad-value");
}

#[test]
fn gates_lead_back_to_what_came_before_them() {
    const A: &str = "  - { id: a, tool: read_text, args: { path: \"${{ inputs.feedback }}\" } }\n";
    let cases: &[Case] = &[
        ("  - { id: g, approval: { prompt: x, rewind_to: a } }\n", &[]),
        ("  - { id: g, approval: { prompt: x, rewind_to: a, attempts: 10 } }\n", &[]),
        (
            "  - { id: g, approval: { prompt: x, rewind_to: a, attempts: 11 } }\n",
            &[(11, 61, "bad-value")],
        ),
        (
            "  - { id: g, approval: { prompt: x, rewind_to: a, attempts: 0 } }\n",
            &[(11, 61, "bad-value")],
        ),
        ("  - { id: g, approval: { prompt: x, rewind_to: g } }\n", &[(11, 48, "bad-rewind")]),
        (
            "  - { id: g, approval: { prompt: x, rewind_to: z } }\n  - { id: z, tool: git_status, args: { path: . } }\n",
            &[(11, 48, "bad-rewind")],
        ),
        (
            "  - { id: b, block: [{ id: g, approval: { prompt: x, rewind_to: a } }] }\n",
            &[(11, 65, "bad-rewind")],
        ),
        (
            "  - { id: z, tool: git_status, args: { path: . } }\n  - { id: g, needs: [z], approval: { prompt: x, rewind_to: a } }\n",
            &[(12, 60, "bad-rewind")],
        ),
        ("  - { id: g, needs: [a], approval: { prompt: x, rewind_to: a } }\n", &[]),
    ];
    let steps = |gate: &str| with_steps(&format!("{A}{gate}"));
    compare(cases.iter().map(|(gate, expected)| (steps(gate), *expected)));
    check(&[
        (A, &[(10, 50, "unknown-input")]),
        ("  - { id: g, approval: { prompt: x, attempts: 2 } }\n", &[(10, 37, "misplaced-key")]),
    ]);
    let taken = with_steps(&format!("{A}{}", cases[0].0))
        .replace("  n: { type: integer, default: 1 }", "  feedback: { type: string, default: x }");
    assert_eq!(found(&taken), [(11, 48, "taken-name".to_owned())]);
    let start = with_steps(&format!("{A}{}", cases[0].0))
        .replace("secrets: [TOKEN]", "read: [\"${{ inputs.feedback }}\"]");
    assert!(
        found(&start).iter().any(|(line, _, code)| (*line, code.as_str()) == (8, "unknown-input"))
    );
}

#[test]
fn webhooks_name_a_secret_and_an_input_for_the_body() {
    const STEP: &str = "steps: [{ id: a, tool: git_status, args: { path: . } }]\n";
    const GATE: &str = "steps: [{ id: b, block: [{ id: g, approval: { prompt: x } }] }]\n";
    let cases: &[Case] = &[
        ("webhook: { secret: HOOK }\n", &[]),
        ("webhook: { secret: HOOK, input: repo }\n", &[(10, 33, "wrong-type")]),
        ("webhook: { secret: HOOK, input: rep }\n", &[(10, 33, "unknown-input")]),
        ("webhook: { secret: hook }\n", &[(10, 20, "bad-name")]),
        ("webhook: { input: repo }\n", &[(10, 10, "missing-key"), (10, 19, "wrong-type")]),
        ("webhook: HOOK\n", &[(10, 10, "wrong-type")]),
        ("webhook: { secret: HOOK, path: x }\n", &[(10, 26, "unknown-key")]),
    ];
    let hooked = |hook: &str| with(&format!("{STEP}{hook}"));
    compare(cases.iter().map(|(hook, expected)| (hooked(hook), *expected)));
    for trigger in ["webhook: { secret: HOOK }\n", "schedule: { cron: \"0 7 * * *\" }\n"] {
        let expected = [(9, 26, "approval-unattended".to_owned())];
        assert_eq!(found(&with(&format!("{GATE}{trigger}"))), expected, "{trigger}");
    }
    let body = with(&format!("{STEP}webhook: {{ secret: HOOK, input: body }}\n"));
    let map = body.replace("  n: {", "  body: { type: map, default: {} }\n  n: {");
    assert_eq!(found(&map), []);
    let other = map.replace("default: 1", "required: true");
    assert_eq!(found(&other), [(11, 33, "missing-input".to_owned())]);
}

#[test]
fn deep_nesting_ends() {
    let mut steps = "{ id: last, tool: git_status, args: { path: . } }".to_owned();
    for depth in 0..12 {
        steps = format!("{{ id: b{depth}, block: [{steps}] }}");
    }
    assert_eq!(found(&with_steps(&format!("  - {steps}\n")))[0].2, "too-deep");
}

#[test]
fn answers_of_scenarios_may_come_one_after_the_other() {
    let text = with_steps(
        "  - { id: a, tool: git_status, args: { path: . } }\n  - { id: g, approval: { prompt: x, rewind_to: a } }\n",
    ) + "scenarios:\n  - name: twice\n    results:\n      a: [{ ok: true, data: { n: 1 } }, { ok: true, data: { n: 2 } }]\n      g: [{ ok: false, comment: again }, { ok: true }]\n    expect: { outcome: succeeded }\n";
    let playbook = lint_text(&text).playbook.unwrap();
    let results = &playbook.scenarios[0].results;
    let n = |before| results["a"].nth(before).unwrap().data.clone().unwrap()["n"].clone();
    assert_eq!([n(0), n(1), n(2)], [1, 2, 2]);
    assert_eq!(results["g"].nth(0).unwrap().comment.as_deref(), Some("again"));
    for (wrong, code) in [
        (text.replace("[{ ok: false, comment: again }, { ok: true }]", "[]"), "empty"),
        (text.replace("ok: false, comment", "ok: true, comment"), "contradiction"),
        (text.replace("comment: again", "comment: 1"), "wrong-type"),
        (text.replace("      g: [", "      gg: ["), "unknown-step"),
    ] {
        assert_eq!(found(&wrong)[0].2, code, "{wrong}");
    }
}
