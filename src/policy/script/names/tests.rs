//! The table says what is so: each name is there, is of its type, and shows what it does.

use std::path::Path;

use serde_json::json;

use super::table::{Name, functions};
use super::{CLASSES, definitions};
use crate::contracts::{Effect, Timestamp};
use crate::policy::tests::stage::{request_with, source, vocabulary};
use crate::policy::{Layer, Options, Request, compile};

fn sample() -> Request {
    let argv = ["curl", "-s", "-obuild/x", "https://docs.example.org/a", "-L"];
    let args = json!({ "command": argv, "workdir": "build" });
    request_with("shell_exec", args, |asked| {
        let at = Timestamp::from_ms;
        asked.labels.insert("command".to_owned(), vec!["untrusted:web".to_owned()]);
        asked.now = at(5_000);
        asked.run.id = "run-1".to_owned();
        asked.run.playbook = "release".to_owned();
        asked.run.step = "each[3]".to_owned();
        asked.run.steps_used = 3;
        asked.run.steps_left = 47;
        asked.run.untrusted = true;
        asked.run.calls.insert("read_text".to_owned(), vec![at(3_000), at(4_000)]);
    })
}

fn options() -> Options {
    let config = [("limits.steps".to_owned(), json!(50))];
    Options { config: config.into_iter().collect(), ..Options::default() }
}

/// What the rule says, by the reason of its denial.
fn reason(body: &str) -> String {
    let text = format!("fn rule(req, ctx) {{ {body} }}\n");
    let sources = [source(Layer::User, "my.rhai", &text)];
    let set = compile(&sources, &vocabulary(), &options());
    let set = set.unwrap_or_else(|found| panic!("{body}: {found:#?}"));
    let decision = set.decide(&sample());
    assert_eq!(decision.effect, Effect::Deny, "{body}: {decision:?}");
    decision.reason
}

#[test]
fn what_each_name_shows_is_true() {
    let speaking = ["deny", "ask", "note", "allow"];
    let properties = CLASSES.iter().flat_map(|class| class.properties);
    for name in properties.chain(functions()).filter(|name| !speaking.contains(&name.name())) {
        let body = format!(
            "let so = {}; if type_of(so) != \"bool\" || !so {{ deny(\"not so\"); }} else {{ deny(\"so\"); }}",
            name.2
        );
        assert_eq!(reason(&body), "so", "{}", name.0);
        assert!(name.2.contains(name.name()), "`{}` does not show {}", name.2, name.name());
    }
}

#[test]
fn each_property_has_the_type_that_the_table_says() {
    let one = |class: &str| match class {
        "request" => "req",
        "context" => "ctx",
        "run" => "ctx.run",
        "command" => "req.command",
        "program" => "req.command.leaves[0]",
        "path" => "req.paths[0]",
        "host" => "req.hosts[0]",
        "String" => "\"a\"",
        "Array" => "[1]",
        _ => "1",
    };
    for class in &CLASSES {
        for property in class.properties.iter().filter(|property| property.gives() != "?") {
            let body = format!("deny(type_of({}.{}));", one(class.name), property.name());
            let wanted = match property.gives() {
                "String" => "string",
                "Array" => "array",
                "int" => "i64",
                "float" => "f64",
                other => other,
            };
            assert_eq!(reason(&body), wanted, "{}.{}", class.name, property.name());
        }
    }
}

#[test]
fn names_are_written_once() {
    let mut seen = std::collections::BTreeSet::new();
    for Name(written, ..) in functions() {
        assert!(seen.insert(written), "{written}");
    }
}

#[test]
fn the_committed_definitions_and_page_are_what_the_table_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/policy-scripts.md")).unwrap();
    let (before, rest) = page.split_once("<!-- names -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /names -->\n").unwrap();
    let table = definitions::reference();
    let page_now = format!("{before}<!-- names -->\n{table}<!-- /names -->\n{after}");
    for (path, now) in [
        ("config/schema/policy.d.rhai", definitions::definitions()),
        ("docs/policy-scripts.md", page_now),
    ] {
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(root.join(path), &now).unwrap();
        }
        let committed = std::fs::read_to_string(root.join(path)).unwrap();
        assert!(committed == now, "{path} is stale: run `just bless` and look at the difference");
    }
}
