//! The execution layer as its clients see it: tools, direct calls, approvals, the audit log, settings,
//! artifacts, limits, and the smoke.

mod answers;
mod calls;
mod settings;

use crate::daemon_space::{Daemon, PATIENCE, Reply, request};
use crate::policies::DENY;
use serde_json::{Value, json};
use std::io::Read;
use std::time::{Duration, Instant};

pub(super) const API: &str = "/api/v1/execution";

/// Rules that ask about what [`DENY`] refuses: files in `reports/`.
pub(super) fn ask() -> String {
    DENY.replace("effect: deny", "effect: ask")
}

pub(super) fn call(daemon: &Daemon, tool: &str, args: Value) -> Reply {
    daemon.post(&format!("{API}/run"), &json!({ "tool_name": tool, "args": args }))
}

pub(super) fn patch(daemon: &Daemon, path: &str, body: Option<&Value>) -> Reply {
    daemon.call("PATCH", path, body).unwrap()
}

#[track_caller]
pub(super) fn refused(reply: &Reply, status: u16, kind: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.body["type"], format!("about:blank#{kind}"), "{reply:?}");
}

/// A whole answer with its head.
pub(super) fn raw(daemon: &Daemon, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
    let mut answer = Vec::new();
    let mut stream = request(&daemon.url, daemon.token.as_deref(), method, path, body).unwrap();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// A run that stands so, with its report.
pub(super) fn ended(daemon: &Daemon, run: &str, status: &str) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let shown = daemon.wait_for(run, &[status]);
        if !shown["report"].is_null() {
            return shown;
        }
        assert!(Instant::now() < until, "there is no report: {shown}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The newest entries of the audit log.
pub(super) fn logs(daemon: &Daemon, limit: u32) -> Vec<Value> {
    let reply = daemon.get(&format!("{API}/logs?limit={limit}"));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body["entries"].as_array().unwrap().clone()
}
