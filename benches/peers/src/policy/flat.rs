//! The facts of a request as a flat record: what the other engines are handed.

use bailiwick::contracts::Risk;
use bailiwick::policy::Request;
use bailiwick::ports::{Category, PathAccess};
use serde::Serialize;

/// One request. Texts that a call does not have are empty.
#[derive(Debug, Clone, Serialize)]
pub struct Flat {
    pub tool: String,
    pub risk: &'static str,
    pub category: &'static str,
    pub zone: String,
    pub access: &'static str,
    pub host: String,
    pub host_class: String,
    pub program: String,
    pub word: String,
    pub flags: Vec<String>,
    pub amount: i64,
    pub read_secret: bool,
    pub untrusted: bool,
}

impl Flat {
    pub fn of(request: &Request) -> Self {
        let path = request.paths.first();
        let host = request.hosts.first();
        let leaf = request.command.as_ref().and_then(|command| command.leaves.first());
        let words = leaf.map(|leaf| &leaf.words);
        Self {
            tool: request.tool.clone(),
            risk: match request.risk {
                Risk::Low => "low",
                Risk::Medium => "medium",
                Risk::High => "high",
            },
            category: match request.category {
                Some(Category::ExternalComms) => "external_comms",
                Some(Category::Financial) => "financial",
                _ => "",
            },
            zone: path.map(|path| path.zone.as_str().to_owned()).unwrap_or_default(),
            access: match path.map(|path| path.access) {
                Some(PathAccess::Read) => "read",
                Some(PathAccess::Write) => "write",
                _ => "",
            },
            host: host.map(|host| host.name.clone()).unwrap_or_default(),
            host_class: host.map(|host| host.class.as_str().to_owned()).unwrap_or_default(),
            program: words.map(|words| words.program.clone()).unwrap_or_default(),
            word: words.and_then(|words| words.argv.first().cloned()).unwrap_or_default(),
            flags: words.map(|words| words.flags.clone()).unwrap_or_default(),
            amount: request.args.get("amount").and_then(serde_json::Value::as_i64).unwrap_or(0),
            read_secret: request.run.read_secret,
            untrusted: request.run.untrusted,
        }
    }
}
