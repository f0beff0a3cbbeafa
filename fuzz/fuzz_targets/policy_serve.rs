//! Any line for `policy serve` is answered with one verdict, and what is no request is denied.
#![no_main]

use std::sync::LazyLock;

use bailiwick::cli::answer_line;
use bailiwick::policy::{Options, Places, PolicySet, built_in, compile};
use bailiwick::ports::Vocabulary;
use bailiwick::tools::vocabulary;
use serde_json::Value;

static KNOWN: LazyLock<Vocabulary> = LazyLock::new(vocabulary);
static SET: LazyLock<PolicySet> = LazyLock::new(|| {
    compile(&built_in(), &KNOWN, &Options::default()).expect("the built-in set")
});
static PLACES: LazyLock<Places> = LazyLock::new(|| Places {
    root: "/workspace".into(),
    home: Some("/home/user".into()),
    temp: vec!["/tmp".into()],
    ..Places::default()
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let answer = answer_line(&SET, &KNOWN, &PLACES, bytes);
    let verdict = answer.get("verdict").and_then(Value::as_str);
    assert!(matches!(verdict, Some("allow" | "require_approval" | "deny")), "{answer}");
    if serde_json::from_slice::<Value>(bytes).is_err() {
        assert_eq!(verdict, Some("deny"), "{answer}");
    }
});
