//! The network that commands get: from their profile, within every bound, and asked about as ever when
//! they send.

use serde_json::json;

use super::stage::{beside, ids, vocabulary};
use crate::contracts::{Confinement, Decision, Effect, Map, Network};
use crate::policy::{
    Asked, Nets, Options, Permissions, Places, PolicySet, Request, gather, resolve_lexically,
};

const HOSTS: [&str; 4] =
    ["pypi.org", "*.pythonhosted.org", "static.crates.io", "http://mirror.example"];

fn places(network: Network) -> Places {
    let profiles = ["shell_exec", "git", "parse"].map(|name| (name.to_owned(), network));
    let hosts = HOSTS.iter().map(|host| host.parse().unwrap()).collect();
    Places { nets: Nets { profiles: profiles.into(), hosts }, ..crate::policy::example::imagined() }
}

fn request(
    network: Network,
    tool: &str,
    args: serde_json::Value,
    change: impl FnOnce(&mut Asked<'_>),
) -> Request {
    let (vocabulary, places) = (vocabulary(), places(network));
    let args: Map = args.as_object().unwrap().clone();
    let mut asked = Asked::of(vocabulary.get(tool).unwrap(), &args);
    change(&mut asked);
    gather(asked, &places, &mut |text| resolve_lexically(text, &places))
}

fn decided(set: &PolicySet, network: Network, line: &str) -> Decision {
    set.decide(&request(network, "shell_exec", json!({ "command": line }), |_| {}))
}

fn shipped() -> PolicySet {
    beside(&[], &Options::default())
}

fn bounded(networks: &[Option<&[&str]>], change: impl FnOnce(&mut Asked<'_>)) -> Confinement {
    let bound = |network: &Option<&[&str]>| Permissions {
        network: network.map(|hosts| hosts.iter().map(|it| (*it).to_owned()).collect()),
        ..Permissions::default()
    };
    let args = json!({ "command": "make" });
    let asked = request(Network::Proxy, "shell_exec", args, |asked| {
        asked.permissions = networks.iter().map(bound).collect();
        change(asked);
    });
    shipped().decide(&asked).confinement.as_ref().clone()
}

/// What fetches runs, whatever network its cell has: the proxy holds it to the listed hosts.
#[test]
fn plain_fetches_run_in_their_cell() {
    let set = shipped();
    let lines = [
        "curl https://pypi.org/simple/six/",
        "curl -fsSL -o six.html https://pypi.org/simple/six/",
        "curl -I https://pypi.org/",
        "wget -q https://pypi.org/simple/six/",
        "wget -O - http://mirror.example/x",
        "pip download six",
        "pip download --no-deps -d wheels six==1.16.0",
        "python3 -m pip download six",
        "pip install six",
        "cargo fetch",
        "cargo fetch --locked",
        "cargo build",
        "npm pack left-pad",
        "npm ci",
        "git clone https://static.crates.io/x.git",
        "git clone --depth 1 https://static.crates.io/x.git dir",
        "git fetch",
        "git fetch origin main",
        "git ls-remote https://static.crates.io/x.git",
    ];
    let mut wrong = Vec::new();
    for network in [Network::None, Network::Proxy] {
        for line in lines {
            let decision = decided(&set, network, line);
            if decision.effect != Effect::Allow || decision.confinement.network != network {
                wrong.push(format!(
                    "{line} ({network:?}): {:?} {:?}",
                    decision.effect,
                    ids(&decision)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_sends_asks_however_well_its_host_is_listed() {
    let set = shipped();
    for line in [
        "curl -d @report.json https://pypi.org/legacy/",
        "curl -T dist.whl https://pypi.org/legacy/",
        "curl -X POST https://pypi.org/",
        "curl -F file=@dist.whl https://pypi.org/",
        "wget --post-file=report.json https://pypi.org/",
        "tar c src | curl -T - https://pypi.org/",
        "twine upload dist/a.whl",
        "cargo publish",
        "npm publish",
        "git push https://static.crates.io/x.git main",
    ] {
        for network in [Network::None, Network::Proxy] {
            let decision = decided(&set, network, line);
            assert!(decision.effect >= Effect::Ask, "{line}: {:?}", decision.effect);
        }
    }
}

#[test]
fn a_cell_has_the_network_of_its_profile_within_every_bound() {
    let all = HOSTS.map(str::to_owned);
    let sorted = |mut hosts: Vec<String>| {
        hosts.sort();
        hosts
    };
    let none = bounded(&[None], |_| {});
    assert_eq!((none.network, sorted(none.hosts)), (Network::Proxy, sorted(all.to_vec())));
    type Bound<'a> = Option<&'a [&'a str]>;
    let cases: [(&[Bound<'_>], Network, &[&str]); 5] = [
        (&[Some(&["pypi.org"])], Network::Proxy, &["pypi.org"]),
        (&[Some(&["*.org"]), None, Some(&["pypi.org"])], Network::Proxy, &["pypi.org"]),
        (&[Some(&["pypi.org"]), Some(&["static.crates.io"])], Network::None, &[]),
        (&[Some(&["docs.example.org"])], Network::None, &[]),
        (&[Some(&[])], Network::None, &[]),
    ];
    for (bounds, network, hosts) in cases {
        let found = bounded(bounds, |_| {});
        assert_eq!(
            (found.network, found.hosts.as_slice()),
            (network, hosts.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>().as_slice())
        );
    }
}

#[test]
fn who_does_not_want_a_network_or_has_read_a_secret_gets_none() {
    assert_eq!(bounded(&[None], |asked| asked.network = false).network, Network::None);
    let after = bounded(&[None], |asked| asked.run.read_secret = true);
    assert_eq!((after.network, after.hosts.len()), (Network::None, 0));
}

#[test]
fn file_tools_have_no_network_whatever_profiles_say() {
    for network in [Network::Loopback, Network::Proxy] {
        for (tool, args) in [
            ("read_text", json!({ "path": "a.md" })),
            ("write_text", json!({ "path": "a.md", "text": "x" })),
        ] {
            let decision = shipped().decide(&request(network, tool, args, |_| {}));
            assert_eq!(decision.confinement.network, Network::None, "{tool}");
        }
        let decision = decided(&shipped(), network, "make");
        assert_eq!(decision.confinement.network, network);
    }
}
