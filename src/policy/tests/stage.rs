//! A vocabulary, places and short cuts for the tests beside.

use serde_json::{Value, json};

use crate::contracts::{CallEffect, Decision, Diagnostic, Map, Risk};
use crate::policy::{
    Asked, Layer, Options, PolicySet, Request, Source, built_in, compile, gather, resolve_lexically,
};
use crate::ports::{Category, PathAccess, PathArg, ToolDescriptor, Vocabulary};

pub(super) fn tool(name: &str, risk: Risk, effect: CallEffect) -> ToolDescriptor {
    ToolDescriptor {
        name: name.to_owned(),
        aliases: Vec::new(),
        description: String::new(),
        risk,
        effect,
        category: None,
        schema: json!({ "type": "object" }),
        output_schema: json!({}),
        paths: Vec::new(),
        hosts: Vec::new(),
        command: None,
        sinks: Vec::new(),
        labels: Vec::new(),
        sends_network: false,
        timeout_ms: 1_000,
        profile: String::new(),
        enabled: true,
        ..ToolDescriptor::default()
    }
}

fn with_path(mut tool: ToolDescriptor, arg: &str, access: PathAccess) -> ToolDescriptor {
    tool.paths.push(PathArg { arg: arg.to_owned(), access });
    tool
}

/// The tools of the first issue, a tool that moves files, and one that sends.
pub(in crate::policy) fn vocabulary() -> Vocabulary {
    let read = |name| with_path(tool(name, Risk::Low, CallEffect::Read), "path", PathAccess::Read);
    let mut write = with_path(
        tool("write_text", Risk::Medium, CallEffect::Idempotent),
        "path",
        PathAccess::Write,
    );
    write.aliases.push("filesystem_write".to_owned());
    write.sinks.push("path".to_owned());
    let mut shell = with_path(
        tool("shell_exec", Risk::Medium, CallEffect::NonIdempotent),
        "workdir",
        PathAccess::Read,
    );
    shell.command = Some("command".to_owned());
    shell.profile = "shell_exec".to_owned();
    let moving = with_path(
        tool("move_path", Risk::Medium, CallEffect::Idempotent),
        "from",
        PathAccess::Delete,
    );
    let mut send = tool("send_mail", Risk::High, CallEffect::Irreversible);
    send.category = Some(Category::ExternalComms);
    send.sends_network = true;
    send.sinks = vec!["url".to_owned(), "recipient".to_owned()];
    Vocabulary::new([
        read("read_text"),
        read("list_dir"),
        read("search_text"),
        read("git_status"),
        read("git_diff"),
        write,
        shell,
        with_path(moving, "to", PathAccess::Write),
        send,
        tool("user_notification", Risk::Low, CallEffect::Idempotent),
    ])
}

pub(in crate::policy) fn source(layer: Layer, path: &str, text: &str) -> Source {
    Source { layer, path: path.to_owned(), bytes: text.as_bytes().to_vec() }
}

/// One file of the user's, alone.
pub(in crate::policy) fn alone(path: &str, text: &str) -> Result<PolicySet, Vec<Diagnostic>> {
    compile(&[source(Layer::User, path, text)], &vocabulary(), &Options::default())
}

/// The built-in set with files beside it.
pub(in crate::policy) fn beside(files: &[(Layer, &str, &str)], options: &Options) -> PolicySet {
    let mut sources = built_in();
    sources.extend(files.iter().map(|(layer, path, text)| source(*layer, path, text)));
    compile(&sources, &vocabulary(), options).unwrap_or_else(|mistakes| {
        panic!("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

/// The facts of a call on an imagined machine.
pub(in crate::policy) fn request(tool: &str, args: Value) -> Request {
    request_with(tool, args, |_| {})
}

pub(in crate::policy) fn request_with(
    tool: &str,
    args: Value,
    change: impl FnOnce(&mut Asked<'_>),
) -> Request {
    let vocabulary = vocabulary();
    let descriptor = vocabulary.get(tool).expect("a tool of the test");
    let args: Map = args.as_object().expect("arguments").clone();
    let places = crate::policy::example::imagined();
    let mut asked = Asked::of(descriptor, &args);
    change(&mut asked);
    gather(asked, &places, &mut |text| resolve_lexically(text, &places))
}

pub(super) fn ids(decision: &Decision) -> Vec<&str> {
    decision.rules.iter().map(|rule| rule.id.as_str()).collect()
}
