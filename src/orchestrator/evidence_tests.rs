use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::contracts::{CallEffect, Decision, Origin, Risk};
use crate::policy::{
    Asked, Options, Permissions, Places, PolicySet, built_in, compile, gather, resolve_lexically,
};
use crate::ports::{Category, HostArg, PathAccess, PathArg, ToolDescriptor, Vocabulary};

/// The document that version 1 wrote: never to be written again, only added to with defaults.
const VERSION_1: &str = include_str!("../../tests/fixtures/evidence-v1.json");

fn vocabulary() -> Vocabulary {
    let path = |arg: &str, access| PathArg { arg: arg.to_owned(), access };
    let tool = |name: &str, risk, effect| ToolDescriptor {
        name: name.to_owned(),
        risk,
        effect,
        schema: json!({ "type": "object" }),
        ..ToolDescriptor::default()
    };
    Vocabulary::new([
        ToolDescriptor {
            paths: vec![path("path", PathAccess::Read)],
            ..tool("read_text", Risk::Low, CallEffect::Read)
        },
        ToolDescriptor {
            paths: vec![path("path", PathAccess::Write)],
            ..tool("write_text", Risk::Medium, CallEffect::Idempotent)
        },
        ToolDescriptor {
            command: Some("command".to_owned()),
            paths: vec![path("workdir", PathAccess::Read)],
            profile: "shell_exec".to_owned(),
            ..tool("shell_exec", Risk::Medium, CallEffect::NonIdempotent)
        },
        ToolDescriptor {
            hosts: vec![HostArg { arg: "url".to_owned() }],
            category: Some(Category::ExternalComms),
            sends_network: true,
            ..tool("send_mail", Risk::High, CallEffect::Irreversible)
        },
    ])
}

fn set() -> PolicySet {
    compile(&built_in(), &vocabulary(), &Options::default()).unwrap()
}

fn request(tool: &str, args: &Map, change: impl FnOnce(&mut Asked<'_>)) -> Request {
    let vocabulary = vocabulary();
    let places = Places {
        root: PathBuf::from("/home/me/work"),
        home: Some(PathBuf::from("/home/me")),
        temp: vec![PathBuf::from("/tmp")],
        ..Places::default()
    };
    let mut asked = Asked::of(vocabulary.get(tool).unwrap(), args);
    change(&mut asked);
    gather(asked, &places, &mut |text| resolve_lexically(text, &places))
}

/// Written, read and put together again.
fn there_and_back(request: &Request, arguments: Arguments, redactor: &Redactor) -> (Request, bool) {
    let bytes = document(request, 7, arguments, redactor).unwrap();
    let evidence: Evidence = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((evidence.schema_version, evidence.as_of_seq), (SCHEMA_VERSION, 7));
    let struck = evidence.struck;
    let args = match arguments {
        Arguments::Here => Map::new(),
        Arguments::Elsewhere => request.args.clone(),
    };
    (evidence.rebuilt(args, request.run.calls.clone()), struck)
}

fn busy() -> Request {
    let args = json!({ "command": "cd sub && sudo rm -rf ../build *.o > log.txt | tee /tmp/x" });
    request("shell_exec", args.as_object().unwrap(), |asked| {
        asked.id = "call_00000000000000000000000000000001".to_owned();
        asked.origin = Origin::Playbook;
        asked.labels.insert("command".to_owned(), vec!["untrusted:http_get".to_owned()]);
        asked.now = Timestamp::from_ms(1_700_000_000_000);
        asked.run.id = "run_00000000000000000000000000000001".to_owned();
        asked.run.cost_usd = 0.1 + 0.2;
        asked.run.calls.insert("read_text".to_owned(), vec![Timestamp::from_ms(5)]);
        asked.permissions.push(Permissions {
            file: "playbooks/a.yaml".to_owned(),
            tools: Some(vec!["shell_exec".to_owned()]),
            write: Some(vec![PathBuf::from("/home/me/work/build")]),
            ..Permissions::default()
        });
    })
}

#[test]
fn what_version_1_wrote_is_read_and_written_as_it_was() {
    let bytes = document(&busy(), 7, Arguments::Elsewhere, &Redactor::default()).unwrap();
    let now =
        serde_json::to_string_pretty(&serde_json::from_slice::<serde_json::Value>(&bytes).unwrap())
            .unwrap();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/evidence-v1.json"),
            &now,
        )
        .unwrap();
        return;
    }
    let evidence: Evidence = serde_json::from_str(VERSION_1).unwrap();
    assert_eq!(evidence.rebuilt(busy().args, busy().run.calls), busy());
    assert_eq!(now, VERSION_1);
}

#[test]
fn holds_neither_arguments_nor_earlier_calls_that_the_journal_has() {
    let bytes = document(&busy(), 7, Arguments::Elsewhere, &Redactor::default()).unwrap();
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(value["request"]["args"], json!({}));
    assert_eq!(value["request"]["run"]["calls"], json!({}));
    assert_eq!(value.get("args"), None);
}

#[test]
fn a_secret_is_not_in_it_and_it_says_that_one_was_struck() {
    let redactor = Redactor::new([("TOKEN", "hunter2-hunter2")]);
    let args =
        json!({ "command": "curl -H 'x: hunter2-hunter2' https://a.example/hunter2-hunter2" });
    let request = request("shell_exec", args.as_object().unwrap(), |_| {});
    for arguments in [Arguments::Here, Arguments::Elsewhere] {
        let bytes = document(&request, 0, arguments, &redactor).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("${secret:TOKEN}"), "{text}");
        assert!(there_and_back_struck(&request, arguments, &redactor));
    }
    assert!(!there_and_back_struck(&busy(), Arguments::Elsewhere, &redactor));
}

fn there_and_back_struck(request: &Request, arguments: Arguments, redactor: &Redactor) -> bool {
    let bytes = document(request, 7, arguments, redactor).unwrap();
    serde_json::from_slice::<Evidence>(&bytes).unwrap().struck
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "(src|policies|\\.env|\\.\\.|~|/etc|reports|[a-z\\x00-\\x1fé]{0,4})(/(\\.\\.|hooks|x)){0,4}",
        "(https?://)?[a-z0-9.@:%-]{0,24}",
        "(sudo |env A=1 )?(rm|git|ls|cat|curl) (-[a-z]{1,3} )?[a-z/.$*'\"|;>& -]{0,30}",
        any::<String>(),
    ]
}

prop_compose! {
    fn requests()(
        tool in 0..4_usize, text in text(), unattended in any::<bool>(), unknown in any::<bool>(),
        cost in any::<f64>().prop_filter("a number", |cost| cost.is_finite()),
        times in prop::collection::vec(0..i64::from(u32::MAX), 0..5),
        tools in prop::option::of(prop::collection::vec("[a-z_]{1,10}", 0..3)),
    ) -> Request {
        let (name, arg) = [
            ("read_text", "path"), ("write_text", "path"), ("shell_exec", "command"), ("send_mail", "url"),
        ][tool];
        let args = json!({ arg: text, "other": [1.5, cost, null] });
        request(name, args.as_object().unwrap(), |asked| {
            asked.unattended = unattended;
            asked.run.cost_usd = cost;
            asked.run.calls.insert(name.to_owned(), times.into_iter().map(Timestamp::from_ms).collect());
            asked.unknown.extend(unknown.then(|| arg.to_owned()));
            asked.labels.insert(arg.to_owned(), vec!["user".to_owned()]);
            asked.permissions.push(Permissions { tools, ..Permissions::default() });
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn decides_the_same_again(request in requests(), here in any::<bool>()) {
        thread_local! {
            static SET: PolicySet = set();
        }
        let arguments = if here { Arguments::Here } else { Arguments::Elsewhere };
        let (rebuilt, struck) = there_and_back(&request, arguments, &Redactor::default());
        prop_assume!(!struck);
        prop_assert_eq!(&rebuilt, &request);
        let decide = |request: &Request| -> Decision { SET.with(|set| set.decide(request)) };
        prop_assert_eq!(decide(&rebuilt), decide(&request));
    }
}
