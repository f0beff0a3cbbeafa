//! Paths on a real disk: every way around that a path can take.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use uuid::Uuid;

use super::resolve::real;
use super::{Surroundings, WrittenPermissions, collect, places, resolve};
use crate::contracts::{
    CallEffect, CallId, Effect, FsAccess, Origin, Risk, RunId, Timestamp, ToolCall,
};
use crate::policy::{
    Options, PathFault, Permissions, Places, Request, RunFacts, Zone, built_in, compile,
};
use crate::ports::{PathAccess, PathArg, ToolDescriptor, Vocabulary};

struct Disk {
    _dir: tempfile::TempDir,
    base: PathBuf,
    places: Places,
}

/// `ws` is the workspace, `home` the home, `repo` a root that a person named for reading.
fn disk() -> Disk {
    let dir = tempfile::tempdir().expect("a directory");
    let base = real(dir.path(), "base").expect("a real directory");
    for name in ["ws/src", "ws/policies", "ws/.git/hooks", "home/.ssh", "repo/policies", "other"] {
        fs::create_dir_all(base.join(name)).expect("a directory");
    }
    let places = places(
        &base.join("ws"),
        Some(&base.join("home")),
        &[base.join("tmp")],
        &[base.join("repo")],
    )
    .expect("places");
    Disk { _dir: dir, base, places }
}

impl Disk {
    fn zone(&self, text: &str, access: PathAccess) -> Zone {
        let path = resolve(text, &self.places).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        self.places.zone(&path, access)
    }

    fn link(&self, from: &str, to: impl AsRef<Path>) {
        symlink(to, self.base.join(from)).expect("a link");
    }

    fn request(&self, tool: &ToolDescriptor, args: Value, given: &[Permissions]) -> Request {
        let call = call(&tool.name, args);
        let around = Surroundings {
            places: &self.places,
            permissions: given,
            now: Timestamp::from_ms(0),
            unattended: false,
            unknown: &[],
        };
        collect(&call, tool, &around, RunFacts::default())
    }
}

fn call(name: &str, args: Value) -> ToolCall {
    ToolCall {
        id: CallId::from_uuid(Uuid::from_u128(1)),
        run_id: RunId::from_uuid(Uuid::from_u128(2)),
        step_id: "step".to_owned(),
        name: name.to_owned(),
        args: args.as_object().expect("arguments").clone(),
        timeout_ms: 1_000,
        allow_network: false,
        allow_fs: FsAccess::Write,
        expected_output_schema: None,
        idempotency_key: "key".to_owned(),
        origin: Origin::Playbook,
        labels: vec!["workspace".to_owned()],
        arg_labels: std::collections::BTreeMap::new(),
    }
}

fn write_text() -> ToolDescriptor {
    ToolDescriptor {
        name: "write_text".to_owned(),
        aliases: Vec::new(),
        description: String::new(),
        risk: Risk::Medium,
        effect: CallEffect::Idempotent,
        category: None,
        schema: json!({}),
        output_schema: json!({}),
        paths: vec![PathArg { arg: "path".to_owned(), access: PathAccess::Write }],
        hosts: Vec::new(),
        command: None,
        sinks: Vec::new(),
        labels: Vec::new(),
        sends_network: false,
        timeout_ms: 1_000,
        profile: "write".to_owned(),
        enabled: true,
        ..ToolDescriptor::default()
    }
}

#[test]
fn zones_follow_links_wherever_they_lead() {
    let disk = disk();
    disk.link("ws/out", disk.base.join("other"));
    disk.link("ws/rules", "policies");
    disk.link("ws/src/up", "..");
    disk.link("ws/dangling", disk.base.join("home/.ssh/new"));
    disk.link("ws/chain", "out");
    let cases = [
        ("README.md", Zone::Workspace),
        ("src/new/deep/file", Zone::Workspace),
        ("out/file", Zone::Outside),
        ("chain/file", Zone::Outside),
        ("out/../ws/src", Zone::Workspace),
        ("out/../other", Zone::Outside),
        ("rules/x.yaml", Zone::Itself),
        ("src/up/policies/x.yaml", Zone::Itself),
        ("src/up/../ws/policies/x.yaml", Zone::Itself),
        ("missing/../policies/x.yaml", Zone::Itself),
        ("policies/../policies/x.yaml", Zone::Itself),
        ("./policies//x.yaml", Zone::Itself),
        ("Policies/x.yaml", Zone::Itself),
        ("POLICIE\u{17f}/x.yaml", Zone::Itself),
        ("polic\u{200d}ies/x.yaml", Zone::Itself),
        ("policies./x.yaml", Zone::Itself),
        ("policies", Zone::Itself),
        (".git", Zone::Itself),
        (".git/index", Zone::Itself),
        (".GIT/hooks/pre-commit", Zone::Itself),
        ("vendor/.git/config", Zone::Itself),
        ("config/new.yaml", Zone::Itself),
        ("logs/tools_audit.jsonl", Zone::Itself),
        ("dangling", Zone::Secret),
        (".env", Zone::Secret),
        (".ENV.production", Zone::Secret),
        ("src/id_rsa", Zone::Secret),
        ("src/id_rsa.pub", Zone::Workspace),
        ("policies.md", Zone::Workspace),
        ("docs/policies/x.md", Zone::Workspace),
        ("~/notes", Zone::Home),
        ("~/.config/bailiwick/policies/x.yaml", Zone::Itself),
        ("~/../other/x", Zone::Outside),
        ("/etc/passwd", Zone::System),
        ("/etc/shadow", Zone::Secret),
        ("prod.env", Zone::Secret),
        ("deploy/app.ENV", Zone::Secret),
        ("example.env", Zone::Workspace),
        (".dev.vars", Zone::Secret),
        ("kubeconfig", Zone::Secret),
        ("k8s/dev.kubeconfig", Zone::Secret),
        ("config.kube/x", Zone::Workspace),
        ("secrets.yaml", Zone::Secret),
        ("src/secrets.rs", Zone::Workspace),
        ("core.4711", Zone::Secret),
        ("src/core/mod.rs", Zone::Workspace),
        ("core.rs", Zone::Workspace),
        ("~/.bash_history", Zone::Secret),
        ("~/.local/share/fish/fish_history", Zone::Secret),
        ("~/.psql_history", Zone::Secret),
        ("~/.docker/config.json", Zone::Secret),
        ("~/.config/gh/hosts.yml", Zone::Secret),
        ("~/.config/gcloud/credentials.db", Zone::Secret),
        ("~/.config/chromium/Default/Cookies", Zone::Secret),
        ("tests/chromium/page.ts", Zone::Workspace),
        ("~/.mozilla/firefox/x/logins.json", Zone::Secret),
        ("~/Library/Application Support/Google/Chrome/Default/Login Data", Zone::Secret),
        ("~/Library/Keychains/login.keychain-db", Zone::Secret),
        ("~/.local/share/keyrings/login.keyring", Zone::Secret),
        ("~/.gradle/gradle.properties", Zone::Secret),
        ("gradle.properties", Zone::Workspace),
        ("~/.m2/settings.xml", Zone::Secret),
        ("~/.vault-token", Zone::Secret),
        ("~/.password-store/mail.gpg", Zone::Secret),
        ("/etc/ssh/ssh_host_ed25519_key", Zone::Secret),
        ("/etc/ssh/ssh_host_ed25519_key.pub", Zone::System),
        ("/etc/krb5.keytab", Zone::Secret),
        ("/run/secrets/db", Zone::Secret),
        ("/proc/kcore", Zone::Secret),
        ("/proc/cpuinfo", Zone::System),
        ("/etc/bailiwick/policies/x.yaml", Zone::Itself),
        ("/", Zone::System),
    ];
    for (text, zone) in cases {
        assert_eq!(disk.zone(text, PathAccess::Write), zone, "{text}");
    }
}

#[test]
fn a_root_named_for_reading_is_workspace_for_reading_only() {
    let disk = disk();
    let file = disk.base.join("repo/policies/x.yaml");
    let text = file.to_str().expect("text");
    assert_eq!(disk.zone(text, PathAccess::Read), Zone::Workspace);
    assert_eq!(disk.zone(text, PathAccess::Write), Zone::Outside);
    let secret = disk.base.join("repo/.env");
    assert_eq!(disk.zone(secret.to_str().expect("text"), PathAccess::Read), Zone::Secret);
}

#[test]
fn the_innermost_place_wins() {
    let places = Places {
        root: PathBuf::from("/home/ann/ws"),
        home: Some(PathBuf::from("/home/ann")),
        temp: vec![PathBuf::from("/tmp")],
        ..Places::default()
    };
    let zone = |path: &str| places.zone(Path::new(path), PathAccess::Read);
    assert_eq!(zone("/home/ann/ws/x"), Zone::Workspace);
    assert_eq!(zone("/home/ann/x"), Zone::Home);
    assert_eq!(zone("/home/bob/x"), Zone::Outside);
    let whole = Places { root: PathBuf::from("/"), ..places.clone() };
    assert_eq!(whole.zone(Path::new("/etc/hosts"), PathAccess::Read), Zone::System);
    let in_temp = Places { root: PathBuf::from("/tmp/ws"), ..places };
    assert_eq!(in_temp.zone(Path::new("/tmp/ws/x"), PathAccess::Write), Zone::Workspace);
}

#[test]
fn removing_what_holds_the_rules_removes_the_rules() {
    let disk = disk();
    assert_eq!(disk.zone(".", PathAccess::Delete), Zone::Itself);
    assert_eq!(disk.zone("..", PathAccess::Delete), Zone::Itself);
    assert_eq!(disk.zone("src", PathAccess::Delete), Zone::Workspace);
}

#[test]
fn refuses_texts_that_name_no_path() {
    let disk = disk();
    disk.link("ws/loop", "loop");
    for text in ["", "a\0b", "a\nb", "~root/x", "loop/x", &"x/".repeat(3000)] {
        assert!(resolve(text, &disk.places).is_err(), "{text:.20}");
    }
    let nowhere = Places { home: None, ..disk.places.clone() };
    assert!(matches!(resolve("~/x", &nowhere), Err(PathFault::NoHome(_))));
    let tool = write_text();
    for args in [json!({ "path": "a\0b" }), json!({ "path": 3 }), json!({ "path": ["a", {}] })] {
        assert!(!disk.request(&tool, args.clone(), &[]).faults.is_empty(), "{args}");
    }
}

#[test]
fn a_call_through_a_link_into_the_rules_is_denied_with_its_place() {
    let disk = disk();
    disk.link("ws/notes", "policies");
    let tool = write_text();
    let set = compile(&built_in(), &Vocabulary::new([tool.clone()]), &Options::default());
    let set = set.expect("the built-in set");
    let allowed = disk.request(&tool, json!({ "path": "src/a.rs", "text": "" }), &[]);
    assert_eq!(set.decide(&allowed).effect, Effect::Allow);
    let refused = disk.request(&tool, json!({ "path": "notes/a.yaml", "text": "" }), &[]);
    let decision = set.decide(&refused);
    assert_eq!(decision.effect, Effect::Deny);
    assert_eq!(decision.rules[0].id, "fs.self-write");
    assert!(decision.rules[0].line > 1, "{:?}", decision.rules);
}

#[test]
fn permissions_bound_calls_and_walls() {
    let disk = disk();
    disk.link("ws/reports", "src");
    let written = WrittenPermissions {
        file: "playbooks/x.yaml".to_owned(),
        tools: Some(vec!["write_text".to_owned()]),
        read: Some(vec![".".to_owned()]),
        write: Some(vec!["reports/".to_owned(), "policies/".to_owned()]),
        ..WrittenPermissions::default()
    };
    let bounds = [written.resolved(&disk.places).expect("resolved")];
    let tool = write_text();
    let set = compile(&built_in(), &Vocabulary::new([tool.clone()]), &Options::default());
    let set = set.expect("the built-in set");
    let decide = |path: &str| {
        let args = json!({ "path": path, "text": "" });
        set.decide(&disk.request(&tool, args, &bounds))
    };
    let inside = decide("reports/a.md");
    assert_eq!(inside.effect, Effect::Allow, "{inside:?}");
    assert_eq!(inside.confinement.write, [disk.base.join("ws/src")]);
    assert_eq!(inside.confinement.read, [disk.base.join("ws"), disk.base.join("ws/src")]);
    assert_eq!(inside.confinement.profile, "write");
    let beyond = decide("README.md");
    assert_eq!(beyond.effect, Effect::Deny);
    assert_eq!(beyond.rules[0].id, "playbook.permissions");
    assert_eq!(beyond.rules[0].file, "playbooks/x.yaml");
    assert!(beyond.reason.contains("`permissions.write` does not cover `README.md`"));
    assert_eq!(decide("policies/a.yaml").effect, Effect::Deny);
}

#[test]
fn every_bound_must_hold_and_the_walls_are_what_all_leave() {
    let disk = disk();
    let bound = |file: &str, tools: &[&str], write: &[&str]| {
        let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
        let written = WrittenPermissions {
            file: file.to_owned(),
            tools: texts(tools),
            read: texts(&["."]),
            write: texts(write),
            ..WrittenPermissions::default()
        };
        written.resolved(&disk.places).expect("resolved")
    };
    let tool = write_text();
    let set = compile(&built_in(), &Vocabulary::new([tool.clone()]), &Options::default());
    let set = set.expect("the built-in set");
    let own = bound("playbooks/child.yaml", &["write_text"], &["src/", "docs/"]);
    let caller = bound("playbooks/parent.yaml", &["write_text"], &["src/deep", "notes/"]);
    let without = bound("playbooks/parent.yaml", &["read_text"], &["."]);
    for (path, bounds, effect) in [
        ("src/deep/a", [&own, &caller], Effect::Allow),
        ("src/a", [&own, &caller], Effect::Deny),
        ("notes/a", [&own, &caller], Effect::Deny),
        ("docs/a", [&own, &caller], Effect::Deny),
        ("src/a", [&own, &without], Effect::Deny),
    ] {
        let args = json!({ "path": path, "text": "" });
        let decision = set.decide(&disk.request(&tool, args, &bounds.map(Clone::clone)));
        assert_eq!(decision.effect, effect, "{path}: {decision:?}");
        if effect == Effect::Allow {
            assert_eq!(decision.confinement.write, [disk.base.join("ws/src/deep")]);
        }
    }
    let args = json!({ "path": "src/a", "text": "" });
    let decision = set.decide(&disk.request(&tool, args, &[own, caller]));
    assert_eq!(decision.rules[0].file, "playbooks/parent.yaml");
    assert!(decision.reason.contains("the calling run may do less"), "{}", decision.reason);
}

#[test]
fn walls_hold_what_governs_the_program() {
    let disk = disk();
    let tool = write_text();
    let set = compile(&built_in(), &Vocabulary::new([tool.clone()]), &Options::default());
    let set = set.expect("the built-in set");
    let request = disk.request(&tool, json!({ "path": "a", "text": "" }), &[]);
    let confinement = set.decide(&request).confinement;
    let root = disk.base.join("ws");
    for name in ["config", "policies", "playbooks", "prompts", "memory", ".env", "logs"] {
        assert!(confinement.protected.contains(&root.join(name)), "{name}");
    }
    for name in [".bailiwick", ".git/hooks", ".git/config"] {
        assert!(confinement.protected.contains(&root.join(name)), "{name}");
    }
    assert_eq!(confinement.write, [root]);
    assert!(confinement.read.contains(&disk.base.join("repo")));
    let mut reading = request;
    reading.walls.fs = FsAccess::Read;
    assert!(set.decide(&reading).confinement.write.is_empty());
}

#[test]
fn walls_name_what_a_command_may_not_read_of_each_root() {
    let disk = disk();
    let tool = write_text();
    let set = compile(&built_in(), &Vocabulary::new([tool.clone()]), &Options::default());
    let set = set.expect("the built-in set");
    let root = disk.base.join("ws");
    let closed = |read: &[&str], write: &[&str]| {
        let under = |names: &[&str]| Some(names.iter().map(|name| root.join(name)).collect());
        let bound =
            Permissions { read: under(read), write: under(write), ..Permissions::default() };
        let request = disk.request(&tool, json!({ "path": "a", "text": "" }), &[bound]);
        let places = set.decide(&request).confinement.unreadable.clone();
        let names = places.iter().filter_map(|place| place.strip_prefix(&root).ok());
        names.map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(closed(&[""], &[""]), [".bailiwick", ".env", "logs"]);
    assert_eq!(closed(&[""], &["out"]), [".bailiwick", ".env", "logs"]);
    assert_eq!(closed(&["src"], &[]), ["src/.env"]);
    // What is only written keeps being a place where anything can be made.
    assert_eq!(closed(&["src"], &["out"]), ["src/.env"]);
    assert_eq!(closed(&[".bailiwick"], &[]), [".bailiwick", ".bailiwick/.env"]);
    assert_eq!(closed(&["keys/server.pem"], &[]), ["keys/server.pem"]);
    let request = disk.request(&tool, json!({ "path": "a", "text": "" }), &[]);
    let everywhere = set.decide(&request).confinement.unreadable.clone();
    assert!(everywhere.contains(&disk.base.join("repo/.env")), "{everywhere:?}");
}

#[test]
fn what_a_process_holds_is_secret_whichever_process_it_is() {
    let places = Places { root: PathBuf::from("/ws"), ..Places::default() };
    for (path, zone) in [
        ("/proc/self/environ", Zone::Secret),
        ("/proc/1/environ", Zone::Secret),
        ("/proc/*/environ", Zone::Secret),
        ("/proc/1/task/1/mem", Zone::Secret),
        ("/proc/1/status", Zone::System),
        ("/ws/proc/environ", Zone::Workspace),
    ] {
        assert_eq!(places.zone(Path::new(path), PathAccess::Read), zone, "{path}");
    }
}
