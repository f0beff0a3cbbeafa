//! Hosts in arguments: one spelling for each, and the kind of network it is in. No name is looked up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// The kind of network a host is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostClass {
    /// The internet; every name, until it is looked up.
    Public,
    /// An organisation's own network.
    Private,
    /// This machine.
    Loopback,
    /// This cable.
    LinkLocal,
    /// A cloud's metadata service, which hands out credentials.
    Metadata,
}

impl HostClass {
    /// Every class by its word in files.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("public", Self::Public),
        ("private", Self::Private),
        ("loopback", Self::Loopback),
        ("link_local", Self::LinkLocal),
        ("metadata", Self::Metadata),
    ];

    /// The word used in files and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link_local",
            Self::Metadata => "metadata",
        }
    }
}

/// A host that an argument names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostFact {
    /// Lower case, without a dot at the end; addresses in their usual form.
    pub name: String,
    /// The kind of network.
    pub class: HostClass,
    /// The port; that of the scheme where none is written, 0 where neither says.
    pub port: u16,
    /// The scheme in lower case; empty where none is written.
    pub scheme: String,
    /// The argument.
    pub arg: String,
}

/// Why a text is not a host that policy can judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// No host in it, or characters no host has.
    #[error("`{0}` names no host")]
    NoHost(String),
    /// `user:password@host`, a favourite disguise.
    #[error("`{0}` has a user name before the host: leave it out")]
    UserInfo(String),
    /// Letters that look like others.
    #[error("the host of `{0}` is not written in ASCII: write its `xn--` form")]
    NotAscii(String),
    /// No port number.
    #[error("`{0}` has a port that is none")]
    Port(String),
}

const METADATA_NAMES: [&str; 6] = [
    "metadata.google.internal",
    "metadata.goog",
    "metadata",
    "metadata.azure.internal",
    "instance-data",
    "instance-data.ec2.internal",
];

/// Endings of names that no public server answers for.
const PRIVATE_ENDINGS: [&str; 9] = [
    ".local",
    ".localdomain",
    ".internal",
    ".intranet",
    ".lan",
    ".corp",
    ".home",
    ".home.arpa",
    ".private",
];

/// Services of clouds that hand out credentials: AWS and most others, AWS for containers and for
/// pods, Azure, Alibaba, Oracle.
const METADATA_V4: [Ipv4Addr; 6] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// The host that `text`, a URL or `host[:port]`, names.
///
/// # Errors
/// When no host is named, or one that programs read differently.
pub fn host(arg: &str, text: &str) -> Result<HostFact, HostFault> {
    let shown = || text.escape_debug().to_string();
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => (String::new(), text),
    };
    // A backslash ends the host for browsers and not for other programs.
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(HostFault::NoHost(shown()));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(HostFault::UserInfo(shown()));
    }
    let (name, port) = split_port(authority).ok_or_else(|| HostFault::Port(shown()))?;
    if !name.is_ascii() || name.contains('%') {
        return Err(HostFault::NotAscii(shown()));
    }
    let (name, class) = normalised(name).ok_or_else(|| HostFault::NoHost(shown()))?;
    let port = port.unwrap_or_else(|| usual_port(&scheme));
    Ok(HostFact { name, class, port, scheme, arg: arg.to_owned() })
}

/// Whether a text is a URL with a host, so that the argument counts as one that names a host.
#[must_use]
pub fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// Whether the host `name` is named by `pattern`: itself, or `*.domain` for everything below it.
#[must_use]
pub fn host_matches(pattern: &str, name: &str) -> bool {
    let pattern = pattern.trim_end_matches('.').to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(domain) => {
            name.strip_suffix(domain).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.'))
        }
        None => pattern == "*" || pattern == name,
    }
}

/// The kind of network an address is in.
#[must_use]
pub fn address_class(address: IpAddr) -> HostClass {
    class_of(address.to_canonical())
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    if let Some(inner) = authority.strip_prefix('[') {
        let (name, rest) = inner.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((name, Some(port.parse().ok()?))),
            None => rest.is_empty().then_some((name, None)),
        };
    }
    match authority.rsplit_once(':') {
        Some((name, _)) if name.contains(':') => Some((authority, None)),
        Some((name, "")) => Some((name, None)),
        Some((name, port)) => Some((name, Some(port.parse().ok()?))),
        None => Some((authority, None)),
    }
}

fn normalised(name: &str) -> Option<(String, HostClass)> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if let Ok(address) = name.parse::<Ipv6Addr>() {
        let address = address.to_canonical();
        return Some((address.to_string(), class_of(address)));
    }
    if let Some(address) = loose_ipv4(&name) {
        return Some((address.to_string(), class_of(IpAddr::V4(address))));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let sound = !name.is_empty()
        && name.len() <= 253
        && name.chars().all(plain)
        && name.split('.').all(|label| !label.is_empty() && label.len() <= 63)
        // A name whose last label is a number is an address that could not be read.
        && !name.rsplit('.').next().is_some_and(is_number);
    sound.then(|| {
        let class = class_of_name(&name);
        (name, class)
    })
}

fn class_of_name(name: &str) -> HostClass {
    if METADATA_NAMES.contains(&name) {
        HostClass::Metadata
    } else if name == "localhost" || name.ends_with(".localhost") {
        HostClass::Loopback
    } else if !name.contains('.') || PRIVATE_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        // A name without a dot is looked up in the network one is in: `redis`, `intranet`.
        HostClass::Private
    } else {
        HostClass::Public
    }
}

/// IPv4 in every form that C libraries and browsers take: `127.1`, `0x7f000001`, `017700000001`.
fn loose_ipv4(name: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = name.split('.').map(loose_number).collect::<Option<_>>()?;
    let (last, firsts) = parts.split_last()?;
    if firsts.len() > 3 || firsts.iter().any(|part| *part > 255) {
        return None;
    }
    let spare = 4 - firsts.len();
    if *last >= 1_u64 << (8 * spare) {
        return None;
    }
    let head = firsts.iter().fold(0_u64, |sum, part| (sum << 8) | part);
    u32::try_from((head << (8 * spare)) | last).ok().map(Ipv4Addr::from)
}

/// Whether a label is a number to those who read `0x7f000001` as an address.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn loose_number(text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("0x") {
        return if hex.is_empty() { Some(0) } else { u64::from_str_radix(hex, 16).ok() };
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    }
}

fn class_of(address: IpAddr) -> HostClass {
    match address {
        IpAddr::V4(v4) => class_of_v4(v4),
        IpAddr::V6(v6) => class_of_v6(v6),
    }
}

fn class_of_v4(v4: Ipv4Addr) -> HostClass {
    let [a, b, c, _] = v4.octets();
    if METADATA_V4.contains(&v4) {
        HostClass::Metadata
    } else if v4.is_loopback() || v4.is_unspecified() {
        HostClass::Loopback
    } else if v4.is_link_local() {
        HostClass::LinkLocal
    } else if v4.is_private()
        || v4.is_multicast()
        || v4.is_broadcast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113)
    {
        HostClass::Private
    } else {
        HostClass::Public
    }
}

fn class_of_v6(v6: Ipv6Addr) -> HostClass {
    let [a, b, ..] = v6.segments();
    if v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) {
        HostClass::Metadata
    } else if v6.is_loopback() || v6.is_unspecified() {
        HostClass::Loopback
    } else if v6.is_unicast_link_local() {
        HostClass::LinkLocal
    } else if let Some(inner) = embedded_v4(v6) {
        class_of_v4(inner)
    } else if v6.is_unique_local()
        || v6.is_multicast()
        || (a == 0x2001 && b == 0xdb8)
        || (a == 0x3fff && b < 0x1000)
        // What was site-local, what is thrown away, and translation inside of a network.
        || (a & 0xffc0) == 0xfec0
        || (a == 0x100 && b == 0)
        || (a == 0x64 && b == 0xff9b)
    {
        HostClass::Private
    } else {
        HostClass::Public
    }
}

/// The IPv4 address that a translating network would reach: `::a.b.c.d`, NAT64, 6to4, Teredo and
/// ISATAP.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b, c, d, e, f) {
        (0x2001, 0, ..) => Some(join(!g, !h)),
        (_, _, _, _, 0 | 0x200, 0x5efe) => Some(join(g, h)),
        (0, 0, 0, 0, 0, 0) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(join(g, h)),
        (0x2002, high, low, ..) => Some(join(high, low)),
        _ => None,
    }
}

fn usual_port(scheme: &str) -> u16 {
    match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "ftp" => 21,
        "ssh" | "sftp" | "git+ssh" => 22,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_names_and_addresses_and_tells_their_network() {
        let cases = [
            ("https://Docs.Example.ORG./guide", "docs.example.org", HostClass::Public, 443),
            ("http://127.1/", "127.0.0.1", HostClass::Loopback, 80),
            ("http://0x7f000001:8080/", "127.0.0.1", HostClass::Loopback, 8080),
            ("http://017700000001", "127.0.0.1", HostClass::Loopback, 80),
            ("http://2130706433", "127.0.0.1", HostClass::Loopback, 80),
            ("http://0/", "0.0.0.0", HostClass::Loopback, 80),
            ("http://[::1]:80/", "::1", HostClass::Loopback, 80),
            ("http://[::ffff:10.0.0.1]/", "10.0.0.1", HostClass::Private, 80),
            ("http://[64:ff9b::a9fe:a9fe]/", "64:ff9b::a9fe:a9fe", HostClass::Metadata, 80),
            ("http://[2002:7f00:1::]/", "2002:7f00:1::", HostClass::Loopback, 80),
            ("http://169.254.169.254/latest", "169.254.169.254", HostClass::Metadata, 80),
            ("http://169.254.1.1", "169.254.1.1", HostClass::LinkLocal, 80),
            ("metadata.google.internal", "metadata.google.internal", HostClass::Metadata, 0),
            ("LOCALHOST:11434", "localhost", HostClass::Loopback, 11434),
            ("192.168.1.20", "192.168.1.20", HostClass::Private, 0),
            ("100.64.0.1", "100.64.0.1", HostClass::Private, 0),
            ("example.net", "example.net", HostClass::Public, 0),
            ("http://127.0.0.1.:80/", "127.0.0.1", HostClass::Loopback, 80),
            ("http://0177.0.0.0x1/", "127.0.0.1", HostClass::Loopback, 80),
            ("http://0xA9FEA9FE/", "169.254.169.254", HostClass::Metadata, 80),
            ("http://[::ffff:a9fe:a9fe]/", "169.254.169.254", HostClass::Metadata, 80),
            ("http://169.254.170.2/v2", "169.254.170.2", HostClass::Metadata, 80),
            ("http://168.63.129.16/", "168.63.129.16", HostClass::Metadata, 80),
            ("http://instance-data/", "instance-data", HostClass::Metadata, 80),
            ("http://[fd00:ec2::254]/", "fd00:ec2::254", HostClass::Metadata, 80),
            ("http://[fe80::1]/", "fe80::1", HostClass::LinkLocal, 80),
            ("http://[fd12::1]/", "fd12::1", HostClass::Private, 80),
            ("http://[fec0::1]/", "fec0::1", HostClass::Private, 80),
            ("http://[ff02::1]/", "ff02::1", HostClass::Private, 80),
            ("http://[64:ff9b:1::1]/", "64:ff9b:1::1", HostClass::Private, 80),
            (
                "http://[2001:0:1:1:1:1:80ff:fffe]/",
                "2001:0:1:1:1:1:80ff:fffe",
                HostClass::Loopback,
                80,
            ),
            ("http://[2001:470::5efe:7f00:1]/", "2001:470::5efe:7f00:1", HostClass::Loopback, 80),
            ("http://[2606:4700::1]/", "2606:4700::1", HostClass::Public, 80),
            ("224.0.0.1", "224.0.0.1", HostClass::Private, 0),
            ("203.0.113.5", "203.0.113.5", HostClass::Private, 0),
            ("http://redis:6379", "redis", HostClass::Private, 6379),
            ("wiki.corp", "wiki.corp", HostClass::Private, 0),
            ("app.localhost", "app.localhost", HostClass::Loopback, 0),
            ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", HostClass::Public, 443),
            ("8.8.8.8", "8.8.8.8", HostClass::Public, 0),
        ];
        for (text, name, class, port) in cases {
            let fact = host("url", text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert_eq!((fact.name.as_str(), fact.class, fact.port), (name, class, port), "{text}");
        }
    }

    #[test]
    fn refuses_texts_that_programs_read_differently() {
        for text in [
            "",
            "https://",
            "https://user@example.org/",
            "https://good.example\\@evil.example/",
            "https://exa mple.org",
            "https://examp\u{0142}e.org/",
            "https://example.org%2eevil.example/",
            "https://example.org:99999/",
            "https://999.1.1.1.1/",
            "https://a..b/",
            "https://[::1/",
            "https://user:pw@example.org/",
            "https://example.org@evil.example",
            "https://[fe80::1%25eth0]/",
            "https://[fe80::1%eth0]/",
            "https://\u{ff11}27.0.0.1/",
            "https://example\u{3002}org/",
            "https://example.org\t.evil.example/",
            "https://1.2.3.256/",
            "https://0x1ffffffff/",
        ] {
            assert!(host("url", text).is_err(), "{text}");
        }
    }

    #[test]
    fn patterns_match_on_label_boundaries() {
        let cases = [
            ("docs.example.org", "docs.example.org", true),
            ("docs.example.org", "docs.example.org.evil.example", false),
            ("*.example.net", "a.b.example.net", true),
            ("*.example.net", "example.net", false),
            ("*.example.net", "badexample.net", false),
            ("*.example.net.", "a.example.net", true),
            ("*.example.net", ".example.net", false),
            ("example.net", "example.net.evil.example", false),
            ("Docs.Example.Org", "docs.example.org", true),
            ("*", "anything.example", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(host_matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
