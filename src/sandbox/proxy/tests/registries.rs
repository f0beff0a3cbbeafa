//! Real registries through the proxy: for machines that have a network. Run them with
//! `cargo nextest run --lib --run-ignored only -E 'test(proxy::tests::registries)'`.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::super::gate::Gate;
use super::stage::Stage;

/// A proxy to `hosts`, each bound to the addresses that it has here: they may be special ones.
fn to(hosts: &[&str]) -> Option<Stage> {
    let mut bound: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for host in hosts {
        let Ok(found) = (*host, 443).to_socket_addrs() else {
            eprintln!("skipped: `{host}` cannot be looked up here");
            return None;
        };
        bound.insert((*host).to_owned(), found.map(|it| it.ip()).collect());
    }
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    Some(Stage::new(Gate::new(&hosts, &bound).unwrap()))
}

/// Runs a program in `dir`, with the proxy as its only way out that it knows.
#[allow(clippy::disallowed_methods, reason = "a client of the test, not a command of a run")]
fn run(stage: &Stage, dir: &Path, argv: &[&str]) -> Option<Output> {
    let mut command = Command::new(argv[0]);
    command.args(&argv[1..]).current_dir(dir).stdin(Stdio::null());
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
    {
        command.env(name, format!("http://{}", stage.address));
    }
    for name in ["no_proxy", "NO_PROXY"] {
        command.env_remove(name);
    }
    command.env("CARGO_HOME", dir.join("cargo")).env("npm_config_cache", dir.join("npm"));
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: no `{}` here ({error})", argv[0]);
            None
        }
    }
}

/// Fetches with `argv` from `hosts`, and is refused by a proxy that lists another host.
fn check(hosts: &[&str], argv: &[&str], prepare: impl Fn(&Path)) {
    let Some(stage) = to(hosts) else { return };
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let Some(fetched) = run(&stage, dir.path(), argv) else { return };
    assert!(fetched.status.success(), "{argv:?}: {fetched:#?} {:#?}", stage.proxy.stop());
    assert_eq!(stage.proxy.stop(), [""; 0]);

    let other = Stage::new(Gate::new(&["other.example".to_owned()], &BTreeMap::new()).unwrap());
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let refused = run(&other, dir.path(), argv).unwrap();
    assert!(!refused.status.success(), "{refused:?}");
    let lines = other.proxy.stop();
    let unlisted = |line: &String| line.contains(&format!("{}:443 is not listed", hosts[0]));
    assert!(lines.iter().any(unlisted), "{lines:?}");
}

#[test]
#[ignore = "asks a registry on the network"]
fn pip_downloads() {
    let argv =
        ["pip", "download", "--no-cache-dir", "--retries", "0", "--no-deps", "-d", "wheels", "six"];
    check(&["pypi.org", "files.pythonhosted.org"], &argv, |_| {});
}

#[test]
#[ignore = "asks a registry on the network"]
fn cargo_fetches() {
    check(&["index.crates.io", "static.crates.io"], &["cargo", "fetch"], |dir| {
        std::fs::create_dir(dir.join("src")).unwrap();
        std::fs::write(dir.join("src/lib.rs"), "").unwrap();
        let manifest = "[package]\nname = \"x\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[dependencies]\nitoa = \"1\"\n[workspace]\n";
        std::fs::write(dir.join("Cargo.toml"), manifest).unwrap();
    });
}

#[test]
#[ignore = "asks a registry on the network"]
fn npm_packs() {
    check(&["registry.npmjs.org"], &["npm", "pack", "--fetch-retries=0", "left-pad"], |_| {});
}
