//! Any reply of a model is a plan or a reason why it is none; what is found good can be carried out.
#![no_main]

use std::collections::BTreeSet;

use bailiwick::planning::{Ground, PlanLimits, Round, check, playbook_of, read};
use bailiwick::playbook::{LintLimits, NoLibrary, lint};
use bailiwick::tools::vocabulary;

const GOAL: &str = "schema: 1\nname: goal\ndescription: d\npermissions: { tools: [list_dir, write_text] }\ngoal: g\n";

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(plan) = read(text) else { return };
    let vocabulary = vocabulary();
    let tools: BTreeSet<String> = vocabulary.names().map(str::to_owned).collect();
    let limits =
        PlanLimits { steps: 12, rounds: 8, parallel: 4, context_tokens: 1_000, reply_tokens: 1_000 };
    let ground = Ground {
        round: 1,
        vocabulary: &vocabulary,
        tools: &tools,
        fits: &|_, _| Ok(()),
        earlier: &BTreeSet::new(),
        limits,
        steps_left: 20,
    };
    let Ok(draft) = check(&plan, &ground) else { return };
    assert!(draft.steps.len() <= 12);
    let lint_limits = LintLimits::default();
    let linted = lint("goal.yaml", GOAL, &vocabulary, &lint_limits, &NoLibrary);
    let playbook = linted.playbook.expect("the goal is a playbook");
    let round = Round { number: 1, draft, gate: None, parallel: 4 };
    let _ = playbook_of(&playbook, &[round], &vocabulary, &lint_limits);
});
