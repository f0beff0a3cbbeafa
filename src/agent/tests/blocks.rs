//! Blocks: `rescue`, `always`, failures that nothing makes up for, stops.

use super::make::{after, block, body, each, fails, program, scripts, told, tool};
use crate::agent::program::Step;
use crate::agent::simulation::{Script, Signal};
use crate::contracts::{Effect, ErrorKind};

fn guarded() -> Vec<Step> {
    let inside = body(vec![tool("a"), tool("b")], vec![tool("r")], vec![tool("z")]);
    vec![block("blk", inside), tool("next")]
}

#[test]
fn what_a_block_does_after_its_steps() {
    let io = || fails(ErrorKind::Io);
    let denied = || Script { verdict: Effect::Deny, ..Script::default() };
    let well = "start blk,run blk/a,ok blk/a,run blk/b,ok blk/b,run blk/z,ok blk/z,ok blk,run next,ok next,end succeeded -";
    let rescued = "start blk,run blk/a,fail blk/a io,run blk/r,ok blk/r,run blk/z,ok blk/z,ok blk,run next,ok next,end succeeded -";
    let unrescued = "start blk,run blk/a,fail blk/a io,run blk/r,fail blk/r timeout,run blk/z,ok blk/z,fail blk io,end failed blk/a";
    let refused = "start blk,run blk/a,ok blk/a,fail blk/b denied,run blk/z,ok blk/z,fail blk denied,end denied blk/b";
    let refused_in_rescue = "start blk,run blk/a,fail blk/a io,fail blk/r denied,run blk/z,ok blk/z,fail blk denied,end denied blk/r";
    let untidy = "start blk,run blk/a,ok blk/a,run blk/b,ok blk/b,run blk/z,fail blk/z io,fail blk io,end failed blk/z";
    let cases = [
        (scripts([]), well),
        (scripts([("a", io())]), rescued),
        (scripts([("a", io()), ("r", fails(ErrorKind::Timeout))]), unrescued),
        (scripts([("b", denied())]), refused),
        (scripts([("a", io()), ("r", denied())]), refused_in_rescue),
        (scripts([("z", io())]), untidy),
    ];
    for (scripts, expected) in cases {
        assert_eq!(short(told(program(guarded()), &scripts, Vec::new())), expected);
    }
}

/// Without the lines that only say that a leaf began.
fn short(told: Vec<String>) -> String {
    let leaf = |line: &String| line.starts_with("start ") && !line.ends_with("blk");
    told.into_iter().filter(|line| !leaf(line)).collect::<Vec<_>>().join(",")
}

#[test]
fn a_stop_ends_a_block_and_its_always_runs_unless_it_is_stopped_twice() {
    let cases = [
        (1, "run blk/z,ok blk/z,fail blk cancelled,end cancelled -"),
        (2, "fail blk cancelled,end cancelled -"),
    ];
    for (times, expected) in cases {
        let signals = vec![(8, Signal::Cancel); times];
        let told = short(told(program(guarded()), &scripts([]), signals));
        assert!(told.ends_with(expected), "{told}");
        assert!(!told.contains("run blk/r") && !told.contains("next"), "{told}");
    }
}

#[test]
fn each_item_of_a_loop_over_a_block_is_an_instance_of_its_own() {
    let inner = block("blk", body(vec![each(1, tool("in"))], vec![], vec![tool("z")]));
    let told = told(program(vec![each(1, inner)]), &scripts([]), Vec::new());
    let runs: Vec<&String> = told.iter().filter(|line| line.starts_with("run")).collect();
    assert_eq!(
        runs,
        [
            "run blk[0]/in[0]",
            "run blk[0]/in[1]",
            "run blk[0]/z",
            "run blk[1]/in[0]",
            "run blk[1]/in[1]",
            "run blk[1]/z"
        ]
    );
}

#[test]
fn the_cause_is_the_innermost_step_and_a_failed_instance_ends_the_loop() {
    let inner = block("blk", body(vec![tool("in")], vec![], vec![]));
    let io = scripts([("in", fails(ErrorKind::Io))]);
    let told = told(program(vec![each(1, inner)]), &io, Vec::new());
    assert_eq!(told.last().unwrap(), "end failed blk[0]/in");
    assert!(told.contains(&"fail blk io".to_owned()) && !told.iter().any(|it| it.contains("[1]")));
}

#[test]
fn a_block_that_may_fail_lets_the_run_go_on() {
    let inside = block("blk", body(vec![tool("in")], vec![], vec![]));
    let steps = vec![Step { continue_on_error: true, ..inside }, after(&["blk"], tool("next"))];
    let told = told(program(steps), &scripts([("in", fails(ErrorKind::Io))]), Vec::new());
    assert_eq!(
        short(told),
        "start blk,run blk/in,fail blk/in io,fail blk io,run next,ok next,end succeeded -"
    );
}
