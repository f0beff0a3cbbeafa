//! What holds for all requests.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::stage::{beside, request_with};
use crate::contracts::Effect;
use crate::policy::{Layer, Options, PolicySet};

const TOOLS: [&str; 6] =
    ["read_text", "write_text", "move_path", "shell_exec", "send_mail", "user_notification"];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "(src|policies|\\.env|\\.\\.|\\.git|~|/etc|reports|[a-z\\x00-\\x1f\u{200d}é]{0,4})(/(\\.\\.|\\.|hooks|x|config)){0,4}",
        "https?://[a-z0-9.@:\\[\\]%\\\\-]{0,24}",
        any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
}

prop_compose! {
    fn args()(
        path in value(), from in value(), to in value(), command in value(),
        url in value(), text in value(),
    ) -> Value {
        json!({ "path": path, "from": from, "to": to, "command": command, "url": url, "text": text })
    }
}

fn sets() -> (PolicySet, PolicySet) {
    let deny = "schema: 1
rules:
  - id: my.deny
    effect: deny
    when: { any: [ { path: { under: [src] } }, { arg: { text: { matches: '[aeiou]' } } } ] }
    reason: for the test
    match: [ { tool: read_text, args: { path: src/a } } ]
    not_match: [ { tool: read_text, args: { path: b } } ]
";
    let options = Options::default();
    (beside(&[], &options), beside(&[(Layer::Workspace, "my.yaml", deny)], &options))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn decides_anything_without_panic_and_a_deny_never_loosens(
        calls in prop::collection::vec((0..TOOLS.len(), args(), any::<bool>()), 1..20),
    ) {
        thread_local! {
            static SETS: (PolicySet, PolicySet) = sets();
        }
        SETS.with(|(base, tightened)| {
            for (tool, args, unattended) in calls {
                let request = request_with(TOOLS[tool], args, |asked| asked.unattended = unattended);
                let before = base.decide(&request);
                let after = tightened.decide(&request);
                prop_assert!(after.effect >= before.effect, "{before:?} {after:?}");
                prop_assert!(!before.reason.is_empty() && !before.rules.is_empty());
                prop_assert_eq!(&before, &base.decide(&request), "the same twice");
                if !request.faults.is_empty() {
                    prop_assert_eq!(before.effect, Effect::Deny);
                }
                prop_assert!(!unattended || before.effect != Effect::Ask);
            }
            Ok(())
        })?;
    }
}
