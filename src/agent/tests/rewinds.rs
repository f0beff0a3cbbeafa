//! Gates that send a list back.

use std::sync::Arc;

use super::make::{after, gate, journal, program, scripts, told, tool};
use crate::agent::program::Step;
use crate::agent::simulation::{Script, folded};

fn reviewed() -> Vec<Step> {
    vec![tool("a"), tool("b"), gate("ok", "b", 2), tool("c")]
}

fn comments(comments: u32) -> Script {
    Script { comments, answer: true, ..Script::default() }
}

#[test]
fn a_comment_sends_back_as_often_as_is_allowed() {
    let back = "start a,run a,ok a,start b,run b,ok b,start ok,ask ok,no again, 1,start b 2,run b,ok b,start ok 2,ask ok,";
    let cases = [
        (1, "yes,ok ok,start c,run c,ok c,end succeeded -"),
        (
            3,
            "no again, 2,start b 3,run b,ok b,start ok 3,ask ok,no again, 3,fail ok rejected,end denied ok",
        ),
    ];
    for (count, rest) in cases {
        let told = told(program(reviewed()), &scripts([("ok", comments(count))]), Vec::new());
        assert_eq!(told.join(","), format!("{back}{rest}"));
    }
}

#[test]
fn a_plain_no_is_final() {
    let no = Script { answer: false, ..Script::default() };
    let told = told(program(reviewed()), &scripts([("ok", no)]), Vec::new());
    assert_eq!(told.last().unwrap(), "end denied ok");
    assert!(!told.contains(&"start b 2".to_owned()));
}

#[test]
fn in_a_graph_only_what_needs_the_target_is_done_again() {
    let steps = vec![
        tool("a"),
        tool("other"),
        after(&["a"], tool("b")),
        after(&["b", "other"], gate("ok", "a", 2)),
    ];
    let told = told(program(steps), &scripts([("ok", comments(1))]), Vec::new());
    let count = |line: &str| told.iter().filter(|it| *it == line).count();
    assert_eq!((count("run a"), count("run b"), count("run other")), (2, 2, 1));
}

#[test]
fn the_state_tells_the_newest_comment_and_retries_count_from_the_rewind() {
    let mut steps = reviewed();
    steps[1].retry.attempts = 2;
    let flaky = Script { fails: 1, retryable: true, ..Script::default() };
    let program = program(steps);
    let of = scripts([("ok", comments(2)), ("b", flaky)]);
    let state = folded(&Arc::new(program.clone()), &journal(program, &of, Vec::new()));
    assert_eq!(state.feedback.as_deref(), Some("again, 2"));
    assert_eq!(state.rewinds.get("ok"), Some(&2));
    assert_eq!(state.nodes["b"].attempt, 4, "two tries, then one each");
    assert_eq!(state.used.retries, 1);
}
