//! Whatever is done to the shipped files, looking at them ends, and every mistake has a place.

use proptest::prelude::*;

use super::stage::vocabulary;
use crate::contracts::Diagnostic;
use crate::policy::{
    Options, Source, SourceKind, built_in, built_in_tests, check_tests_within, compile,
};

/// Texts that break things when they are put anywhere.
const SPLICES: [&str; 16] = [
    "",
    "\t",
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "&a [*a, *a]",
    "*a",
    "\u{0}",
    "\u{202e}",
    "((((",
    "fn x(req, ctx) { loop {} }",
];

fn files() -> Vec<Source> {
    built_in().into_iter().chain(built_in_tests()).collect()
}

fn at_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Every mistake that is found, by looking and by running the tests.
fn look(sources: &[Source]) -> Vec<Diagnostic> {
    match compile(sources, &vocabulary(), &Options::default()) {
        Ok(set) => {
            let mut left = 200;
            let mut found = set.warnings().to_vec();
            found.extend(check_tests_within(&set, sources, &mut || {
                left -= 1;
                left > 0
            }));
            found
        }
        Err(found) => found,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_are_looked_at_without_a_panic(
        which in 0_usize..10,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, 0_usize..SPLICES.len()), 1..4),
    ) {
        let mut sources = files();
        let one = which % sources.len();
        let mut text = String::from_utf8(sources[one].bytes.clone()).expect("text");
        for (index, length, splice) in cuts {
            let from = at_boundary(&text, index.index(text.len().max(1)));
            let to = at_boundary(&text, from + length);
            text.replace_range(from..to.max(from), SPLICES[splice]);
        }
        sources[one].bytes = text.into_bytes();
        for found in look(&sources) {
            prop_assert!(found.line >= 1 && found.column >= 1, "{found}");
            prop_assert!(!found.message.is_empty() && !found.code.is_empty());
        }
    }
}

#[test]
fn hostile_files_are_refused_soon() {
    let laughs = {
        let mut text = "schema: 1\na: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (one, two) in ('a'..='y').zip('b'..='z') {
            let many = vec![format!("*{one}"); 10].join(", ");
            text.push_str(&format!("{two}: &{two} [{many}]\n"));
        }
        text
    };
    let cases = [
        ("deep.yaml", "[".repeat(200_000)),
        ("deep_test.yaml", format!("cases: {}", "[".repeat(200_000))),
        ("laughs.yaml", laughs.clone()),
        ("laughs_test.yaml", laughs),
        ("huge.yaml", format!("schema: 1\nx: {}", "a".repeat(2 << 20))),
        ("deep.rhai", format!("fn a(req, ctx) {{ {} }}", "(".repeat(50_000))),
        ("many.rhai", "fn a(req, ctx) { if true { deny(\"x\") } }\n".repeat(3)),
        (
            "wide_test.yaml",
            format!(
                "schema: 1\ncommands:\n{}",
                "  - { command: ls, verdict: allow }\n".repeat(6_000)
            ),
        ),
    ];
    for (path, text) in cases {
        let began = std::time::Instant::now();
        let mut sources = files();
        sources.push(super::stage::source(crate::policy::Layer::User, path, &text));
        let kind = sources.last().map(Source::kind);
        let found = look(&sources);
        let own = found.iter().filter(|one| one.file == path || one.code == "tests-too-slow");
        assert!(own.count() > 0, "{path}: {kind:?} {found:?}");
        assert!(kind != Some(SourceKind::Other));
        assert!(began.elapsed().as_secs() < 60, "{path}: {:?}", began.elapsed());
    }
}
