//! What a command may use, and what becomes of one that wants more.

use std::time::{Duration, Instant};

use bailiwick::ports::Ending;

use super::{run, shell, spec, text};

#[test]
fn output_is_cut_and_the_command_goes_on() {
    let mut flood = shell("head -c 3000000 /dev/zero; head -c 10 /dev/zero >&2; exit 4");
    flood.limits.output_bytes = 1000;
    let output = run(&flood).unwrap();
    assert_eq!(output.ending, Ending::Exited(4));
    assert_eq!((output.stdout.len(), output.stderr.len()), (1000, 10));
    assert!(output.truncated);
    let exact = {
        let mut exact = shell("head -c 1000 /dev/zero");
        exact.limits.output_bytes = 1000;
        run(&exact).unwrap()
    };
    assert_eq!((exact.stdout.len(), exact.truncated), (1000, false));
}

#[test]
fn an_endless_flood_ends_with_its_time() {
    let mut flood = spec(&["yes"]);
    flood.limits.wall_ms = 1_000;
    let output = run(&flood).unwrap();
    assert_eq!(output.ending, Ending::TimedOut);
    assert!(output.truncated);
}

#[test]
fn input_reaches_the_command_whether_it_reads_or_not() {
    let mut cat = spec(&["cat"]);
    cat.stdin = (0..500_000_u32).flat_map(u32::to_le_bytes).collect();
    cat.limits.output_bytes = 8 << 20;
    assert!(run(&cat).unwrap().stdout == cat.stdin);
    let mut deaf = spec(&["true"]);
    deaf.stdin = vec![b'x'; 1 << 20];
    assert_eq!(run(&deaf).unwrap().ending, Ending::Exited(0));
    assert_eq!(run(&spec(&["cat"])).unwrap().stdout, b"");
}

#[test]
fn memory_is_bounded() {
    let mut bomb = shell("x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done");
    bomb.limits.memory_bytes = 64 << 20;
    let output = run(&bomb).unwrap();
    assert_ne!(output.ending, Ending::Exited(0));
    assert_ne!(output.ending, Ending::TimedOut);
}

#[test]
fn cpu_time_is_bounded() {
    let mut spin = shell("while :; do :; done");
    spin.limits.cpu_ms = 1_000;
    let start = Instant::now();
    assert_eq!(run(&spin).unwrap().ending, Ending::Signalled(24), "SIGXCPU");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_file_cannot_grow_over_its_limit() {
    let mut large = shell("head -c 2000000 /dev/zero > $TMPDIR/f; wc -c < $TMPDIR/f");
    large.limits.file_bytes = 1_000_000;
    let output = run(&large).unwrap();
    assert_eq!(text(&output.stdout).trim(), "1000000");
}

#[test]
fn open_files_and_core_dumps_are_bounded() {
    let mut ask = shell("ulimit -n; ulimit -c");
    ask.limits.open_files = 33;
    assert_eq!(text(&run(&ask).unwrap().stdout), "33\n0\n");
}
