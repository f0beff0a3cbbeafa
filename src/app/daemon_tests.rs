//! A daemon that may not listen.
#![allow(clippy::disallowed_methods, reason = "tests name their own directories")]

use super::{App, OpenHost};
use crate::cli::{Cx, Exit};
use crate::contracts::{TaskSubmission, Trigger};
use crate::scheduler::{Engine, Origin};
use crate::workspace::Environment;

const LOOK: &str = r#"
schema: 1
name: look
description: Reads a file.
permissions: { tools: [read_text], read: ["README.md"] }
schedule: { cron: "* * * * *" }
steps:
  - { id: look, tool: read_text, args: { path: README.md } }
"#;

#[tokio::test]
async fn a_daemon_that_may_not_listen_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("work");
    std::fs::create_dir_all(root.join("playbooks")).unwrap();
    std::fs::create_dir_all(root.join("config")).unwrap();
    std::fs::write(root.join("playbooks/look.yaml"), LOOK).unwrap();
    std::fs::write(root.join("config/bailiwick.yaml"), "schema: 1\n").unwrap();
    let mut cx = Cx::plain(root, false);
    let home = dir.path().join("home").display().to_string();
    cx.env = Environment::new([("HOME".to_owned(), home)]);
    let app = App::open(&cx).unwrap();
    let OpenHost::Host(host) = app.open_host().unwrap() else { panic!("somebody is host") };
    let task = TaskSubmission { playbook: Some("look".to_owned()), ..TaskSubmission::default() };
    let origin = Origin { by: "test".to_owned(), trigger: Trigger::Api, key: None };
    Engine::accept_only(app.engine_parts(&host).unwrap(), &task, origin).unwrap();
    let reader = host.services.store.reader();
    let state = || {
        let events = reader.events_all(0, 100).unwrap().len();
        (events, reader.queue(9).unwrap(), reader.schedules().unwrap())
    };
    let before = state();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).unwrap();
    for (listen, exit) in
        [(taken.1.as_str(), Exit::Failed), ("0.0.0.0:0", Exit::Usage), ("nowhere", Exit::Usage)]
    {
        let error = app.start_daemon(&host, Some(listen)).await.unwrap_err();
        assert_eq!(error.exit, exit, "{listen}: {error:?}");
        assert_eq!(state(), before, "{listen}");
        assert!(!app.api_socket().exists(), "{listen}");
    }
}
