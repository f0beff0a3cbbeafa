//! How what is stored is shown, also when its texts were forgotten.

use super::place::{Place, RISKY};
use crate::contracts::views::ApprovalView;
use crate::contracts::{RunId, RunStatus};
use crate::orchestrator::{ApprovalViews, Control, run_detail, tell};

const LOOPED_GATE: &str = r#"
schema: 1
name: gated
description: Waits for a person.
permissions: { tools: [list_dir], read: ["."] }
steps:
  - id: each
    foreach: { in: [1], as: one, limit: 1 }
    block:
      - id: gate
        approval: { prompt: "Go on?" }
"#;

fn question(place: &Place) -> ApprovalView {
    let services = place.services();
    let reader = services.store.reader();
    let found = reader.approvals(None, None, 10).unwrap();
    let [info] = &found[..] else { panic!("{found:?}") };
    ApprovalViews::new(reader, &services.vocabulary()).view(info.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_is_its_own_rule_wherever_it_stands() {
    let place = Place::new();
    let run = place.accept(LOOPED_GATE);
    assert_eq!(place.drive(run).await.status, RunStatus::WaitingApproval);
    let shown = question(&place);
    assert_eq!((shown.step.as_str(), &shown.rules[..]), ("each[0]/gate", &["gate".to_owned()][..]));
    assert!(shown.tool.is_none() && shown.args.is_none(), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_whose_texts_were_forgotten_is_shown_without_them() {
    let place = Place::new();
    let run = place.accept(RISKY);
    assert_eq!(place.drive(run).await.status, RunStatus::WaitingApproval);
    let asked = question(&place);
    assert!(asked.args.is_some() && !asked.rules.is_empty(), "{asked:?}");

    end(&place, run).await;
    let services = place.services();
    services.store.forget_run_texts(run, services.clock.now()).unwrap();
    let shown = question(&place);
    assert_eq!((&shown.tool, &shown.rules, shown.args), (&asked.tool, &asked.rules, None));
    assert_eq!(shown.tool.as_deref(), Some("shell_exec"));
    let detail = run_detail(services.store.reader(), run).unwrap();
    assert_eq!(detail.status, RunStatus::Cancelled);
}

async fn end(place: &Place, run: RunId) {
    let control = Control::Cancel { by: "test".to_owned(), reason: None };
    tell(place.services(), run, control).await.unwrap();
    assert_eq!(place.drive(run).await.status, RunStatus::Cancelled);
}
