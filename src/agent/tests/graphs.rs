//! Graphs: what is over before what, how much at once, and what a failure stops.

use super::make::{after, fails, program, scripts, told, tool};
use crate::agent::program::Step;
use crate::agent::simulation::{Script, Scripts};
use crate::contracts::ErrorKind;

fn diamond() -> Vec<Step> {
    vec![
        tool("a"),
        after(&["a"], tool("b")),
        after(&["a"], tool("c")),
        after(&["b", "c"], tool("d")),
    ]
}

fn places(scripts: &Scripts, steps: Vec<Step>, lines: [&str; 4]) -> Vec<Option<usize>> {
    let told = told(program(steps), scripts, Vec::new());
    lines.iter().map(|line| told.iter().position(|it| it == line)).collect()
}

#[test]
fn a_step_begins_when_what_it_needs_is_over_and_beside_what_it_does_not_need() {
    let places = places(&scripts([]), diamond(), ["ok a", "start b", "start c", "start d"]);
    let [Some(a), Some(b), Some(c), Some(d)] = places[..] else { panic!("{places:?}") };
    assert!(a < b && b < d && a < c && c < d, "{a} {b} {c} {d}");
}

#[test]
fn a_skipped_step_and_one_that_may_fail_count_as_over() {
    let mut steps = diamond();
    steps[2].continue_on_error = true;
    let skipped = Script { skipped: true, ..Script::default() };
    let of = scripts([("b", skipped), ("c", fails(ErrorKind::Io))]);
    let places = places(&of, steps, ["skip b", "fail c io", "ok d", "end succeeded -"]);
    assert!(places.iter().all(Option::is_some), "{places:?}");
}

#[test]
fn after_a_failure_nothing_begins_and_what_is_at_work_ends() {
    let of = scripts([("b", fails(ErrorKind::Io))]);
    let places = places(&of, diamond(), ["fail b io", "ok c", "start d", "end failed b"]);
    assert!(places[0].is_some() && places[1].is_some() && places[3].is_some(), "{places:?}");
    assert_eq!(places[2], None);
}
