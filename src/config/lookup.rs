//! Finding keys by their parts. Every setting of every file is looked for, at every start.

use std::sync::LazyLock;

use super::key::Key;
use super::keys::KEYS;

/// The parts of each key's path, in the order of the registry.
static PARTS: LazyLock<Vec<Vec<&'static str>>> =
    LazyLock::new(|| KEYS.iter().map(|key| key.path.split('.').collect()).collect());

/// The key named by `parts`, with any name where its path has `*`.
pub fn key_of(parts: &[&str]) -> Option<&'static Key> {
    position_of(parts).and_then(|at| KEYS.get(at))
}

/// Where the key named by `parts` stands in the registry.
pub fn position_of(parts: &[&str]) -> Option<usize> {
    PARTS.iter().position(|own| own.len() == parts.len() && begins_with(own, parts))
}

/// Whether `parts` is the beginning of a key.
pub fn is_section(parts: &[&str]) -> bool {
    PARTS.iter().any(|own| begins_with(own, parts))
}

/// The words that may follow `parts`; `*` among them where any name may.
pub(super) fn words_after(parts: &[&str]) -> Vec<&'static str> {
    let following = PARTS.iter().filter(|own| begins_with(own, parts));
    let mut words: Vec<&str> = following.filter_map(|own| own.get(parts.len()).copied()).collect();
    words.dedup();
    words
}

fn begins_with(own: &[&str], parts: &[&str]) -> bool {
    parts.len() <= own.len() && parts.iter().zip(own).all(|(part, own)| own == part || *own == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_all_of_its_parts_with_any_name_where_any_may_stand() {
        for (path, found) in [
            ("policy.profile", Some("policy.profile")),
            ("sandbox.profiles.mine.net", Some("sandbox.profiles.*.net")),
            ("sandbox.profiles.mine", None),
            ("sandbox.profiles.mine.net.more", None),
            ("policy", None),
            ("", None),
        ] {
            let parts: Vec<&str> = path.split('.').collect();
            assert_eq!(key_of(&parts).map(|key| key.path), found, "{path}");
        }
        assert!(is_section(&["sandbox", "profiles", "mine"]));
        assert!(!is_section(&["sandbox", "profiles", "mine", "net", "more"]));
        assert!(words_after(&["sandbox", "profiles"]).contains(&"*"));
        assert!(words_after(&[]).contains(&"policy"));
    }
}
