//! Decisions of real runs, read back and judged again.
#![allow(clippy::disallowed_methods, reason = "tests name their own directories")]

use super::place::{Place, RISKY};
use crate::contracts::{Decision, Effect, RunStatus, Timestamp};
use crate::live::{LayerDirs, Signing, compile_candidate};
use crate::orchestrator::{
    Backtest, Decisions, Flips, Kind, Missing, Recorded, UndoRequest, UndoTarget, backtest,
    decisions_of, undo,
};
use crate::policy::{Options, PolicySet};

fn all(place: &Place) -> Vec<Recorded> {
    let store = place.services().store.reader();
    Decisions::since(store, Timestamp::from_ms(0)).collect::<Result<_, _>>().unwrap()
}

/// Each decision with facts comes out the same by the rules it was made by.
fn assert_same_again(place: &Place, recorded: &[Recorded]) {
    let set = place.services().policy.current();
    for one in recorded {
        let Some(request) = &one.request else { continue };
        let again = Decision { evaluated_us: one.decision.evaluated_us, ..set.decide(request) };
        assert_eq!(again, one.decision, "{}", one.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_of_a_run_comes_out_the_same_again() {
    const READS: &str = r#"
schema: 1
name: reads
description: Reads in an expression, writes and calls again.
permissions: { tools: [list_dir, write_text], read: ["."], write: ["build/"] }
steps:
  - { id: look, if: 'exists("build")', tool: list_dir, args: { path: build } }
  - { id: again, tool: list_dir, args: { path: "." } }
  - { id: write, tool: write_text, args: { path: build/a.txt, text: hello } }
"#;
    let place = Place::new();
    let run = place.accept(READS);
    assert_eq!(place.drive(run).await.status, RunStatus::Succeeded);
    let asked = place.accept(RISKY);
    assert_eq!(place.drive(asked).await.status, RunStatus::WaitingApproval);
    let wanted = UndoRequest {
        target: UndoTarget::Run(run),
        dry_run: false,
        whole: false,
        by: None,
        trigger: crate::contracts::Trigger::Person,
    };
    undo(place.services(), &wanted).unwrap();
    let recorded = all(&place);
    let mut paths: Vec<&str> = recorded.iter().map(|one| one.path.as_str()).collect();
    paths.sort_unstable();
    let file = place.root.join("build/a.txt").display().to_string();
    assert_eq!(paths, [file.as_str(), "again", "look", "look#read", "remove", "write"]);
    assert!(recorded.iter().all(|one| one.request.is_some() && !one.struck));
    assert_same_again(&place, &recorded);
    let before = |path: &str| {
        let one = recorded.iter().find(|one| one.path == path).unwrap();
        one.request.as_ref().unwrap().run.calls.values().map(Vec::len).sum::<usize>()
    };
    assert_eq!((before("look"), before("again"), before("write")), (0, 1, 2));
    let one = recorded.iter().find(|one| one.path == "write").unwrap();
    let store = place.services().store.reader();
    assert_eq!(decisions_of(store, one.call_id).unwrap(), std::slice::from_ref(one));
}

/// Rules that let three files be written which nothing lets be written.
const LOOSER: &str = "schema: 1
rules:
  - id: loose.HOST
    effect: allow
    on: { tool: [write_text] }
    when: { arg: { path: { equals: /tmp/HOST } } }
    reason: for the test
    match: [ { tool: write_text, args: { path: /tmp/HOST, text: x } } ]
    not_match: [ { tool: write_text, args: { path: /tmp/other, text: x } } ]
";

const FILES: [&str; 3] = ["one", "two", "three"];

/// A playbook that writes a file which nothing lets be written.
fn outside(name: &str) -> String {
    const OUTSIDE: &str = r#"
schema: 1
name: outside
description: Writes a file that is for nobody to write.
permissions: { tools: [write_text], write: ["/tmp"] }
steps:
  - { id: write, tool: write_text, args: { path: /tmp/NAME, text: x } }
"#;
    OUTSIDE.replace("NAME", name)
}

fn candidate(place: &Place) -> PolicySet {
    let dir = place.root.join("candidate");
    std::fs::create_dir(&dir).unwrap();
    for name in FILES {
        std::fs::write(dir.join(format!("{name}.yaml")), LOOSER.replace("HOST", name)).unwrap();
    }
    let dirs = LayerDirs {
        system: place.root.join("none"),
        user: None,
        workspace: None,
        signing: Signing::default(),
    };
    let options = Options { trusted: true, ..Options::default() };
    compile_candidate(&dirs, &dir, "candidate", &place.services().vocabulary(), &options)
        .unwrap()
        .set
}

fn judged_again(place: &Place, new: &PolicySet, accepted: &[&str], limit: usize) -> Flips {
    let old = place.services().policy.current();
    let accepted: Vec<String> = accepted.iter().map(|name| (*name).to_owned()).collect();
    let since = Timestamp::from_ms(0);
    let asked = Backtest { old: &old, new, since, accepted: &accepted, limit };
    backtest(place.services().store.reader(), asked).unwrap()
}

/// Decisions of each of two runs, 500 at most; `BAILIWICK_SOAK_DECISIONS` asks for more than a few.
fn looks() -> usize {
    let asked = std::env::var("BAILIWICK_SOAK_DECISIONS").ok();
    asked.map_or(50, |looks| looks.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backtest_finds_exactly_what_a_candidate_loosens() {
    const MANY: &str = r#"
schema: 1
name: many
description: Looks again and again.
permissions: { tools: [list_dir], read: ["."] }
budget: { steps: 600 }
steps:
  - id: each
    foreach: { in: [LIST], as: item, limit: 500, parallel: 8 }
    tool: list_dir
    args: { path: build }
"#;
    let place = Place::new();
    let list: Vec<String> = (0..looks()).map(|n| n.to_string()).collect();
    for _ in 0..2 {
        let run = place.accept(&MANY.replace("LIST", &list.join(", ")));
        assert_eq!(place.drive(run).await.status, RunStatus::Succeeded);
    }
    for name in FILES {
        let run = place.accept(&outside(name));
        assert_eq!(place.drive(run).await.status, RunStatus::Denied);
    }
    let recorded = all(&place);
    let made = 2 * looks() + FILES.len();
    assert_eq!(recorded.len(), made);
    assert_same_again(&place, &recorded);
    let new = candidate(&place);
    let flips = judged_again(&place, &new, &[], 10);
    assert_eq!((flips.judged, flips.drifted, flips.without_facts.len()), (made as u64, 0, 0));
    let found = &flips.flips[&Kind::NewlyAllowed];
    let mut rules: Vec<&str> = found.iter().map(|flip| flip.rules[0].id.as_str()).collect();
    rules.sort_unstable();
    assert_eq!(rules, ["loose.one", "loose.three", "loose.two"]);
    assert!(found.iter().all(|flip| (flip.was, flip.now) == (Effect::Deny, Effect::Allow)));
    assert_eq!((flips.counts.len(), flips.is_accepted()), (1, false));
    assert_eq!(flips.unused, Vec::<String>::new());
    let call = found.iter().find(|flip| flip.rules[0].id == "loose.two").unwrap().call_id;
    let named = ["loose.one", "loose.three", &call.to_string()];
    let flips = judged_again(&place, &new, &named, 1);
    assert_eq!((flips.is_accepted(), flips.count(Kind::Accepted)), (true, 3));
    assert_eq!(flips.flips[&Kind::Accepted].len(), 1, "the limit bounds what is listed");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_on_trial_decide_nothing_and_what_they_say_otherwise_is_recorded() {
    const LOOK: &str = r#"
schema: 1
name: look
description: Looks.
permissions: { tools: [list_dir], read: ["."] }
steps:
  - { id: look, tool: list_dir, args: { path: build } }
"#;
    const STRICT: &str = "schema: 1
rules:
  - id: trial.no-looking
    effect: deny
    on: { tool: [list_dir] }
    reason: on trial
    match: [ { tool: list_dir, args: { path: build } } ]
    not_match: [ { tool: read_text, args: { path: build } } ]
";
    let place = Place::with(&["policy.shadow=trial"]);
    let looks = async || {
        let run = place.accept(LOOK);
        assert_eq!(place.drive(run).await.status, RunStatus::Succeeded);
        all(&place).remove(0).shadow
    };
    assert_eq!(looks().await, None, "there is no directory");
    std::fs::create_dir(place.root.join("trial")).unwrap();
    let file = place.root.join("trial/strict.yaml");
    std::fs::write(&file, STRICT).unwrap();
    let shadow = looks().await.unwrap();
    assert_eq!((shadow.effect, shadow.rules[0].id.as_str()), (Effect::Deny, "trial.no-looking"));
    std::fs::write(&file, "schema: 1\nrules: nothing\n").unwrap();
    assert_eq!(looks().await, None, "broken rules are not asked");
    let trial = place.services().trial.as_ref().unwrap();
    assert!(!trial.errors().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_without_facts_is_counted_and_said() {
    let place = Place::new();
    let run = place.accept(&outside("two"));
    assert_eq!(place.drive(run).await.status, RunStatus::Denied);
    let services = place.services();
    services.store.forget_run_texts(run, services.clock.now()).unwrap();
    let new = candidate(&place);
    let flips = judged_again(&place, &new, &[], 10);
    assert_eq!(flips.judged, 0);
    assert_eq!(flips.without_facts[Missing::Forgotten.as_str()], 1);
}
