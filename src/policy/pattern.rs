//! Patterns for file names: what they fit among the names that are guarded.

use crate::contracts::GOVERNING;

/// Names under which secrets are usually kept, from any directory. What `*.json` and `*.yaml` fit
/// is not among them: they stand for too much that is harmless.
const SECRETS: [&str; 26] = [
    ".env",
    ".envrc",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".git-credentials",
    ".vault-token",
    ".bash_history",
    ".zsh_history",
    "prod.env",
    "credentials",
    "kubeconfig",
    "id_rsa",
    "id_ecdsa",
    "id_ed25519",
    "server.key",
    "server.pem",
    "server.p12",
    ".ssh",
    ".aws",
    ".kube",
    ".docker",
    ".gnupg",
    "shadow",
];

/// Guarded files that a pattern may stand for: the pattern with its part replaced by their names.
pub(super) fn guarded_by(text: &str) -> Vec<String> {
    if !text.contains(['*', '?', '[']) {
        return Vec::new();
    }
    let parts: Vec<&str> = text.split('/').collect();
    let mut found = Vec::new();
    for (at, part) in parts.iter().enumerate().filter(|(_, part)| part.contains(['*', '?', '['])) {
        // `*` alone stands for whatever is there: the directory's own zone says what that is.
        if part.chars().all(|c| c == '*') {
            continue;
        }
        for name in SECRETS.iter().chain(GOVERNING.iter()) {
            if fits(part, name) {
                let mut path = parts.clone();
                if let Some(place) = path.get_mut(at) {
                    *place = name;
                }
                found.push(path.join("/"));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether `pattern` fits `name` as a shell would match it; a class fits any character.
fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    // A shell may be told to match without regard to case, and some file systems always do.
    let pattern: Vec<char> = without_classes(&pattern.to_lowercase());
    let name: Vec<char> = name.to_lowercase().chars().collect();
    // Where the last star stands, and how much of the name it has taken so far.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || name.get(n) == Some(c) => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    p = at + 1;
                    n = taken + 1;
                    star = Some((at, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

/// `[abc]` as `?`: any character.
fn without_classes(pattern: &str) -> Vec<char> {
    let mut plain = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c == '[' && chars.as_str().contains(']') {
            plain.push('?');
            for skipped in chars.by_ref() {
                if skipped == ']' {
                    break;
                }
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_what_they_fit() {
        for (pattern, name, expected) in [
            (".e*", ".env", true),
            (".en?", ".env", true),
            (".[e]nv", ".env", true),
            ("*", ".env", false),
            ("i*rsa", "id_rsa", true),
            ("pol*", "policies", true),
            ("*.rs", "policies", false),
            ("p?l*s", "policies", true),
            (".E*", ".env", true),
            ("POL*", "policies", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
        assert_eq!(guarded_by("sub/.en*"), ["sub/.env", "sub/.envrc"]);
        assert!(guarded_by("src/*.rs").is_empty() && guarded_by("*").is_empty());
    }
}
