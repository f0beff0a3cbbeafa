//! Texts that are made to hurt.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{of_argv, of_line};

/// Far more than any of them takes, also on a busy machine and without optimisation.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn what_is_too_much_is_opaque_and_ends() {
    let deep = |open: &str, close: &str, count: usize| {
        format!("{}x{}", open.repeat(count), close.repeat(count))
    };
    for (what, line) in [
        ("long", "x".repeat(100_000)),
        ("parentheses", deep("(", ")", 5_000)),
        ("open parentheses", "(".repeat(60_000)),
        ("substitutions", deep("$(", ")", 200)),
        ("some substitutions", deep("$(", ")", 15)),
        ("quoted substitutions", deep("\"$(", ")\"", 15)),
        ("braces", deep("{", "}", 5_000)),
        ("brace words", "{a,b}".repeat(30)),
        ("nested braces", format!("echo {}", deep("{a,", "}", 20))),
        ("numbers", "echo {1..100000000}".to_owned()),
        ("expansions", deep("${x:-", "}", 20)),
        ("many expansions", deep("${x:-", "}", 200)),
        ("sums", deep("$((", "))", 12)),
        ("ticks", "`".repeat(10_001)),
        ("loops", format!("{}ls{}", "for i in 1 2 3 4 5 6 7 8; do ".repeat(7), "; done".repeat(7))),
        ("ifs", format!("{}ls{}", "if x; then ".repeat(300), "; fi".repeat(300))),
        ("evals", format!("{} $X", "eval ".repeat(5_000))),
        ("wrappers", format!("{} ls", "sudo ".repeat(5_000))),
        ("negations", format!("{} ls", "! ".repeat(5_000))),
        ("here-documents", "cat <<A\n".repeat(500)),
    ] {
        let start = Instant::now();
        let fact = of_line(&line);
        assert!(start.elapsed() < PATIENCE, "{what}: {:?}", start.elapsed());
        assert!(fact.opaque.is_some(), "{what}: {:?}", fact.leaves.len());
    }
}

/// Found by a fuzzer: the parser takes for granted that numbers fit.
#[test]
fn numbers_that_do_not_fit_are_opaque() {
    let long = "5".repeat(22);
    for line in [
        format!("rm -rf ~{long}"),
        format!("cat ~+{long}/x ~-{long}"),
        format!("x=a:~{long}"),
        format!("echo ${{{long} x}}"),
        format!("echo {{{long}..{long}}}"),
        format!("echo {{a..z..{long}}}"),
        format!("cat <<EOF\n${{x:-~{long}}}\nEOF"),
        format!("ls {long}>x"),
        format!("ls {long}<<x\nx"),
        format!("echo $(ls ~{long})"),
        format!("bash -c 'ls ~{long}'"),
    ] {
        assert!(of_line(&line).opaque.is_some(), "{line}");
    }
    assert!(of_line("date -d @1700000000 && cat 12345678901234567890.txt").opaque.is_none());
}

#[test]
fn much_that_is_plain_stays_plain() {
    let many = "ls -la src; ".repeat(300);
    let start = Instant::now();
    assert_eq!(of_line(&many).opaque, None);
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

fn shell_like() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z/~.$ ]{0,8}",
        "[(){}\\[\\]`$\"'\\\\<>|&;#!*?=~ \n]{1,6}",
        Just("$(".to_owned()),
        Just("${".to_owned()),
        Just("<<EOF\n".to_owned()),
        Just("EOF\n".to_owned()),
        Just("bash -c ".to_owned()),
        Just("sudo ".to_owned()),
        Just("xargs ".to_owned()),
        Just("find . -exec ".to_owned()),
        Just("for i in ".to_owned()),
        Just("; do ".to_owned()),
        Just("; done".to_owned()),
        Just("$'\\x".to_owned()),
        any::<String>(),
    ];
    prop::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_analysed_without_panic_and_the_same_twice(text in shell_like()) {
        let fact = of_line(&text);
        prop_assert_eq!(&fact, &of_line(&text));
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let _ = of_argv(&words);
    }

    #[test]
    fn a_danger_is_seen_or_opaque_wherever_it_stands(
        before in "[a-z ]{0,6}(;|&&|\\|\\||\\|) ?",
        wrap in prop::sample::select(vec![
            "X", "sudo X", "env A=1 X", "bash -c 'X'", "echo $(X)", "(X)", "{ X; }", "time X", "nohup X &", "if true; then X; fi", "! X", "xargs X", "timeout 5 X", "cat <(X)",
        ]),
        danger in prop::sample::select(vec![
            "rm -rf /", "r''m -rf /", "\\rm -rf /", "$(echo rm) -rf /", "{rm,-rf,/}", "rm${IFS}-rf${IFS}/", "/bin/rm --recursive --force /",
        ]),
    ) {
        let line = format!("{before}{}", wrap.replace('X', danger));
        let fact = of_line(&line);
        let seen = fact.leaves.iter().any(|leaf| {
            leaf.program == "rm" && leaf.flags.contains(&"recursive".to_owned())
                && leaf.files.iter().any(|file| file.text == "/")
        });
        prop_assert!(seen || fact.opaque.is_some(), "{line}: {fact:#?}");
    }
}
