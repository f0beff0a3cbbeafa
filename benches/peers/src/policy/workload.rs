//! The tools of the workload and a thousand requests.

use bailiwick::contracts::{CallEffect, Map, Risk};
use bailiwick::policy::{Asked, Places, Request, gather, resolve_lexically};
use bailiwick::ports::{Category, HostArg, PathAccess, PathArg, ToolDescriptor, Vocabulary};
use serde_json::{Value, json};

use crate::Failure;

const REQUESTS: usize = 1_000;

/// The tools that the rules speak of.
pub fn vocabulary() -> Vocabulary {
    let tool = |name: &str, risk, effect| ToolDescriptor {
        name: name.to_owned(),
        risk,
        effect,
        ..ToolDescriptor::default()
    };
    let path = |mut tool: ToolDescriptor, access| {
        tool.paths.push(PathArg { arg: "path".to_owned(), access });
        tool
    };
    let host = |mut tool: ToolDescriptor| {
        tool.hosts.push(HostArg { arg: "url".to_owned() });
        tool.sends_network = true;
        tool
    };
    let of = |mut tool: ToolDescriptor, category| {
        tool.category = Some(category);
        tool
    };
    let mut shell = tool("shell_exec", Risk::Medium, CallEffect::NonIdempotent);
    shell.command = Some("command".to_owned());
    let mut mail =
        of(tool("send_mail", Risk::High, CallEffect::Irreversible), Category::ExternalComms);
    mail.sends_network = true;
    Vocabulary::new([
        path(tool("read_text", Risk::Low, CallEffect::Read), PathAccess::Read),
        path(tool("list_dir", Risk::Low, CallEffect::Read), PathAccess::Read),
        path(tool("write_text", Risk::Medium, CallEffect::Idempotent), PathAccess::Write),
        host(tool("http_get", Risk::Medium, CallEffect::Read)),
        host(tool("http_request", Risk::Medium, CallEffect::NonIdempotent)),
        shell,
        mail,
        of(tool("send_money", Risk::High, CallEffect::Irreversible), Category::Financial),
    ])
}

/// The machine on which it happens.
pub fn places() -> Places {
    Places {
        root: "/workspace".into(),
        home: Some("/home/user".into()),
        temp: vec!["/tmp".into()],
        ..Places::default()
    }
}

/// A call of the workload: tool, arguments, and how its run stands.
#[derive(Debug, Clone)]
pub struct Call {
    pub tool: &'static str,
    pub args: Map,
    pub read_secret: bool,
    pub untrusted: bool,
}

impl Call {
    /// Its facts.
    pub fn request(&self, vocabulary: &Vocabulary, places: &Places) -> Result<Request, Failure> {
        let tool = vocabulary.get(self.tool).ok_or("a tool of the workload")?;
        let mut asked = Asked::of(tool, &self.args);
        asked.run.read_secret = self.read_secret;
        asked.run.untrusted = self.untrusted;
        Ok(gather(asked, places, &mut |text| resolve_lexically(text, places)))
    }
}

/// A thousand calls, the same each time.
pub fn calls() -> Vec<Call> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    (0..REQUESTS).map(|_| call(&mut dice)).collect()
}

/// Their facts.
pub fn requests() -> Result<Vec<Request>, Failure> {
    let (vocabulary, places) = (vocabulary(), places());
    calls().iter().map(|call| call.request(&vocabulary, &places)).collect()
}

const PATHS: [&str; 10] = [
    "README.md",
    "src/main.rs",
    "docs/a/b/c.md",
    "tests/it/main.rs",
    "policies/10-files.yaml",
    "/etc/passwd",
    "~/notes.txt",
    "~/.ssh/id_ed25519",
    "../neighbour/file",
    "target/debug/x",
];
const URLS: [&str; 7] = [
    "https://docs.example.org/guide",
    "https://a.example.net/x",
    "https://example.com/",
    "https://docs.example.org.evil.example/",
    "http://169.254.169.254/latest",
    "http://10.0.0.8/",
    "http://127.0.0.1:8080/",
];
const COMMANDS: [&[&str]; 10] = [
    &["ls", "-la"],
    &["cargo", "test", "--locked"],
    &["git", "status"],
    &["git", "push"],
    &["git", "push", "--force"],
    &["rm", "a.o"],
    &["rm", "-rf", "build"],
    &["mkfs", "x"],
    &["cat", "README.md"],
    &["python3", "-m", "pytest"],
];

fn call(dice: &mut Dice) -> Call {
    let path = |dice: &mut Dice| json!({ "path": PATHS[dice.of(PATHS.len())] });
    let url = |dice: &mut Dice| json!({ "url": URLS[dice.of(URLS.len())] });
    let (tool, args) = match dice.of(10) {
        0..=2 => ("read_text", path(dice)),
        3 => ("list_dir", path(dice)),
        4 => ("write_text", json!({ "path": PATHS[dice.of(PATHS.len())], "text": "x" })),
        5 => ("http_get", url(dice)),
        6 => ("http_request", url(dice)),
        7 => ("shell_exec", json!({ "command": COMMANDS[dice.of(COMMANDS.len())] })),
        8 => ("send_mail", json!({ "to": "a@example.org", "body": "hello" })),
        _ => ("send_money", json!({ "to": "DE1", "amount": dice.of(2_000) })),
    };
    let args = match args {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    Call { tool, args, read_secret: dice.of(20) == 0, untrusted: dice.of(10) == 0 }
}

/// xorshift64: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn of(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}
