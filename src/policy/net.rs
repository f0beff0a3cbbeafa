//! The network that the cell of a command has: what its profile gives, narrowed by every bound.

use std::collections::BTreeMap;

use crate::contracts::{ListedHost, Network};

/// The profile of readers of hostile files. It never has a network, whatever configuration says.
const PARSE: &str = "parse";

/// What configuration gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nets {
    /// The network of each sandbox profile.
    pub profiles: BTreeMap<String, Network>,
    /// `sandbox.proxy.hosts`.
    pub hosts: Vec<ListedHost>,
}

/// A network, and with [`Network::Proxy`] the hosts in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The kind.
    pub network: Network,
    /// What the proxy lets through; empty for other kinds.
    pub hosts: Vec<ListedHost>,
}

impl Nets {
    /// The most that commands of `profile` may have. A tool without a profile runs no command.
    #[must_use]
    pub fn of(&self, profile: &str) -> Reach {
        let network = self.profiles.get(profile).copied().filter(|_| profile != PARSE);
        match network.unwrap_or_default() {
            Network::Proxy => Reach { network: Network::Proxy, hosts: self.hosts.clone() }.tidy(),
            network => Reach { network, hosts: Vec::new() },
        }
    }
}

impl Reach {
    /// What is left of it within `bounds`, each a list of host patterns that must hold. The cell's own
    /// loopback reaches nobody, so no bound is about it.
    #[must_use]
    pub fn within<'a>(mut self, bounds: impl Iterator<Item = &'a [String]>) -> Self {
        for patterns in bounds {
            let parts = self.hosts.iter().flat_map(|host| {
                patterns.iter().filter_map(|pattern| host.within(pattern)).collect::<Vec<_>>()
            });
            self.hosts = parts.collect();
        }
        self.tidy()
    }

    /// Whether there is any.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.network != Network::None
    }

    /// Each host once; a proxy that lets nothing through is no network.
    fn tidy(mut self) -> Self {
        self.hosts.sort();
        self.hosts.dedup();
        if self.network == Network::Proxy && self.hosts.is_empty() {
            self.network = Network::None;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(network: Network) -> Nets {
        let hosts = ["pypi.org", "*.pythonhosted.org", "http://mirror.example:8080"];
        Nets {
            profiles: [("worker".to_owned(), network), ("parse".to_owned(), network)].into(),
            hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        }
    }

    /// `hosts` in any order.
    fn check(reach: Reach, bounds: &[&[&str]], network: Network, hosts: &[&str]) {
        let texts = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let bounds: Vec<Vec<String>> = bounds.iter().map(|bound| texts(bound)).collect();
        let reach = reach.within(bounds.iter().map(Vec::as_slice));
        let mut found: Vec<String> = reach.hosts.iter().map(ToString::to_string).collect();
        let mut hosts = texts(hosts);
        found.sort();
        hosts.sort();
        assert_eq!((reach.network, found), (network, hosts), "{bounds:?}");
    }

    #[test]
    fn a_profile_gives_its_network_and_every_bound_narrows_it() {
        use Network::{Loopback, None, Proxy};
        let proxy = || nets(Proxy).of("worker");
        let all = &["pypi.org", "*.pythonhosted.org", "http://mirror.example:8080"];
        check(proxy(), &[], Proxy, all);
        check(proxy(), &[&["pypi.org"]], Proxy, &["pypi.org"]);
        check(proxy(), &[&["files.pythonhosted.org"]], Proxy, &["files.pythonhosted.org"]);
        check(
            proxy(),
            &[&["*.pythonhosted.org", "pypi.org"], &["*.org"]],
            Proxy,
            &["pypi.org", "*.pythonhosted.org"],
        );
        check(proxy(), &[&["pypi.org"], &["*.pythonhosted.org"]], None, &[]);
        check(proxy(), &[&["elsewhere.example"]], None, &[]);
        check(proxy(), &[&[]], None, &[]);
        check(nets(Loopback).of("worker"), &[&[]], Loopback, &[]);
        check(nets(None).of("worker"), &[&["pypi.org"]], None, &[]);
    }

    #[test]
    fn readers_of_hostile_files_and_tools_without_a_profile_never_have_any() {
        for network in [Network::Loopback, Network::Proxy] {
            for profile in ["parse", "", "unknown"] {
                assert!(!nets(network).of(profile).is_some(), "{profile}");
            }
        }
        assert!(!Nets { hosts: Vec::new(), ..nets(Network::Proxy) }.of("worker").is_some());
    }
}
