//! Arguments of a browser, and the walls it gets.

use serde_json::{Value, json};

use crate::contracts::{ErrorKind, Network};
use crate::tools::fixture::Bench;

fn with_step(step: Value) -> Value {
    json!({ "url": "https://site.example/", "steps": [step] })
}

#[test]
fn steps_that_make_no_sense_are_refused() {
    let bench = Bench::new();
    for args in [
        json!({}),
        json!({ "url": "file:///etc/passwd" }),
        json!({ "url": "chrome://version" }),
        json!({ "url": "data:text/html,x" }),
        json!({ "url": "javascript:alert(1)" }),
        json!({ "url": "https://user:pass@site.example/" }),
        json!({ "url": "https://site.example/", "hosts": ["*.example"] }),
        json!({ "url": "https://site.example/", "hosts": ["a.example:8080"] }),
        json!({ "url": "https://site.example/", "hosts": ["http://a.example"] }),
        json!({ "url": "https://site.example/", "steps": vec![json!({"wait": {"ms": 1}}); 101] }),
        json!({ "url": "https://site.example/", "step_timeout_ms": 1 }),
        with_step(json!({ "open": { "url": "https://other.example/" } })),
        with_step(json!({ "open": { "url": "file:///etc/passwd" } })),
        with_step(json!({ "open": { "url": "https://site.example/", "more": 1 } })),
        with_step(json!({ "click": { "css": "a" }, "wait": { "ms": 1 } })),
        with_step(json!({ "click": {} })),
        with_step(json!({ "click": { "css": "" } })),
        with_step(json!({ "dance": { "css": "a" } })),
        with_step(json!("click")),
        with_step(json!({ "wait": {} })),
        with_step(json!({ "wait": { "css": "a", "ms": 5 } })),
        with_step(json!({ "wait": { "gone": true, "ms": 5 } })),
        with_step(json!({ "wait": { "ms": 60_001 } })),
        with_step(json!({ "scroll": {} })),
        with_step(json!({ "scroll": { "css": "a", "by": 1 } })),
        with_step(json!({ "press": { "key": "power" } })),
        with_step(json!({ "extract": { "name": "a", "css": "a", "what": "attribute" } })),
        with_step(json!({ "extract": { "name": "a", "css": "a", "attribute": "href" } })),
        with_step(json!({ "extract": { "name": "a", "css": "a", "limit": 0 } })),
        with_step(json!({ "upload": { "css": "a", "file": "a.txt" } })),
        with_step(json!({ "frame": { "name": "a" } })),
        json!({ "url": "https://site.example/", "files": ["a/b", "c/b"] }),
        json!({ "url": "https://site.example/", "files": ["a/.."] }),
        with_step(json!({ "screenshot": { "name": "../a" } })),
        with_step(json!({ "screenshot": { "name": "/tmp/a" } })),
        json!({ "url": "https://site.example/", "steps": [
            { "screenshot": { "name": "a" } }, { "screenshot": { "name": "a" } },
        ] }),
    ] {
        assert_eq!(bench.kind("browser_task", args.clone()), ErrorKind::BadArguments, "{args}");
    }
    assert!(bench.ran().is_empty());
}

#[test]
fn a_host_that_was_not_granted_starts_nothing() {
    let mut bench = Bench::new();
    let setup = &mut bench.context_mut().browser;
    let program = std::env::current_exe().unwrap();
    (setup.program, setup.driver) = (Some(program.clone()), Some(program));
    let args = || json!({ "url": "https://site.example/", "hosts": ["cdn.example"] });
    for (network, hosts) in [
        (Network::None, vec![]),
        (Network::Loopback, vec![]),
        (Network::Proxy, vec!["cdn.example", "other.example"]),
    ] {
        bench.confine(|walls| {
            walls.network = network;
            walls.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        });
        let error = bench.error("browser_task", args());
        assert_eq!(error.kind, ErrorKind::Forbidden, "{}", error.message);
        assert!(error.message.contains("sandbox.proxy.hosts"), "{}", error.message);
    }
    assert!(bench.ran().is_empty());
}

#[test]
fn the_cell_gets_the_named_hosts_its_scratch_directory_and_nothing_else() {
    let mut bench = Bench::new();
    let setup = &mut bench.context_mut().browser;
    (setup.program, setup.driver) = (Some("/usr/bin/env".into()), Some("/usr/bin/env".into()));
    bench.confine(|walls| {
        walls.network = Network::Proxy;
        walls.hosts = ["site.example", "cdn.example", "other.example"].map(str::to_owned).into();
    });
    let args = json!({ "url": "https://site.example/", "hosts": ["cdn.example"] });
    assert_eq!(bench.kind("browser_task", args), ErrorKind::NotFound);
    let [spec] = bench.ran().try_into().unwrap();
    assert_eq!(spec.confinement.hosts, ["cdn.example", "site.example"]);
    assert_eq!(spec.confinement.network, Network::Proxy);
    assert_eq!(spec.confinement.write, std::slice::from_ref(&spec.cwd));
    assert!(!spec.confinement.read.iter().any(|path| path.starts_with(bench.root())));
    assert!(!spec.cwd.exists(), "the scratch directory is gone");
}

#[test]
fn what_is_not_installed_is_named() {
    let mut bench = Bench::new();
    bench.context_mut().browser.program = Some("/nowhere/browser".into());
    let error = bench.error("browser_task", json!({ "url": "https://site.example/" }));
    assert_eq!(error.kind, ErrorKind::Unavailable);
    for part in ["chromium-headless-shell", "chromium-driver", "tools.browser.program"] {
        assert!(error.message.contains(part), "{}", error.message);
    }
}
