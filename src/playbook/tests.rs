use super::vocabulary_for_tests::vocabulary;
use super::*;

/// A part of a playbook, and the places and codes of its mistakes.
type Case = (&'static str, &'static [(u32, u32, &'static str)]);

pub(super) fn lint_text(text: &str) -> Linted {
    lint("p.yaml", text, &vocabulary(), &LintLimits::default(), &NoLibrary)
}

pub(super) fn found(text: &str) -> Vec<(u32, u32, String)> {
    let diagnostics = lint_text(text).diagnostics;
    diagnostics.into_iter().map(|d| (d.line, d.column, d.code)).collect()
}

/// A playbook with `body` after the head.
pub(super) fn with(body: &str) -> String {
    format!(
        "schema: 1\nname: t\ndescription: d\ninputs:\n  repo: {{ type: path, default: \".\" }}\n  strict: {{ type: boolean, default: false }}\n  n: {{ type: integer, default: 1 }}\npermissions: {{ tools: [git_status, read_text, write_text, shell_exec, search_text, user_notification], secrets: [TOKEN] }}\n{body}"
    )
}

/// The same with steps; the first step is in line 10.
pub(super) fn with_steps(steps: &str) -> String {
    with(&format!("steps:\n{steps}"))
}

const TEN: &str = r#"schema: 1
name: ten
description: Ten mistakes of ten kinds.
inputs:
  repo: { type: path, default: "." }
permissions:
  tools: [git_status, write_text, shell_exec, search_text, read_text]
  read: ["${{ inputs.repo }}"]
  write: ["reports/"]
budgt: { steps: 5 }
schedule: { cron: "0 25 * * *", timezone: UTC }
steps:
  - id: status
    tool: git_statsu
    args: { path: "${{ inputs.repo }}" }
  - id: search
    tool: search_text
    args: { path: ".", pattern: TODO, limt: 5 }
  - id: status
    tool: read_text
    args: { path: "${{ steps.report.data.path }}" }
    timeout: 5 minutes
  - id: shell
    tool: shell_exec
    args: { command: "grep ${{ steps.search.data.matches }} x" }
  - id: each
    foreach: { in: "${{ steps.search.data.matches }}", as: hit }
    tool: read_text
    args: { path: "${{ hit.path }}" }
  - id: report
    tool: write_text
    if: "steps.search.skiped"
    args: { path: reports/x.md, text: "${{ secrets.TOKEN }}" }
verify:
  - "lenn(steps.search.data.matches) > 0"
"#;

#[test]
fn names_every_planted_mistake_with_its_place() {
    let expected = [
        (10, 1, "unknown-key"),
        (11, 19, "bad-cron"),
        (14, 11, "unknown-tool"),
        (18, 39, "unknown-argument"),
        (19, 9, "duplicate-id"),
        (21, 24, "later-step"),
        (22, 14, "bad-duration"),
        (25, 22, "untrusted-in-shell"),
        (27, 14, "unbounded-foreach"),
        (32, 10, "unknown-name"),
        (33, 44, "undeclared-secret"),
        (35, 6, "unknown-function"),
    ];
    let linted = lint_text(TEN);
    let found: Vec<_> =
        linted.diagnostics.iter().map(|d| (d.line, d.column, d.code.as_str())).collect();
    assert_eq!(found, expected);
    assert!(linted.playbook.is_none());
    let suggestions: Vec<&str> =
        linted.diagnostics.iter().filter_map(|d| d.suggestion.as_deref()).collect();
    for wanted in [
        "did you mean `budget`?",
        "did you mean `git_status`?",
        "did you mean `limit`?",
        "did you mean `len`?",
        "did you mean `skipped`?",
    ] {
        assert!(suggestions.contains(&wanted), "{wanted} is not in {suggestions:?}");
    }
}

#[test]
fn finds_each_kind_of_mistake() {
    // (steps from line 10 on, expected places)
    let cases: &[Case] = &[
        ("  - id: a\n", &[(10, 5, "missing-key")]),
        ("  - { tool: git_status, args: { path: . } }\n", &[(10, 5, "missing-key")]),
        ("  - { id: Bad-Id, tool: git_status, args: { path: . } }\n", &[(10, 11, "bad-id")]),
        ("  - { id: match, tool: git_status, args: { path: . } }\n", &[(10, 11, "bad-id")]),
        ("  - { id: a, tool: git_status }\n", &[(10, 20, "missing-argument")]),
        ("  - { id: a, tool: git_status, args: { path: 5 } }\n", &[(10, 46, "wrong-type")]),
        ("  - { id: a, tool: git_status, args: [x] }\n", &[(10, 38, "wrong-type")]),
        (
            "  - { id: a, tool: search_text, args: { path: ., pattern: x, ignore_case: yes } }\n",
            &[(10, 75, "wrong-type"), (10, 75, "yaml-trap")],
        ),
        (
            "  - { id: a, tool: search_text, args: { path: ., pattern: x, limit: 1e3 } }\n",
            &[(10, 69, "yaml-trap")],
        ),
        (
            "  - { id: a, tool: search_text, args: { path: ., pattern: x, limit: 1.5 } }\n",
            &[(10, 69, "wrong-type")],
        ),
        (
            "  - { id: a, tool: search_text, args: { path: ., pattern: \"(\" } }\n",
            &[(10, 59, "bad-regex")],
        ),
        (
            "  - { id: a, tool: search_text, args: { path: ., pattern: x, glob: \"[\" } }\n",
            &[(10, 68, "bad-glob")],
        ),
        (
            "  - { id: a, tool: search_text, args: { path: ., pattern: x, limit: \"${{ inputs.repo }}\" } }\n",
            &[(10, 69, "wrong-type")],
        ),
        (
            "  - { id: a, tool: search_text, args: { path: ., pattern: x, limit: \"${{ inputs.n }}\" } }\n",
            &[],
        ),
        (
            "  - { id: a, tool: search_text, args: { path: ., pattern: x, limit: \"n ${{ inputs.n }}\" } }\n",
            &[(10, 69, "wrong-type")],
        ),
        (
            "  - { id: a, tool: write_text, args: { path: x, text: y, mode: apend } }\n",
            &[(10, 64, "wrong-type")],
        ),
        (
            "  - { id: a, tool: write_text, args: { path: [\"${{ inputs.n }}\"], text: y } }\n",
            &[(10, 46, "wrong-type")],
        ),
        ("  - { id: a, tool: list_dir, args: { path: . } }\n", &[(10, 20, "not-permitted")]),
        (
            "  - { id: a, tool: git_status, args: { path: . }, if: \"false\" }\n",
            &[(10, 56, "unreachable-step")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, if: \"1 + 1 == 3\" }\n",
            &[(10, 56, "unreachable-step")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, if: \"1 + 1\" }\n",
            &[(10, 56, "wrong-type")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, if: false }\n",
            &[(10, 55, "wrong-type")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, if: inputs.n }\n",
            &[(10, 55, "wrong-type")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, if: \"${{ inputs.strict }}\" }\n",
            &[(10, 56, "bad-expression")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, if: \"inputs.strikt\" }\n",
            &[(10, 56, "unknown-input")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, if: \"true && input.strict\" }\n",
            &[(10, 64, "unknown-name")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, if: \"run.idd == ``\" }\n",
            &[(10, 56, "unknown-name")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, if: \"error.kind == ``\" }\n",
            &[(10, 56, "unknown-name")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: \"${{ steps.a.ok }}\" } }\n",
            &[(10, 46, "wrong-type"), (10, 51, "later-step")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: \"${{ inputs.repo\" } }\n",
            &[(10, 51, "bad-expression")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . } }\n  - { id: b, tool: read_text, args: { path: \"${{ steps.a.data.brnch }}\" } }\n",
            &[(11, 50, "unknown-name")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . } }\n  - { id: b, tool: read_text, args: { path: \"${{ steps.a.branch }}\" } }\n",
            &[(11, 50, "unknown-name")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, needs: [b] }\n",
            &[(10, 59, "unknown-step")],
        ),
        ("  - { id: a, call: other }\n", &[(10, 20, "unknown-playbook")]),
        ("  - { id: a, block: [] , rescue: [], always: [] }\n", &[(10, 14, "empty")]),
        ("  - { id: a, approval: { prompt: x, rewind_to: b } }\n", &[(10, 48, "unknown-step")]),
        ("  - { id: a, approval: { prompt: x }, timeout: 5s }\n", &[(10, 39, "misplaced-key")]),
        ("  - { id: a, approval: { prompt: x, approvers: 0 } }\n", &[(10, 48, "bad-value")]),
        ("  - { id: a, approval: { prompt: x, approvers: 11 } }\n", &[(10, 48, "bad-value")]),
        ("  - { id: a, approval: { prompt: x, approvers: 2 } }\n", &[]),
        ("  - { id: a, tool: git_status, args: { path: . }, effect: read }\n", &[]),
        ("  - { id: a, tool: shell_exec, args: { command: [ls] }, effect: idempotent }\n", &[]),
        (
            "  - { id: a, tool: shell_exec, args: { command: [ls] }, effect: read }\n",
            &[(10, 65, "not-read")],
        ),
        (
            "  - { id: a, tool: write_text, args: { path: x, text: y }, effect: read }\n",
            &[(10, 68, "not-read")],
        ),
        (
            "  - { id: a, goal: x, tool: git_status, args: { path: . } }\n",
            &[(10, 23, "contradiction")],
        ),
        ("  - { id: a, goal: x, tools: [read_txt] }\n", &[(10, 31, "unknown-tool")]),
        ("  - { id: a, goal: x, on_no_model: skp }\n", &[(10, 36, "bad-value")]),
        (
            "  - { id: a, tool: git_status, args: { path: . }, retry: { attempts: 0 } }\n",
            &[(10, 70, "bad-value")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, retry: { attempts: 2, on: [timout] } }\n",
            &[(10, 78, "bad-value")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, retry: { attempts: 2, initial: 5s, max: 1s } }\n",
            &[(10, 91, "contradiction")],
        ),
        (
            "  - { id: a, tool: shell_exec, args: { command: [x] }, retry: { attempts: 2 } }\n",
            &[(10, 5, "retry-never")],
        ),
        ("  - { id: a, tool: shell_exec, args: { command: [] } }\n", &[(10, 49, "wrong-type")]),
        (
            "  - { id: a, tool: git_status, args: { path: . }, timeout: 0s }\n",
            &[(10, 60, "bad-duration")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: . }, continue_on_error: yes }\n",
            &[(10, 70, "wrong-type")],
        ),
        (
            "  - { id: a, foreach: { in: \"x ${{ inputs.n }}\", as: f, limit: 2 }, tool: git_status, args: { path: . } }\n",
            &[(10, 29, "wrong-type")],
        ),
        (
            "  - { id: a, foreach: { in: [1, 2], as: steps }, tool: git_status, args: { path: . } }\n",
            &[(10, 41, "bad-id")],
        ),
        (
            "  - { id: a, foreach: { in: [1, 2], as: f, parallel: 0, limit: 99999 }, tool: git_status, args: { path: . } }\n",
            &[(10, 54, "bad-value"), (10, 64, "bad-value")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: \"${secret:OTHER}\" } }\n",
            &[(10, 46, "undeclared-secret")],
        ),
        (
            "  - { id: a, tool: git_status, args: { path: \"${{ matches(`a`, `(`) }}\" } }\n",
            &[(10, 51, "bad-regex")],
        ),
        (
            "  - id: a\n    tool: git_status\n    args:\n      path: |\n        one\n        ${{ two }}\n",
            &[(15, 13, "unknown-name")],
        ),
    ];
    let mut wrong = Vec::new();
    for (steps, expected) in cases {
        let expected: Vec<_> =
            expected.iter().map(|(l, c, code)| (*l, *c, (*code).to_owned())).collect();
        let found = found(&with_steps(steps));
        if found != expected {
            wrong.push(format!("{steps}  found {found:?}\n  expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn finds_mistakes_outside_of_steps() {
    const STEP: &str = "steps: [{ id: a, tool: git_status, args: { path: . } }]\n";
    // Lines from 10 on.
    let cases: &[Case] = &[
        ("parallel: 4\n", &[(10, 1, "parallel-without-needs")]),
        ("parallel: 65\n", &[(10, 11, "bad-value")]),
        ("concurrency: 0\n", &[(10, 14, "bad-value")]),
        ("include: [x]\n", &[(10, 1, "misplaced-key")]),
        (
            "budget: { steps: 5000, wall: 9d }\n",
            &[(10, 18, "over-budget"), (10, 30, "over-budget")],
        ),
        ("budget: { cost_usd: -1 }\n", &[(10, 21, "bad-value")]),
        (
            "schedule: { cron: \"* * * *\", timezone: \"\", overlap: skp, catch_up: some, window: 2 }\n",
            &[
                (10, 19, "bad-cron"),
                (10, 40, "bad-timezone"),
                (10, 53, "bad-value"),
                (10, 68, "bad-value"),
                (10, 82, "wrong-type"),
            ],
        ),
        (
            "verify: [\"false\", \"steps.b.ok\"]\n",
            &[(10, 11, "never-holds"), (10, 20, "unknown-step")],
        ),
        ("outputs: { x: \"${{ steps.a.data.branchh }}\" }\n", &[(10, 20, "unknown-name")]),
        (
            "remember: [{ area: sollutions, text: \"${{ 1 + }}\" }]\n",
            &[(10, 20, "bad-value"), (10, 47, "bad-expression")],
        ),
        (
            "on_failure: [{ tool: user_notification, args: { text: \"${{ error.mesage }}\" } }]\n",
            &[(10, 60, "unknown-name")],
        ),
        (
            "on_failure: [{ id: a, tool: user_notification, args: { text: \"${{ error.message }} ${{ steps.a.ok }}\" } }]\n",
            &[(10, 20, "duplicate-id")],
        ),
        (
            "always: [{ tool: user_notification, args: { text: \"${{ error.message }}\" } }]\n",
            &[(10, 56, "unknown-name")],
        ),
        (
            "scenarios: [{ name: x, inputs: { nn: 1 }, results: { b: { ok: true } }, expect: { ran: [a, c], outcome: ok } }]\n",
            &[
                (10, 32, "unknown-input"),
                (10, 54, "unknown-step"),
                (10, 92, "unknown-step"),
                (10, 105, "bad-value"),
            ],
        ),
        (
            "scenarios: [{ name: x, results: { a: { ok: true, error: { kind: timeout } } }, expect: { outcome: failed } }]\n",
            &[(10, 50, "contradiction")],
        ),
    ];
    for (rest, expected) in cases {
        let expected: Vec<_> =
            expected.iter().map(|(l, c, code)| (*l, *c, (*code).to_owned())).collect();
        assert_eq!(found(&with(&format!("{STEP}{rest}"))), expected, "{rest}");
    }
}

#[test]
fn finds_mistakes_in_inputs_and_permissions() {
    let head = "schema: 1\nname: t\ndescription: d\nsteps: [{ id: a, tool: git_status, args: { path: . } }]\n";
    let cases: &[Case] = &[
        (
            "permissions: { tools: [git_status, git_status, git_stats] }\n",
            &[(5, 36, "duplicate"), (5, 48, "unknown-tool")],
        ),
        (
            "permissions: { tools: [git_status], read: [\"${{ steps.a.data.branch }}\"] }\n",
            &[(5, 49, "later-step")],
        ),
        (
            "permissions: { tools: [git_status], read: [\"${{ read(`x`) }}\"] }\n",
            &[(5, 49, "bad-expression")],
        ),
        (
            "permissions: { tools: [git_status], network: [\"https://x.org\", x.org, \"*.y.org\"] }\n",
            &[(5, 47, "bad-host")],
        ),
        ("permissions: { tools: [git_status], secrets: [token] }\n", &[(5, 47, "bad-name")]),
        ("permissions: { tools: [git_status], writ: [] }\n", &[(5, 37, "unknown-key")]),
        (
            "permissions: { tools: [git_status] }\ninputs: { a: { type: path, default: 5 }, call: { type: string }, b: { default: 1 }, c: { type: text } }\n",
            &[
                (6, 37, "wrong-type"),
                (6, 42, "bad-id"),
                (6, 66, "missing-key"),
                (6, 96, "bad-value"),
            ],
        ),
        (
            "permissions: { tools: [git_status] }\ninputs: { a: { type: string, default: x, required: true }, b: { type: string, choices: [x, 5], default: z } }\n",
            &[(6, 39, "contradiction"), (6, 92, "wrong-type"), (6, 105, "bad-value")],
        ),
        (
            "permissions: { tools: [git_status] }\ninputs: { a: { type: string, default: \"${{ x }}\" } }\n",
            &[(6, 39, "bad-value")],
        ),
    ];
    for (rest, expected) in cases {
        let expected: Vec<_> =
            expected.iter().map(|(l, c, code)| (*l, *c, (*code).to_owned())).collect();
        assert_eq!(found(&format!("{head}{rest}")), expected, "{rest}");
    }
    assert_eq!(found(""), [(1, 1, "empty".to_owned())]);
    assert_eq!(found("[]"), [(1, 1, "wrong-type".to_owned())]);
    let codes: Vec<String> = found("{}").into_iter().map(|(_, _, code)| code).collect();
    assert_eq!(codes, ["missing-key"; 4]);
    assert_eq!(
        found("schema: 2\nname: X Y\ndescription: d\nsteps: []\n"),
        [
            (1, 9, "unknown-schema".to_owned()),
            (2, 7, "bad-name".to_owned()),
            (4, 8, "empty".to_owned()),
        ]
    );
}
