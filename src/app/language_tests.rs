//! What needs an answer of its own: going back after a no with a comment.
#![allow(clippy::disallowed_methods, reason = "tests name their own directories")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::place::Place;
use crate::contracts::Outcome;
use crate::orchestrator::{Answer, Answerer, Driver, Observer, Question, Run, RunEnd};

/// Answers in this order, then nothing.
struct Says(Mutex<Vec<(bool, Option<&'static str>)>>);

impl Answerer for Says {
    fn answer(&self, _: &Question) -> Option<Answer> {
        let mut left = self.0.lock().unwrap();
        if left.is_empty() {
            return None;
        }
        let (approved, reason) = left.remove(0);
        Some(Answer { approved, by: "test".to_owned(), reason: reason.map(str::to_owned) })
    }
}

/// A workspace in which somebody answers.
struct Desk(Place);

impl Desk {
    async fn run(&self, source: &str, says: &[(bool, Option<&'static str>)]) -> (RunEnd, Run) {
        let services = self.0.services();
        let run = self.0.accept(source);
        let answerer = Arc::new(Says(Mutex::new(says.to_vec())));
        let observer: Observer = Arc::new(|_, _| {});
        let driver = Driver::open(Arc::clone(services), answerer, observer, run).await.unwrap();
        let (_nobody, stop) = watch::channel(0);
        let end = driver.drive(stop).await.unwrap();
        (end, Run::load(services, run).unwrap())
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.root.join(name)).unwrap()
    }
}

const DRAFT: &str = r#"
schema: 1
name: draft
description: Writes a draft until a person likes it.
permissions: { tools: [write_text], write: ["reports/"] }
steps:
  - id: draft
    tool: write_text
    args: { path: reports/draft, mode: append, text: "[${{ inputs.feedback }}]" }
  - id: early
    approval: { prompt: "Good so far?", ttl: 1h }
  - id: gate
    approval: { prompt: "Publish?", ttl: 1h, rewind_to: draft, attempts: 2 }
  - { id: publish, tool: write_text, args: { path: reports/done, text: x } }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_no_with_a_comment_has_the_steps_before_done_again_with_the_comment() {
    let desk = Desk(Place::new());
    let says = [(true, None), (false, Some("shorter")), (true, None), (true, None)];
    let (end, run) = desk.run(DRAFT, &says).await;
    let report = end.report.unwrap();
    assert_eq!(report.outcome, Outcome::Succeeded, "{}", report.summary);
    assert_eq!(desk.read("reports/draft"), "[][shorter]");
    let paths: Vec<&str> = report.steps.iter().map(|line| line.path.as_str()).collect();
    assert_eq!(paths, ["draft", "early", "gate", "publish"], "each step stands there once");
    let keys: BTreeSet<&str> = run
        .record
        .calls
        .values()
        .filter(|call| call.requested.path == "draft")
        .map(|call| call.requested.idempotency_key.as_str())
        .collect();
    assert_eq!(keys.len(), 2, "done again on purpose is another effect: {keys:?}");
    assert!(run.record.open_questions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_going_back_the_questions_that_are_open_are_those_asked_anew() {
    let desk = Desk(Place::new());
    let says = [(true, None), (false, Some("again"))];
    let (end, run) = desk.run(DRAFT, &says).await;
    assert!(end.report.is_none());
    let open = run.record.open_questions();
    let paths: Vec<&str> = open.iter().map(|(subject, _)| subject.path.as_str()).collect();
    assert_eq!(paths, ["early"], "it was answered before, and is asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_without_a_comment_or_out_of_attempts_is_a_no() {
    for (says, draft) in [
        (&[(true, None), (false, None)][..], "[]"),
        (&[(true, None), (false, Some("  "))], "[]"),
        (
            &[
                (true, None),
                (false, Some("a")),
                (true, None),
                (false, Some("b")),
                (true, None),
                (false, Some("c")),
            ],
            "[][a][b]",
        ),
    ] {
        let desk = Desk(Place::new());
        let (end, _) = desk.run(DRAFT, says).await;
        assert_eq!(end.report.unwrap().outcome, Outcome::Denied);
        assert_eq!(desk.read("reports/draft"), draft);
    }
}
