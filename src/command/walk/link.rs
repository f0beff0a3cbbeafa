//! Links that a command makes and goes through later: `ln -s /etc e; echo x > e/hosts`.

use super::{Access, Leaf, plain};
use crate::command::fact::FileUse;

/// A link that the command makes.
struct Link {
    /// Where it may stand.
    at: Vec<String>,
    /// Where it may lead; nothing when that is not known.
    to: Vec<String>,
}

/// Adds to each program the files that it reaches through links made before it; says why the
/// command is opaque when it goes through one that leads to an unknown place.
pub(super) fn follow(leaves: &mut [Leaf]) -> Option<String> {
    let mut why = None;
    let mut links: Vec<Link> = Vec::new();
    for leaf in leaves {
        for link in &links {
            if let Some(at) = through(leaf, link) {
                why.get_or_insert(format!("`{at}` is a link to a place that is not known"));
            }
        }
        links.extend(made(leaf));
    }
    why
}

fn makes_links(leaf: &Leaf) -> bool {
    let flagged = |name: &str| leaf.flags.iter().any(|flag| flag == name);
    match leaf.program.as_str() {
        "ln" | "gln" | "link" | "lndir" | "mklink" => true,
        "cp" | "gcp" => flagged("symbolic-link") || flagged("link"),
        _ => false,
    }
}

fn made(leaf: &Leaf) -> Option<Link> {
    if !makes_links(leaf) {
        return None;
    }
    let of = |wanted: Access| {
        leaf.files.iter().filter(move |file| file.access == wanted && !file.redirect)
    };
    let places: Vec<&str> = of(Access::Write).map(|file| plain(&file.text)).collect();
    let targets: Vec<&str> = of(Access::Read).map(|file| file.text.as_str()).collect();
    let named = leaf.positional.len().saturating_sub(1);
    let mut link = Link { at: Vec::new(), to: Vec::new() };
    for place in &places {
        link.at.push((*place).to_owned());
        let directory = place.trim_end_matches('/');
        for target in &targets {
            let name = target.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            link.at.push(plain(&format!("{directory}/{name}")).to_owned());
        }
    }
    if targets.len() < named {
        return Some(link);
    }
    for target in targets {
        link.to.push(target.to_owned());
        // What a symbolic link says is read from where it stands.
        if !target.starts_with(['/', '~']) {
            let directories = places.iter().filter_map(|place| place.rsplit_once('/'));
            link.to.extend(directories.map(|(directory, _)| format!("{directory}/{target}")));
        }
    }
    Some(link)
}

/// Adds what `leaf` reaches through `link`; gives the path when nobody knows where it leads.
fn through(leaf: &mut Leaf, link: &Link) -> Option<String> {
    let relinks = makes_links(leaf);
    let mut reached = Vec::new();
    for file in &leaf.files {
        let path = plain(&file.text);
        let rest = link.at.iter().find_map(|at| below(path, at.trim_end_matches('/')));
        let Some(rest) = rest else { continue };
        let itself = rest.is_empty() && (file.access == Access::Delete || relinks);
        if itself {
            continue;
        }
        if link.to.is_empty() && file.access != Access::Read {
            return Some(file.text.clone());
        }
        reached.extend(link.to.iter().map(|to| FileUse {
            text: format!(
                "{}{}",
                to.trim_end_matches('/'),
                if rest.is_empty() && to == "/" { "/" } else { rest }
            ),
            ..file.clone()
        }));
    }
    leaf.files.extend(reached);
    None
}

/// What is left of `path` behind `at`, when it is `at` or stands below it.
fn below<'a>(path: &'a str, at: &str) -> Option<&'a str> {
    if at.is_empty() {
        return None;
    }
    path.strip_prefix(at).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
