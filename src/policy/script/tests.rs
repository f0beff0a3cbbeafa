//! A defect in the engine or in a getter of ours.

use std::sync::Arc;

use rhai::Engine;
use serde_json::json;

use super::views::Req;
use super::{Audience, Script, ScriptEngine, ScriptRule};
use crate::contracts::Hash;
use crate::policy::tests::stage::{beside, request};
use crate::policy::{Layer, Options};

#[test]
fn a_panic_inside_a_getter_denies_and_leaves_the_engine_unharmed() {
    let mut engine = Engine::new();
    super::views::register(&mut engine);
    super::api::register(&mut engine);
    engine.register_get("broken", |_: &mut Req| -> bool { panic!("a defect") });
    let text =
        "fn bad(req, ctx) { if req.broken { deny(\"x\"); } } fn good(req, ctx) { ask(req.tool); }";
    let ast = engine.compile(text).unwrap();
    let engine = ScriptEngine(Arc::new(engine));
    let rule = |name: &str| ScriptRule { id: format!("my.{name}"), name: name.to_owned(), line: 1 };
    let script = Script {
        layer: Layer::User,
        file: "my.rhai".to_owned(),
        rules: vec![rule("bad"), rule("good")],
        counts: true,
        allows: None,
        digest: Hash::of(b""),
        ast,
    };
    let set = beside(&[], &Options::default());
    let asked = request("write_text", json!({ "path": "a", "text": "x" }));
    let case = set.case(&asked);
    let audience = Audience::of(&case, &Arc::new(Options::default()), None);
    for _ in 0..3 {
        let broken = engine.ask(&script, &rule("bad"), &audience).unwrap_err();
        assert_eq!((broken.why.as_str(), broken.overtime), ("the script engine broke down", false));
        let said = engine.ask(&script, &rule("good"), &audience).unwrap();
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].reason, "write_text");
    }
}
