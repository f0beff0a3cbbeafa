//! The parser, kept on a short lead: what it cannot take never reaches it, and where it gives up in
//! spite of that the text is opaque.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, UnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::command::limits::{FD_DIGITS_MAX, NUMBER_DIGITS_MAX};

thread_local! {
    /// Whether this thread is inside the parser.
    static PARSING: Cell<bool> = const { Cell::new(false) };
}

/// Does `work` of the parser on `text`; `None` when it gives up in any way.
pub(super) fn guarded<T, E>(text: &str, work: impl FnOnce() -> Result<T, E>) -> Option<T> {
    if has_endless_number(text) {
        return None;
    }
    quietly(AssertUnwindSafe(work))?.ok()
}

/// Does `work`; `None` when it panics, about which nothing is printed.
pub(super) fn quietly<T>(work: impl FnOnce() -> T + UnwindSafe) -> Option<T> {
    // A fuzzer has its own hook, and wants to hear of it.
    #[cfg(not(fuzzing))]
    be_quiet();
    let before = PARSING.replace(true);
    let done = catch_unwind(work);
    PARSING.set(before);
    done.ok()
}

#[cfg_attr(fuzzing, allow(dead_code, reason = "a fuzzer has its own hook"))]
fn be_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !PARSING.get() {
                before(panic);
            }
        }));
    });
}

/// Whether the parser would read a number that does not fit: a place in the stack of directories
/// (`~5`, `~+5`, `~-5`), an end or a step of `{1..5}`, a descriptor (`5>file`). It takes for
/// granted that such numbers fit. What stands in quotes counts as well, which errs on the safe side.
pub(super) fn has_endless_number(text: &str) -> bool {
    if !text
        .as_bytes()
        .windows(FD_DIGITS_MAX + 1)
        .any(|run| run.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'\\' | b'\n')))
    {
        return false;
    }
    // A line that goes on: the number goes on as well.
    let joined = text.replace("\\\n", "");
    let bytes = joined.as_bytes();
    let mut start = 0;
    for run in bytes.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        let end = start + run.len();
        let before = bytes.get(..start).unwrap_or_default();
        let before = before.strip_suffix(b"+").or(before.strip_suffix(b"-")).unwrap_or(before);
        let after = bytes.get(end..).unwrap_or_default();
        start = end;
        if !run.iter().all(u8::is_ascii_digit) {
            continue;
        }
        let fits = if after.starts_with(b"<") || after.starts_with(b">") {
            FD_DIGITS_MAX
        } else if before.ends_with(b"~")
            || before.ends_with(b"{")
            || before.ends_with(b"..")
            || after.starts_with(b"..")
        {
            NUMBER_DIGITS_MAX
        } else {
            usize::MAX
        };
        if run.len() > fits {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_does_not_fit_is_seen_where_it_is_one() {
        let long = "5".repeat(22);
        for text in [
            format!("rm -rf ~{long}"),
            format!("~+{long}/x"),
            format!("~-{long}"),
            format!("a:~{long}"),
            format!("~555555555555\\\n{long}"),
            format!("${{{long} x}}"),
            format!("echo {{{long}..3}}"),
            format!("echo {{1..{long}}}"),
            format!("echo {{1..-{long}}}"),
            format!("echo {{1..3..{long}}}"),
            format!("{{-{long}..3}}"),
            format!("ls {long}>x"),
            "ls 2147483648>x".to_owned(),
            "ls 21474\\\n83648<<x".to_owned(),
        ] {
            assert!(has_endless_number(&text), "{text}");
        }
        for text in [
            "date -d @1700000000",
            "aws --account 123456789012",
            "docker rmi sha256:11111111111111111111111111111111",
            "echo {1..10}",
            "ls 2>&1",
            "echo 0.33333333333333333333333",
        ] {
            assert!(!has_endless_number(text), "{text}");
        }
    }

    #[test]
    fn a_panic_of_the_parser_is_nothing_and_one_of_others_is_heard() {
        fn panics() -> Result<(), ()> {
            panic!("as the parser does")
        }
        assert_eq!(guarded("x", panics), None);
        assert!(!PARSING.get());
    }
}
