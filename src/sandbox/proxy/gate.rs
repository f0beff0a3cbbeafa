//! Which hosts may be reached, and at which addresses.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use super::limits::ADDRESSES_MAX;
use super::refusal::{Refusal, Status};
use crate::contracts::ListedHost;
use crate::policy::{HostClass, HostFault, address_class, host};

/// How a name becomes addresses.
pub(super) type Lookup = Arc<dyn Fn(&str, u16) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// The hosts that may be reached.
#[derive(Clone)]
pub struct Gate {
    listed: Vec<ListedHost>,
    bound: BTreeMap<String, Vec<IpAddr>>,
    lookup: Lookup,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("listed", &self.listed)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

/// What a client wants to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    /// TLS, in a tunnel.
    Tls,
    /// HTTP without TLS.
    Plain,
}

/// A host that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// In lower case, without a dot at the end; never an address.
    pub(super) name: String,
    pub(super) port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.port)
    }
}

impl Gate {
    /// A gate for `hosts`, as in `sandbox.proxy.hosts`; a host in `allow_addresses` is reached at these
    /// addresses, whatever they are, and never looked up.
    ///
    /// # Errors
    /// With the first entry that is none.
    pub fn new(
        hosts: &[String],
        allow_addresses: &BTreeMap<String, Vec<IpAddr>>,
    ) -> Result<Self, String> {
        let listed = hosts.iter().map(|text| text.parse().map_err(|error| format!("{error}")));
        let bound = allow_addresses.iter().map(|(text, addresses)| {
            let fact = host("", text).map_err(|fault| fault.to_string())?;
            if addresses.is_empty() {
                return Err(format!("`{text}` is bound to no address: name one, or leave it out"));
            }
            Ok((fact.name, addresses.clone()))
        });
        Ok(Self {
            listed: listed.collect::<Result<_, _>>()?,
            bound: bound.collect::<Result<_, _>>()?,
            lookup: Arc::new(system_lookup),
        })
    }

    /// The same with another way to look names up.
    #[cfg(test)]
    pub(super) fn with_lookup(self, lookup: Lookup) -> Self {
        Self { lookup, ..self }
    }

    /// The host that `authority`, `host` or `host:port`, names, if `speech` may be spoken with it.
    pub(super) fn admit(&self, authority: &str, speech: Speech) -> Result<Target, Refusal> {
        let scheme = match speech {
            Speech::Tls => "https",
            Speech::Plain => "http",
        };
        let fact = host("", &format!("{scheme}://{authority}")).map_err(misread)?;
        let target = Target { name: fact.name, port: fact.port };
        if target.name.parse::<IpAddr>().is_ok() {
            return Err(Refusal::forbidden(format!(
                "{} is an address: name the host",
                authority.escape_debug()
            )));
        }
        let named: Vec<&ListedHost> =
            self.listed.iter().filter(|entry| entry.names(&target.name)).collect();
        let plain = speech == Speech::Plain;
        if named.iter().any(|entry| entry.port() == target.port && entry.is_plain() == plain) {
            return Ok(target);
        }
        Err(Refusal::forbidden(unlisted(&target, &named, plain)))
    }

    /// Every address at which `target` may be reached.
    pub(super) fn addresses(&self, target: &Target) -> Result<Vec<IpAddr>, Refusal> {
        if let Some(bound) = self.bound.get(&target.name) {
            return Ok(bound.clone());
        }
        let name = &target.name;
        let mut found = (self.lookup)(name, target.port).map_err(|error| {
            Refusal::new(Status::BadGateway, format!("{name} cannot be looked up: {error}"))
        })?;
        found.sort();
        found.dedup();
        if found.is_empty() || found.len() > ADDRESSES_MAX {
            let why =
                format!("{name} has {} addresses: 1 to {ADDRESSES_MAX} can be used", found.len());
            return Err(Refusal::new(Status::BadGateway, why));
        }
        // One inner address among public ones is enough to refuse: which of them is connected to
        // would be chance.
        for address in &found {
            let class = address_class(*address);
            if class != HostClass::Public {
                return Err(Refusal::forbidden(format!(
                    "{name} has the {} address {address}: bind it in sandbox.proxy.allow_addresses if that is meant",
                    class.as_str()
                )));
            }
        }
        Ok(found)
    }
}

fn misread(fault: HostFault) -> Refusal {
    Refusal::bad(fault.to_string())
}

fn unlisted(target: &Target, named: &[&ListedHost], plain: bool) -> String {
    let Target { name, port } = target;
    if named.is_empty() {
        return format!(
            "{target} is not listed: sandbox.proxy.hosts and the playbook's permissions.network must both name it"
        );
    }
    let entries: Vec<String> = named.iter().map(ToString::to_string).collect();
    let entries = entries.join(", ");
    if plain && named.iter().all(|entry| !entry.is_plain()) {
        format!("{name} is listed for HTTPS only ({entries}): plain HTTP needs http://{name}")
    } else if !plain && named.iter().all(|entry| entry.is_plain()) {
        format!("{name} is listed for plain HTTP only ({entries}): no tunnel is made to it")
    } else {
        format!("{name} is listed ({entries}), but not with port {port}")
    }
}

/// What the system says. Blocks as long as the system does.
fn system_lookup(name: &str, port: u16) -> io::Result<Vec<IpAddr>> {
    Ok((name, port).to_socket_addrs()?.map(|found| found.ip()).collect())
}
