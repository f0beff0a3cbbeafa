//! Calls and fragments: what is fine, and what is named with its file and place.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::vocabulary_for_tests::vocabulary;
use super::*;

/// Files by their paths below `playbooks/`; a playbook's name is its file's.
#[derive(Debug, Default)]
struct Shelf(BTreeMap<String, String>);

impl Library for Shelf {
    fn fragment(&self, path: &str) -> Result<String, String> {
        assert!(!path.contains("..") && !path.starts_with('/'), "`{path}` was asked for");
        self.0.get(path).cloned().ok_or_else(|| "there is no such file".to_owned())
    }

    fn playbook(&self, name: &str) -> Result<LibraryPlaybook, String> {
        let (path, text) = self
            .0
            .get_key_value(&format!("{name}.yaml"))
            .ok_or_else(|| format!("there is no playbook `{name}`"))?;
        Ok(LibraryPlaybook { path: format!("playbooks/{path}"), text: text.clone() })
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().map(|path| path.trim_end_matches(".yaml").to_owned()).collect()
    }
}

const HEAD: &str = "permissions: { tools: [git_status, read_text], network: [\"*.example.net\"], secrets: [TOKEN] }\n";
const STEP: &str = "{ id: a, tool: git_status, args: { path: . } }";

/// A playbook with these steps, the first of which is in line 6.
fn playbook(name: &str, steps: &str) -> String {
    format!("schema: 1\nname: {name}\ndescription: d\n{HEAD}steps:\n{steps}")
}

fn shelf(files: &[(&str, String)]) -> Shelf {
    Shelf(files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect())
}

fn lint_with(shelf: &Shelf, text: &str) -> Linted {
    lint("playbooks/main.yaml", text, &vocabulary(), &LintLimits::default(), shelf)
}

/// `file:line:column code: message; suggestion` of each mistake.
fn said(shelf: &Shelf, text: &str) -> Vec<String> {
    let line = |d: &crate::contracts::Diagnostic| {
        let suggestion = d.suggestion.as_ref().map(|it| format!("; {it}")).unwrap_or_default();
        let file = d.file.trim_start_matches("playbooks/");
        format!("{file}:{}:{} {}: {}{suggestion}", d.line, d.column, d.code, d.message)
    };
    lint_with(shelf, text).diagnostics.iter().map(line).collect()
}

/// What is said of `steps` in a playbook `main` beside these files.
fn said_of(files: &[(&str, String)], steps: &str) -> Vec<String> {
    said(&shelf(files), &playbook("main", steps))
}

fn callee() -> String {
    let inputs = "inputs: { n: { type: integer }, how: { type: string, default: slow, choices: [slow, fast] }, words: { type: list, default: [] } }\n";
    playbook(
        "build",
        &format!("  - {STEP}\noutputs: {{ log: \"${{{{ steps.a.data.branch }}}}\" }}\n"),
    ) + inputs
}

#[test]
fn a_call_is_held_against_what_it_calls() {
    let files = [("build.yaml", callee())];
    let cases: &[(&str, &[&str])] = &[
        (
            "  - { id: c, call: build, inputs: { n: 1, how: fast, words: [\"${{ run.goal }}\"] } }\n  - { id: d, if: steps.c.data.log == ``, tool: git_status, args: { path: . } }\n",
            &[],
        ),
        ("  - { id: c, call: build, inputs: { n: \"${{ run.goal }}\" } }\n", &[]),
        (
            "  - { id: c, call: buidl }\n",
            &[
                "main.yaml:6:20 unknown-playbook: there is no playbook `buidl`; did you mean `build`?",
            ],
        ),
        (
            "  - { id: c, call: \"${{ run.goal }}\" }\n",
            &[
                "main.yaml:6:20 bad-value: what is called is known before the run: it is no expression; name the playbook, and choose among steps with `if`",
            ],
        ),
        (
            "  - { id: c, call: build }\n",
            &[
                "main.yaml:6:20 missing-input: `build` needs the input `n`; add `n` of type integer to `inputs`",
            ],
        ),
        (
            "  - { id: c, call: build, inputs: { n: x, m: 1 } }\n",
            &[
                "main.yaml:6:40 wrong-type: the input `n` is of type integer, not a text",
                "main.yaml:6:43 unknown-input: `build` has no input `m`; it takes n, how, words",
            ],
        ),
        (
            "  - { id: c, call: build, inputs: { n: \"v${{ run.goal }}\" } }\n",
            &["main.yaml:6:40 wrong-type: the input `n` is of type integer, not a text"],
        ),
        (
            "  - { id: c, call: build, inputs: { n: 1, how: faster } }\n",
            &["main.yaml:6:48 bad-value: the input `how` is one of \"slow\", \"fast\""],
        ),
        (
            "  - { id: c, call: build, inputs: [] }\n",
            &["main.yaml:6:35 wrong-type: `inputs` must be a mapping, not a list"],
        ),
        (
            "  - { id: c, call: build, inputs: { n: 1 } }\n  - { id: d, if: steps.c.data.lag == ``, tool: git_status, args: { path: . } }\n",
            &["main.yaml:7:18 unknown-name: the data of `c` has no `lag`; there are log"],
        ),
        (
            "  - { id: c, call: build, inputs: { n: 1 }, retry: { attempts: 2 } }\n",
            &[
                "main.yaml:6:45 misplaced-key: `retry` means nothing for a step that calls a playbook",
            ],
        ),
        ("  - { id: c, call: }\n", &["main.yaml:6:14 bad-value: `call` names a playbook"]),
    ];
    for (steps, expected) in cases {
        assert_eq!(&said_of(&files, steps), expected, "{steps}");
    }
}

#[test]
fn what_is_called_may_touch_no_more_than_who_calls() {
    let wide = callee()
        .replace("[git_status, read_text]", "[git_status, write_text]")
        .replace("*.example.net", "a.example.net")
        .replace("[TOKEN]", "[TOKEN, KEY]");
    let steps = "  - { id: c, call: build, inputs: { n: 1 } }\n";
    assert_eq!(
        said_of(&[("build.yaml", wide.clone())], steps),
        [
            "main.yaml:6:20 call-wider: `build` may touch more than this playbook: secrets KEY; add KEY to `permissions.secrets`, or narrow `build`",
            "main.yaml:6:20 call-wider: `build` may touch more than this playbook: tools write_text; add write_text to `permissions.tools`, or narrow `build`",
        ]
    );
    for (host, fits) in [
        ("*.example.net", true),
        ("*.a.example.net", true),
        ("a.example.net", true),
        ("example.net", false),
        ("badexample.net", false),
        ("*.net", false),
    ] {
        let text = callee().replace("*.example.net", host);
        let said = said_of(&[("build.yaml", text)], steps);
        assert_eq!(said.is_empty(), fits, "{host}: {said:?}");
    }
}

#[test]
fn mistakes_of_what_is_called_are_one_mistake_at_the_call() {
    let broken =
        callee().replace("git_status, args", "git_statsu, args").replace("schema: 1", "schema: 2");
    let files = [("build.yaml", broken)];
    let said = said_of(&files, "  - { id: c, call: build }\n");
    assert_eq!(
        said,
        [
            "main.yaml:6:20 called-playbook: `build` has mistakes; the first is playbooks/build.yaml:1:9: schema 2 is not known; this version reads schema 1"
        ]
    );
    // Warnings are none, and neither is that it starts by itself.
    let fine =
        callee() + "schedule: { cron: \"0 7 * * *\" }\nwebhook: { secret: HOOK }\nparallel: 2\n";
    let fine = fine.replace("{ n: { type: integer }", "{ n: { type: integer, default: 1 }");
    assert_eq!(said_of(&[("build.yaml", fine)], "  - { id: c, call: build }\n"), [""; 0]);
}

#[test]
fn calls_do_not_go_in_circles() {
    let call =
        |name: &str, other: &str| playbook(name, &format!("  - {{ id: c, call: {other} }}\n"));
    let files = [
        ("a.yaml", call("a", "b")),
        ("b.yaml", call("b", "a")),
        ("main.yaml", call("main", "main")),
    ];
    assert_eq!(
        said_of(&files, "  - { id: c, call: main }\n"),
        [
            "main.yaml:6:20 call-cycle: playbooks call one another: playbooks/main.yaml calls playbooks/main.yaml"
        ]
    );
    assert_eq!(
        said_of(&files, "  - { id: c, call: a }\n"),
        [
            "main.yaml:6:20 call-cycle: playbooks call one another: playbooks/a.yaml calls playbooks/b.yaml calls playbooks/a.yaml"
        ]
    );
    // A chain of eight is fine, one of nine is not; many ways to the same playbook cost no more than one.
    let mut chain = vec![("p0.yaml".to_owned(), playbook("p0", &format!("  - {STEP}\n")))];
    for depth in 1..12 {
        let below = depth - 1;
        let steps = format!("  - {{ id: c, call: p{below} }}\n  - {{ id: d, call: p{below} }}\n");
        chain.push((format!("p{depth}.yaml"), playbook("p", &steps)));
    }
    let shelf = Shelf(chain.into_iter().collect());
    let main = |top: u32| playbook("main", &format!("  - {{ id: c, call: p{top} }}\n"));
    assert_eq!(said(&shelf, &main(7)), [""; 0]);
    for top in [8, 11] {
        assert_eq!(
            said(&shelf, &main(top)),
            ["main.yaml:6:20 calls-too-deep: playbooks call one another more than 8 deep"]
        );
    }
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let gate = playbook("inner", "  - { id: b, block: [{ id: gate, approval: { prompt: x } }] }\n");
    let middle = playbook("middle", "  - { id: m, call: inner }\n");
    let files = [("inner.yaml", gate), ("middle.yaml", middle)];
    let steps = "  - { id: c, call: middle }\nschedule: { cron: \"0 7 * * *\" }\n";
    assert_eq!(
        said_of(&files, steps),
        [
            "main.yaml:6:5 approval-unattended: `c` calls `middle`, where `m` calls `inner`, where `gate` waits for a person, and a scheduled run has nobody near; remove the approval or the schedule"
        ]
    );
    assert_eq!(said_of(&files, "  - { id: c, call: middle }\n"), [""; 0]);
}

#[test]
fn text_from_tools_stays_out_of_the_shells_of_what_is_called() {
    let runs = |command: &str| {
        playbook("sh", &format!("  - {{ id: r, tool: shell_exec, args: {{ command: {command} }} }}\ninputs: {{ word: {{ type: string }} }}\n"))
            .replace("read_text]", "shell_exec]")
    };
    let through = playbook("through", "  - { id: c, call: sh, inputs: { word: \"${{ inputs.text }}\" } }\ninputs: { text: { type: string } }\n")
        .replace("read_text]", "shell_exec]");
    let steps = |call: &str| {
        format!(
            "  - {STEP}\n  - {{ id: c, call: {call}: \"${{{{ steps.a.data.branch }}}}\" }} }}\n"
        )
    };
    let main = |call: &str| playbook("main", &steps(call)).replace("read_text]", "shell_exec]");
    let line = shelf(&[
        ("sh.yaml", runs("\"echo ${{ inputs.word }}\"")),
        ("through.yaml", through.clone()),
    ]);
    let list =
        shelf(&[("sh.yaml", runs("[echo, \"${{ inputs.word }}\"]")), ("through.yaml", through)]);
    for (call, name) in [("sh, inputs: { word", "sh"), ("through, inputs: { text", "through")] {
        let said_line = said(&line, &main(call));
        assert!(
            said_line.len() == 1 && said_line[0].contains("untrusted-in-shell"),
            "{said_line:?}"
        );
        assert!(said_line[0].contains(&format!("`{name}`")), "{said_line:?}");
        assert_eq!(said(&list, &main(call)), [""; 0]);
    }
}

fn fragment(steps: &str) -> String {
    format!("schema: 1\nsteps:\n{steps}")
}

#[test]
fn the_steps_of_a_fragment_stand_where_it_is_included() {
    let files = [
        ("fragments/x.yaml", fragment(&format!("  - {STEP}\n  - include: y.yml\n"))),
        ("y.yml", fragment("  - { id: y, if: steps.a.ok, tool: git_status, args: { path: . } }\n")),
    ];
    let steps = "  - include: fragments/x.yaml\n  - { id: z, if: steps.y.ok, block: [{ id: q, tool: git_status, args: { path: . } }], always: [{ tool: git_status, args: { path: . } }] }\n";
    let linted = lint_with(&shelf(&files), &playbook("main", steps));
    assert_eq!(linted.diagnostics, []);
    let playbook = linted.playbook.unwrap();
    let all: Vec<(&str, Option<&str>)> =
        playbook.all_steps().map(|step| (step.id.as_str(), step.fragment.as_deref())).collect();
    assert_eq!(
        all,
        [
            ("a", Some("playbooks/fragments/x.yaml")),
            ("y", Some("playbooks/y.yml")),
            ("z", None),
            ("q", None),
            ("z.always[0]", None),
        ]
    );
    let used: Vec<(&str, &str)> =
        linted.sources.iter().map(|used| (used.name.as_str(), used.path.as_str())).collect();
    assert_eq!(
        used,
        [("fragments/x.yaml", "playbooks/fragments/x.yaml"), ("y.yml", "playbooks/y.yml")]
    );
}

#[test]
fn mistakes_in_fragments_have_the_fragments_file_and_place() {
    let broken = fragment(
        "  - { id: a, tool: git_status, args: { path: \"${{ steps.zz.ok }}\" }, tmeout: 5s }\n  - { id: b, foreach: { in: \"${{ run.goal }}\", as: x }, tool: list_dir, args: { path: . } }\n  - { id: s, needs: [q], approval: { prompt: \"${secret:KEY}\", rewind_to: w } }\n",
    );
    let files = [("f.yaml", broken), ("tree.yaml", "schema: 1\nsteps: [\n".to_owned())];
    let said_all = said_of(
        &files,
        "  - { id: a, tool: git_status, args: { path: . } }\n  - include: f.yaml\n  - include: tree.yaml\n",
    );
    let places: Vec<&str> = said_all.iter().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(
        places,
        [
            "f.yaml:3:11 duplicate-id",
            "f.yaml:3:46 wrong-type",
            "f.yaml:3:51 unknown-step",
            "f.yaml:3:70 unknown-key",
            "f.yaml:4:23 unbounded-foreach",
            "f.yaml:4:63 not-permitted",
            "f.yaml:5:22 unknown-step",
            "f.yaml:5:46 undeclared-secret",
            "f.yaml:5:74 unknown-step",
            "tree.yaml:3:1 yaml-syntax",
        ],
        "{said_all:#?}"
    );
}

#[test]
fn fragments_stay_in_their_directory_and_end_somewhere() {
    let files = [
        ("a.yaml", fragment("  - include: b.yaml\n")),
        ("b.yaml", fragment("  - include: a.yaml\n")),
        ("d1.yaml", fragment("  - include: d2.yaml\n")),
        ("d2.yaml", fragment("  - include: d3.yaml\n")),
        ("d3.yaml", fragment("  - include: d4.yaml\n")),
        ("d4.yaml", fragment("  - include: d5.yaml\n")),
        ("d5.yaml", fragment(&format!("  - {STEP}\n"))),
        ("playbook.yaml", playbook("x", &format!("  - {STEP}\n"))),
        ("empty.yaml", "schema: 1\nsteps: []\n".to_owned()),
        ("list.yaml", "- 1\n".to_owned()),
        ("other.yaml", "schema: 3\nstep: []\n".to_owned()),
    ];
    let cases: &[(&str, &[&str])] = &[
        (
            "a.yaml",
            &["b.yaml:3:14 include-cycle: fragments include one another: a.yaml, b.yaml, a.yaml"],
        ),
        ("d1.yaml", &["d4.yaml:3:14 too-deep: fragments include one another more than 4 deep"]),
        ("d2.yaml", &[]),
        (
            "nope.yaml",
            &[
                "main.yaml:6:14 unknown-fragment: there is no fragment `nope.yaml`: there is no such file",
            ],
        ),
        (
            "playbook.yaml",
            &[
                "playbook.yaml:1:1 not-a-fragment: this is a playbook and no fragment: a fragment has `schema` and `steps`; run it as a step of its own with `call`",
            ],
        ),
        ("empty.yaml", &["empty.yaml:1:1 empty: a fragment has at least one step"]),
        ("list.yaml", &["list.yaml:1:1 wrong-type: a fragment must be a mapping, not a list"]),
        (
            "other.yaml",
            &[
                "other.yaml:1:1 missing-key: a fragment needs `steps`; write `steps` for `step`",
                "other.yaml:1:1 unknown-schema: schema 3 is not known; this version reads schema 1",
                "other.yaml:2:1 unknown-key: a fragment has no key `step`; did you mean `steps`?",
            ],
        ),
        ("d2.yaml, if: x", &["main.yaml:6:24 unknown-key: an include has no key `if`"]),
        (
            "1",
            &[
                "main.yaml:6:14 wrong-type: `include` must be a text, not a whole number; put it in quotes to make it a text",
            ],
        ),
        ("", &["main.yaml:6:5 missing-key: an include needs `include`"]),
    ];
    let step = |include: &str| match include.contains(',') {
        true => format!("  - {{ include: {include} }}\n").replace("{ include", "{include"),
        false => format!("  - include: {include}\n"),
    };
    for (include, expected) in cases {
        assert_eq!(&said_of(&files, &step(include)), expected, "{include}");
    }
    for path in [
        "../x.yaml",
        "a/../../x.yaml",
        "/etc/x.yaml",
        "./x.yaml",
        "a//x.yaml",
        "a\\\\x.yaml",
        "c:x.yaml",
        "x.txt",
        "a/..",
        "~/x",
    ] {
        let said = said_of(&files, &format!("  - include: \"{path}\"\n"));
        assert!(said.len() == 1 && said[0].contains("bad-include"), "{path}: {said:?}");
    }
}

#[test]
fn fragments_that_multiply_are_cut_off() {
    let twice = |name: &str| fragment(&format!("  - include: {name}\n").repeat(30));
    let files = [
        ("a.yaml", twice("b.yaml")),
        ("b.yaml", twice("c.yaml")),
        ("c.yaml", fragment("  - { tool: git_status, args: { path: . } }\n")),
    ];
    let text = playbook("main", &format!("  - {STEP}\nalways:\n  - include: a.yaml\n"));
    let said_all = said(&shelf(&files), &text);
    assert!(said_all.iter().any(|line| line.contains("too-many-includes")), "{said_all:#?}");
    // Steps of fragments count like others.
    let many = fragment(&"  - { tool: git_status, args: { path: . } }\n".repeat(400));
    let text =
        playbook("main", &format!("  - {STEP}\nalways:\n{}", "  - include: a.yaml\n".repeat(3)));
    let said_all = said(&shelf(&[("a.yaml", many)]), &text);
    assert!(said_all.iter().any(|line| line.contains("too-many-steps")), "{said_all:#?}");
}

#[test]
fn what_was_used_is_enough_to_read_it_again() {
    let files = [
        ("build.yaml", callee().replace(&format!("  - {STEP}\n"), "  - include: f.yaml\n")),
        ("f.yaml", fragment(&format!("  - {STEP}\n"))),
        ("g.yaml", fragment("  - { id: c, call: build, inputs: { n: 1 } }\n")),
    ];
    let text = playbook("main", "  - include: g.yaml\n");
    let first = lint_with(&shelf(&files), &text);
    assert_eq!(first.diagnostics, []);
    let pinned = Pinned::new(
        first.sources.iter().cloned().map(|used| (used.kind, used.name, used.path, used.text)),
    );
    let again = lint("playbooks/main.yaml", &text, &vocabulary(), &LintLimits::default(), &pinned);
    assert_eq!(again, first);
    assert_eq!(first.called["build"].name, "build");
    let without =
        lint("playbooks/main.yaml", &text, &vocabulary(), &LintLimits::default(), &NoLibrary);
    assert!(without.playbook.is_none());
}

proptest! {
    /// Whatever stands in a fragment, lint ends and names places.
    #[test]
    fn any_fragment_is_read_or_refused(text in "(schema: 1\nsteps:\n)?([ -~\n]|- include: f.yaml\n|block: ){0,60}") {
        let linted = lint_with(&shelf(&[("f.yaml", text)]), &playbook("main", "  - include: f.yaml\n"));
        prop_assert!(linted.diagnostics.iter().all(|d| d.line >= 1 && d.column >= 1));
    }
}
