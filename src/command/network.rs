//! Hosts in the words of programs, and whether something is got from them or sent to them.

use super::fact::{Access, Deed, FileUse, Leaf};
use super::table::Operands;
use super::walk::{Scope, Word};
use super::words::{Sorted, Takes};

/// Flags by which `curl` and `wget` send a body.
const BODIES: [&str; 12] = [
    "data",
    "data-raw",
    "data-binary",
    "data-urlencode",
    "data-ascii",
    "json",
    "form",
    "form-string",
    "post-data",
    "post-file",
    "body-data",
    "body-file",
];

/// Parts of URLs that throw something away when they are posted to.
const DESTROYING_URLS: [&str; 8] = [
    "_delete_by_query",
    "doDelete",
    "/delete",
    "/destroy",
    "/remove",
    "/purge",
    "/drop",
    "/_close",
];

fn sends(leaf: &mut Leaf) {
    leaf.note(Deed::Send);
}

/// Notes hosts, and what is done with them.
pub(super) fn note(leaf: &mut Leaf, sorted: &Sorted, operands: Operands, scope: &Scope) {
    for (_, takes, word) in &sorted.values {
        if *takes == Takes::Host {
            leaf.hosts.push(word.text.clone());
        }
    }
    match leaf.program.as_str() {
        "curl" | "wget" | "wget2" => web(leaf, sorted, scope),
        "ssh" | "mosh" | "autossh" if sorted.operands.is_empty() => {}
        "openssl" if leaf.positional.first().is_some_and(|verb| verb == "s_client") => {
            sends(leaf);
            leaf.note(Deed::Fetch);
        }
        "nc" | "ncat" | "netcat" | "telnet" | "ftp" | "tftp" | "lftp" | "ncftp" | "ssh"
        | "mosh" | "autossh" => {
            let host = sorted
                .operands
                .first()
                .map(|word| remote_host(&word.text).unwrap_or_else(|| bare_host(&word.text)));
            leaf.hosts.extend(host);
            // `nc -z` knocks, and says nothing.
            if !sorted.has("zero") {
                sends(leaf);
            }
            leaf.note(Deed::Fetch);
        }
        // A name that is asked for is told to whoever answers.
        "ping" | "dig" | "nslookup" | "host" | "traceroute" | "whois" | "drill"
            if !sorted.operands.is_empty() =>
        {
            leaf.note(Deed::Fetch);
        }
        "mail" | "mailx" | "sendmail" | "mutt" | "msmtp" | "swaks" | "smbclient"
        | "telegram-send" | "slackcat" | "wscat" | "websocat" | "grpcurl" | "mosquitto_pub"
        | "mqtt" | "croc" | "wormhole" | "ffsend" | "rsh" | "rlogin" | "sshfs" | "ipfs"
        | "transfer" | "zmodem" => {
            sends(leaf);
        }
        _ if operands == Operands::Hosts => {
            for word in sorted
                .operands
                .iter()
                .filter(|word| word.text.contains(['.', ':']) && !word.text.contains("=="))
            {
                leaf.hosts.push(word.text.clone());
            }
            leaf.note(Deed::Fetch);
            if leaf.positional.first().is_some_and(|verb| {
                matches!(verb.to_ascii_uppercase().as_str(), "POST" | "PUT" | "PATCH" | "DELETE")
            }) {
                sends(leaf);
            }
        }
        _ if operands == Operands::RemoteCopy => {
            let hosts: Vec<String> =
                sorted.operands.iter().filter_map(|word| remote_host(&word.text)).collect();
            let last_is_remote =
                sorted.operands.last().is_some_and(|word| remote_host(&word.text).is_some());
            if !hosts.is_empty() {
                leaf.note(Deed::Fetch);
            }
            if last_is_remote && !(sorted.has("list-only") || sorted.has("dry-run"))
                || leaf.program == "sftp"
            {
                sends(leaf);
            }
            leaf.hosts.extend(hosts);
        }
        "git" => git(leaf),
        _ => {}
    }
    if sorted.operands.iter().any(|word| word.secret) && leaf.does.contains(&Deed::Fetch) {
        sends(leaf);
    }
    if !leaf.does.is_empty() && sorted.values.iter().any(|(_, _, word)| word.secret) {
        sends(leaf);
    }
}

fn web(leaf: &mut Leaf, sorted: &Sorted, scope: &Scope) {
    if sorted.has("help") || sorted.has("version") {
        return;
    }
    let mut urls: Vec<&Word> = sorted.operands.iter().collect();
    urls.extend(sorted.value("url"));
    for url in &urls {
        if let Some(path) = url.text.strip_prefix("file://") {
            leaf.files.push(FileUse {
                text: path.to_owned(),
                access: Access::Read,
                redirect: false,
            });
        } else if !url.open || url.text.contains("://") {
            leaf.hosts.push(host_part(&url.text));
        }
    }
    leaf.note(Deed::Fetch);
    saved(leaf, sorted, &urls, scope);
    let method = sorted
        .value("request")
        .or_else(|| sorted.value("method"))
        .map(|word| word.text.to_ascii_uppercase());
    let body = BODIES.iter().any(|flag| sorted.has(flag)) && !sorted.has("get");
    let writes =
        method.as_deref().is_some_and(|method| !matches!(method, "GET" | "HEAD" | "OPTIONS"));
    let asks = method.as_deref().is_none_or(|method| method == "POST")
        && !urls.is_empty()
        && urls.iter().all(|url| is_search(&url.text))
        && !sorted.values.iter().any(|(name, _, word)| {
            BODIES.contains(&name.as_str()) && (word.open || word.text.contains('@'))
        });
    if (body || writes) && !asks || sorted.has("upload-file") || sorted.has("config") {
        sends(leaf);
    }
    let posted = body || writes;
    if method.as_deref() == Some("DELETE")
        || (posted
            && urls.iter().any(|url| DESTROYING_URLS.iter().any(|part| url.text.contains(part))))
    {
        leaf.note(Deed::Destroy);
    }
    // `-H @file`, and `-b file`, which is no `name=value`.
    for (name, _, word) in &sorted.values {
        let path = match name.as_str() {
            "header" => word.text.strip_prefix('@'),
            "cookie" if !word.text.contains('=') => Some(word.text.as_str()),
            _ => None,
        };
        let texts = path.into_iter().flat_map(|path| scope.paths(path)).flatten();
        leaf.files.extend(texts.map(|text| FileUse {
            text,
            access: Access::Read,
            redirect: false,
        }));
    }
    // `-d @file` and `-F x=@file` send a file.
    for (name, _, word) in &sorted.values {
        if !BODIES.contains(&name.as_str()) {
            continue;
        }
        if let Some(at) = word.text.find('@') {
            let path =
                word.text.get(at + 1..).unwrap_or_default().split(';').next().unwrap_or_default();
            if !path.is_empty() && path != "-" {
                let texts = scope.paths(path).into_iter().flatten();
                leaf.files.extend(texts.map(|text| FileUse {
                    text,
                    access: Access::Read,
                    redirect: false,
                }));
            }
        }
    }
}

/// Search servers take what is looked for in the body of a POST.
fn is_search(url: &str) -> bool {
    const SEARCHES: [&str; 9] = [
        "_search",
        "_msearch",
        "_count",
        "_mget",
        "_field_caps",
        "search",
        "query",
        "multi_search",
        "_validate",
    ];
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().is_some_and(|last| SEARCHES.contains(&last))
}

/// Files that are saved under the name they have in the URL.
fn saved(leaf: &mut Leaf, sorted: &Sorted, urls: &[&Word], scope: &Scope) {
    let named = sorted.has("output") || sorted.has("output-document");
    let saves = if leaf.program == "curl" {
        sorted.has("remote-name")
    } else {
        !named && !sorted.has("spider")
    };
    if !saves {
        return;
    }
    for url in urls {
        let path = url.text.split(['?', '#']).next().unwrap_or_default();
        let path = path.split_once("://").map_or(path, |(_, rest)| rest);
        let Some((_, name)) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty()) else {
            continue;
        };
        let texts = scope.paths(name).into_iter().flatten();
        leaf.files.extend(texts.map(|text| FileUse {
            text,
            access: Access::Write,
            redirect: false,
        }));
    }
}

/// URLs and `host:path` among the words of `git`.
fn git(leaf: &mut Leaf) {
    let remote = matches!(
        leaf.positional.first().map(String::as_str),
        Some("push" | "fetch" | "pull" | "clone" | "ls-remote" | "remote" | "submodule")
    );
    if !remote {
        return;
    }
    let hosts = leaf.positional.iter().skip(1).filter_map(|word| {
        if word.contains("://") { Some(host_part(word)) } else { remote_host(word) }
    });
    let hosts: Vec<String> = hosts.collect();
    // A remote that is no name of this repository's: nobody has agreed to it before.
    if !hosts.is_empty() && leaf.positional.first().is_some_and(|verb| verb == "push") {
        let refspec = |word: &String| word.contains("://") || word.contains('@');
        if leaf.positional.get(1).is_some_and(refspec) {
            sends(leaf);
        }
    }
    leaf.hosts.extend(hosts);
}

/// A URL without what follows the host, and without brackets that `curl` expands.
fn host_part(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(start..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let scheme = url.get(..start).unwrap_or_default();
    format!("{scheme}{}", rest.get(..end).unwrap_or_default())
}

fn bare_host(word: &str) -> String {
    let rest = word.split_once("://").map_or(word, |(_, rest)| rest);
    rest.rsplit('@').next().unwrap_or_default().split('/').next().unwrap_or_default().to_owned()
}

/// The host of `user@host:path` or `rsync://host/path`; `None` for a file of this machine.
pub(super) fn remote_host(word: &str) -> Option<String> {
    if let Some((scheme, rest)) = word.split_once("://") {
        let known = matches!(scheme, "rsync" | "ssh" | "sftp" | "scp" | "git" | "https" | "http");
        return known.then(|| bare_host(rest));
    }
    let (host, _) = word.split_once(':')?;
    if host.contains('/') || host.is_empty() {
        return None;
    }
    Some(host.rsplit('@').next().unwrap_or_default().to_owned())
}
