//! Any command line and argument vector is analysed and decided without a panic, and what cannot be
//! seen, or cannot be parsed, is never allowed.
#![no_main]

use std::sync::LazyLock;

use bailiwick::command::{of_argv, of_line};
use bailiwick::contracts::{Effect, Map};
use bailiwick::policy::{
    Asked, Options, Places, PolicySet, built_in, compile, gather, resolve_lexically,
};
use bailiwick::ports::Vocabulary;
use bailiwick::tools::vocabulary;
use serde_json::{Value, json};

static KNOWN: LazyLock<Vocabulary> = LazyLock::new(vocabulary);
static SET: LazyLock<PolicySet> = LazyLock::new(|| {
    compile(&built_in(), &KNOWN, &Options::default()).expect("the built-in set")
});

fn effect_of(command: Value) -> Effect {
    let tool = KNOWN.get("shell_exec").expect("the tool that runs commands");
    let mut args = Map::new();
    args.insert("command".to_owned(), command);
    let places = Places {
        root: "/workspace".into(),
        home: Some("/home/user".into()),
        temp: vec!["/tmp".into()],
        ..Places::default()
    };
    let mut resolve = |text: &str| resolve_lexically(text, &places);
    SET.decide(&gather(Asked::of(tool, &args), &places, &mut resolve)).effect
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let line = of_line(&text);
    if line.opaque.is_some() {
        assert_ne!(effect_of(json!(text)), Effect::Allow, "an opaque line is allowed");
    } else {
        effect_of(json!(text));
    }
    let words: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let argv = of_argv(&words);
    if argv.opaque.is_some() {
        assert_ne!(effect_of(json!(words)), Effect::Allow, "an opaque vector is allowed");
    } else {
        effect_of(json!(words));
    }
});
