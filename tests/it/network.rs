//! How configuration and a playbook give commands a network.

use serde_json::{Value, json};

use super::harness::Space;

/// A playbook that runs a command and reads a file, with `network` among its permissions.
fn playbook(network: &str) -> String {
    format!(
        "schema: 1\nname: fetch\ndescription: Fetches.\npermissions: {{ tools: [shell_exec, read_text], read: [\".\"]{network} }}\nsteps:\n  - {{ id: fetch, tool: shell_exec, args: {{ command: [make, fetch] }} }}\n  - {{ id: read, tool: read_text, args: {{ path: README.md }} }}\n"
    )
}

/// `network` and `hosts` of each step's confinement in a dry run.
fn confined(config: &[(&str, &str)], network: &str) -> Vec<Value> {
    let space = Space::new();
    let file = space.write("p.yaml", &playbook(network));
    let mut command = space.command(&["run", file.to_str().unwrap(), "--dry-run", "--json"]);
    command.envs(config.iter().copied());
    let ran = super::harness::Ran::of(command.output().unwrap()).expect(0);
    let steps = ran.json()["items"].as_array().unwrap().clone();
    let confinement = |step: &Value| {
        let confinement = &step["decision"]["confinement"];
        json!([confinement["network"], confinement.get("hosts").cloned().unwrap_or(json!([]))])
    };
    steps.iter().map(confinement).collect()
}

const PROFILE: &str = "BAILIWICK_SANDBOX__PROFILES__SHELL_EXEC__NET";
const HOSTS: (&str, &str) =
    ("BAILIWICK_SANDBOX__PROXY__HOSTS", "[pypi.org, '*.x.example:8443', 'http://m.example']");

#[test]
fn a_command_reaches_what_profile_configuration_and_playbook_all_name() {
    let none = json!(["none", []]);
    let proxy = (PROFILE, "proxy");
    let cases = [
        (vec![HOSTS], ", network: [pypi.org]", none.clone()),
        (vec![proxy], ", network: [pypi.org]", none.clone()),
        (vec![proxy, HOSTS], "", none.clone()),
        (vec![proxy, HOSTS], ", network: [other.example]", none.clone()),
        (vec![proxy, HOSTS], ", network: [pypi.org]", json!(["proxy", ["pypi.org"]])),
        (
            vec![proxy, HOSTS],
            ", network: [a.x.example, m.example, other.example]",
            json!(["proxy", ["a.x.example:8443", "http://m.example"]]),
        ),
        (vec![(PROFILE, "loopback"), HOSTS], "", json!(["loopback", []])),
    ];
    for (config, network, expected) in cases {
        let found = confined(&config, network);
        assert_eq!(found, [expected, none.clone()], "{config:?} {network}");
    }
}

#[test]
fn a_workspace_that_nobody_trusts_adds_no_hosts() {
    let space = Space::new();
    let text = "sandbox: { proxy: { hosts: [evil.example], allow_addresses: { pypi.org: [127.0.0.1] } } }\n";
    space.write("config/bailiwick.yaml", text);
    let shown = space.run(&["config", "show", "sandbox.proxy", "--json"]).expect(0).json();
    let values: Vec<&Value> =
        shown["items"].as_array().unwrap().iter().map(|item| &item["value"]).collect();
    assert_eq!(values, [&json!([]), &json!({})], "{shown}");
    let ran = space.run(&["config", "check"]);
    ran.says(&["sandbox.proxy.hosts", "sandbox.proxy.allow_addresses"]);
}
