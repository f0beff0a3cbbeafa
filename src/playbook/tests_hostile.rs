//! Hostile files, and what must not get through lint.

use super::tests::{found, lint_text, with, with_steps};
use super::*;
use crate::contracts::Severity;
use crate::playbook::vocabulary_for_tests::vocabulary;

#[test]
fn text_from_tools_stays_out_of_shells() {
    let step = |command: &str| {
        with_steps(&format!(
            "  - {{ id: a, tool: git_status, args: {{ path: . }} }}\n  - {{ id: f, foreach: {{ in: \"${{{{ steps.a.data.changed }}}}\", as: file, limit: 9 }}, tool: shell_exec, args: {{ command: {command} }} }}\n"
        ))
    };
    for refused in [
        "\"git log ${{ steps.a.data.branch }}\"",
        "\"${{ steps.a.data.branch }}\"",
        "\"cat ${{ file.path }}\"",
        "\"echo ${{ read(`x`) }}\"",
        "\"echo ${{ render(`x`, inputs) }}\"",
        "[sh, -c, \"cat ${{ file.path }}\"]",
        "[/bin/bash, -lc, \"x ${{ steps.a.data.branch }}\"]",
        "[env, A=1, python3, -c, \"${{ file.path }}\"]",
        "[\"${{ file.path }}\", x]",
        "[perl, -e, \"${{ get(steps, `a.data.branch`, ``) }}\"]",
        "[sh, -c, \"${{ join(steps.a.data.changed, ` `) }}\"]",
    ] {
        let codes: Vec<String> =
            lint_text(&step(refused)).diagnostics.into_iter().map(|d| d.code).collect();
        assert_eq!(codes, ["untrusted-in-shell"], "{refused}");
    }
    for taken in [
        "[git, log, \"${{ steps.a.data.branch }}\"]",
        "[sh, -c, \"cat $1\", x, \"${{ file.path }}\"]",
        "\"git log ${{ inputs.repo }}\"",
        "\"echo ${{ steps.a.ok }} ${{ steps.a.attempts }}\"",
        "[grep, -c, \"${{ file.path }}\"]",
    ] {
        assert_eq!(found(&step(taken)), [], "{taken}");
    }
}

#[test]
fn an_approval_in_a_scheduled_playbook_is_refused() {
    let text = with(
        "schedule: { cron: \"0 7 * * *\" }\nsteps:\n  - { id: a, approval: { prompt: Go on? } }\n",
    );
    assert_eq!(found(&text), [(11, 5, "approval-unattended".to_owned())]);
    assert_eq!(found(&text.replace("schedule: { cron: \"0 7 * * *\" }\n", "")), []);
}

#[test]
fn hostile_files_are_refused_with_a_place() {
    let bomb = format!(
        "a: &a [x,x,x,x,x,x,x,x,x]\n{}",
        ('b'..'k')
            .map(|c| {
                let p = (c as u8 - 1) as char;
                format!("{c}: &{c} [*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p}]\n")
            })
            .collect::<String>()
    );
    let cases = [
        (bomb, "too-many-values"),
        (format!("a: {}{}", "[".repeat(20), "]".repeat(20)), "too-deep"),
        (format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000)), "yaml-syntax"),
        (format!("# {}", "x".repeat(2 << 20)), "too-large"),
        ("schema: 1\nname: \"a\0\"\n".to_owned(), "nul"),
        ("schema: 1\n\tname: x\n".to_owned(), "yaml-syntax"),
        ("schema: 1\nschema: 1\n".to_owned(), "duplicate-key"),
        ("schema: 1\n---\nschema: 1\n".to_owned(), "second-document"),
        ("a: *b\n".to_owned(), "yaml-syntax"),
    ];
    for (text, code) in cases {
        let linted = lint_text(&text);
        assert!(linted.playbook.is_none());
        assert_eq!(linted.diagnostics[0].code, code, "{}", linted.diagnostics[0]);
    }
    assert_eq!(found("schema: 1\nname: \"ä\0\"\n")[0], (2, 9, "nul".to_owned()));
    let many = with_steps(&"  - { id: a, tool: git_status, args: { path: . } }\n".repeat(1_001));
    assert!(
        found(&many)
            .iter()
            .any(|(line, _, code)| (*line, code.as_str()) == (1_010, "too-many-steps"))
    );
}

#[test]
fn a_file_full_of_mistakes_is_read_in_good_time() {
    let step = "  - { id: a, tool: git_status, args: { path: . } }\n";
    let in_one_text = format!(
        "{step}  - {{ id: b, tool: read_text, args: {{ path: \"{}\" }} }}\n",
        "${{x}}".repeat(100_000)
    );
    let in_many = format!(
        "{step}  - {{ id: b, tool: read_text, args: {{ path: [{}] }} }}\n",
        "\"${{x}}\",".repeat(40_000)
    );
    let scenario = format!(
        "{step}scenarios: [{{ name: x, expect: {{ outcome: failed, ran: [{}] }} }}]\n",
        "b, ".repeat(90_000)
    );
    for steps in [in_one_text, in_many, scenario] {
        let linted = lint_text(&with_steps(&steps));
        assert!(linted.playbook.is_none());
        assert!(linted.diagnostics.len() <= 1_001, "{}", linted.diagnostics.len());
    }
}

#[test]
fn a_warning_does_not_refuse_a_playbook() {
    let linted = lint_text(&with_steps(
        "  - { id: a, tool: shell_exec, args: { command: [x] }, retry: { attempts: 2 } }\n",
    ));
    assert_eq!(linted.diagnostics[0].severity, Severity::Warning);
    assert!(linted.playbook.is_some());
}

fn playbook() -> Playbook {
    let text = with_steps(
        "  - { id: a, tool: git_status, args: { path: . }, retry: { attempts: 3, on: timeout }, continue_on_error: true }\n  - { id: b, foreach: { in: [1, 2], as: x, parallel: 2 }, tool: read_text, args: { path: x } }\n  - { id: c, approval: { prompt: ok?, ttl: 2d } }\n  - { id: d, goal: g, on_no_model: skip }\non_failure: [{ tool: user_notification, args: { text: x } }]\nverify: [steps.a.ok]\nbudget: { steps: 7 }\n",
    )
    .replace("  n: {", "  must: { type: list }\n  level: { type: string, choices: [low, high], default: low }\n  free: { type: map, required: false }\n  n: {");
    lint("p.yaml", &text, &vocabulary(), &LintLimits::default(), &NoLibrary).playbook.unwrap()
}

#[test]
fn compiles_to_control_flow() {
    use crate::agent::program::{Foreach, Gate, StepKind};
    let program = compile(&playbook());
    let ids: Vec<&str> = program.steps.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c", "d"]);
    assert_eq!(program.steps.steps[0].retry.attempts, 3);
    assert_eq!(program.steps.steps[0].retry.on, [crate::contracts::ErrorKind::Timeout]);
    assert!(program.steps.steps[0].continue_on_error && !program.steps.steps[1].continue_on_error);
    assert_eq!(program.steps.steps[1].foreach, Some(Foreach { parallel: 2, limit: 10_000 }));
    assert_eq!(
        program.steps.steps[2].kind,
        StepKind::Approval(Gate { ttl_ms: 172_800_000, approvers: 1, rewind: None })
    );
    assert_eq!(program.steps.steps[3].kind, StepKind::Goal { skip_without_model: true });
    assert_eq!(program.on_failure.steps[0].id, "on_failure[0]");
    assert_eq!(program.verify, ["steps.a.ok"]);
    assert_eq!((program.budget.steps, program.budget.retries), (7, 20));
}

#[test]
fn inputs_are_typed_and_mistakes_are_all_named() {
    let map = |json: serde_json::Value| json.as_object().cloned().unwrap();
    let given = map(
        serde_json::json!({"must": "[\"a\", 1]", "strict": "true", "n": 5, "repo": "${{ x }}"}),
    );
    let inputs = resolve_inputs(&playbook(), &given).unwrap();
    let expected = serde_json::json!({
        "repo": "${{ x }}", "strict": true, "must": ["a", 1], "level": "low", "free": null, "n": 5,
    });
    assert_eq!(serde_json::Value::Object(inputs), expected);
    let given = map(
        serde_json::json!({"strikt": 1, "strict": "yes", "n": "1.5", "level": "mid", "free": [], "repo": ""}),
    );
    let errors = resolve_inputs(&playbook(), &given).unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "there is no input `strikt`; did you mean `strict`?",
            "the input `repo` is of type path, which `` is not; write a path that is not empty",
            "the input `strict` is of type boolean, which `yes` is not; write `true` or `false`",
            "the input `must` (list) is missing: give it with `--input must=…`",
            "the input `level` is one of \"low\", \"high\", not `mid`",
            "the input `free` is of type map, which `[]` is not; write a JSON object such as `{\"key\": \"value\"}`",
            "the input `n` is of type integer, which `1.5` is not",
        ]
    );
}
