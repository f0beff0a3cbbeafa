//! Files that are read though nobody names them: what a search finds, and what lies below a
//! directory.

use super::fact::{Access, FileUse, Leaf};

/// Where keys lie in a home.
const KEYS_BELOW_HOME: &str = "~/.ssh/*";

/// What a search finds by name: `find . -name .env`, `fd id_rsa ~`, `locate id_rsa`.
pub(super) fn names(leaf: &Leaf) -> Vec<FileUse> {
    let starts: Vec<&str> = leaf
        .files
        .iter()
        .filter(|file| file.access == Access::Read && !file.redirect)
        .map(|file| file.text.trim_end_matches('/'))
        .collect();
    let mut found = Vec::new();
    match leaf.program.as_str() {
        "find" | "gfind" => {
            for (flag, name) in leaf.argv.iter().zip(leaf.argv.iter().skip(1)) {
                if matches!(flag.as_str(), "-name" | "-iname") {
                    found.extend(starts.iter().map(|start| format!("{start}/{name}")));
                } else if matches!(flag.as_str(), "-path" | "-ipath" | "-wholename" | "-regex") {
                    found.push(name.clone());
                }
            }
            if found.is_empty() && starts.iter().any(|start| holds_home(start)) {
                found.push(KEYS_BELOW_HOME.to_owned());
            }
        }
        "fd" | "fdfind" => {
            let mut words = leaf.positional.iter();
            let name = words.next().map_or("*", String::as_str);
            let at = words.next().map_or(".", String::as_str);
            found.push(format!("{}/{name}", at.trim_end_matches('/')));
        }
        "locate" | "mlocate" | "plocate" | "mdfind" => found.extend(leaf.positional.clone()),
        _ => {}
    }
    found.into_iter().map(read).collect()
}

/// Reads what lies below a home as well: `grep -r key ~`, `tar c ~`.
pub(super) fn below(leaf: &mut Leaf) {
    if !recurses(leaf) {
        return;
    }
    let above = |file: &FileUse| file.access == Access::Read && holds_home(&file.text);
    if leaf.files.iter().any(above) {
        leaf.files.push(read(KEYS_BELOW_HOME.to_owned()));
    }
}

fn recurses(leaf: &Leaf) -> bool {
    let flagged = |names: &[&str]| leaf.flags.iter().any(|flag| names.contains(&flag.as_str()));
    match leaf.program.as_str() {
        "grep" | "egrep" | "fgrep" | "zgrep" => flagged(&["recursive", "dereference-recursive"]),
        "tar" | "gtar" | "bsdtar" => flagged(&["create", "append", "update"]),
        "zip" => flagged(&["recurse-paths"]),
        "cp" | "gcp" | "scp" | "rsync" => flagged(&["recursive", "archive", "r", "a"]),
        "7z" | "7za" => leaf.positional.first().is_some_and(|verb| verb == "a"),
        _ => false,
    }
}

fn read(text: String) -> FileUse {
    FileUse { text, access: Access::Read, redirect: false }
}

/// Whether somebody's home is there, or below.
fn holds_home(path: &str) -> bool {
    if !path.starts_with(['/', '~']) {
        return false;
    }
    let path = path.trim_end_matches(['/', '*', '.']);
    let parts: Vec<&str> = path.split('/').collect();
    matches!(
        parts.as_slice(),
        ["" | "~"] | ["", "home" | "root" | "Users"] | ["", "home" | "Users", _]
    )
}
