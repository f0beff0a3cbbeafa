//! Keys that had another name: whoever still writes it is told the new one.

/// A key that is no more, `*` for a name that people choose, and the last part of its new name.
const RENAMED: &[(&str, &str)] = &[
    ("sandbox.profiles.*.network", "net"),
    ("sandbox.profiles.*.limits.wall", "timeout"),
    ("sandbox.profiles.*.limits.cpu", "cpu"),
    ("sandbox.profiles.*.limits.memory", "memory"),
    ("sandbox.profiles.*.limits.pids", "pids"),
    ("sandbox.profiles.*.limits.file", "file"),
    ("sandbox.profiles.*.limits.open_files", "open_files"),
    ("sandbox.profiles.*.limits.output", "output"),
];

/// Where what `words` name stands now, as a suggestion; `None` when they never named anything.
pub(super) fn renamed(words: &[&str]) -> Option<String> {
    let met = RENAMED.iter().filter(|(old, _)| begins_with(old, words));
    let new: Vec<String> = met.map(|(old, new)| written(old, new, words)).collect();
    match new.as_slice() {
        [] => None,
        [one] => Some(format!("did you mean {one}? it was renamed")),
        many => Some(format!("its keys stand one level higher now: {}", many.join(", "))),
    }
}

fn begins_with(old: &str, words: &[&str]) -> bool {
    let mut parts = old.split('.');
    let same =
        words.iter().all(|word| parts.next().is_some_and(|part| part == "*" || part == *word));
    // A section that still exists, such as `sandbox.profiles`, was not renamed.
    same && words.len() > SECTION_PARTS
}

/// Parts of `sandbox.profiles.NAME`.
const SECTION_PARTS: usize = 3;

fn written(old: &str, new: &str, words: &[&str]) -> String {
    let section: Vec<&str> = words.iter().take(SECTION_PARTS).copied().collect();
    let was = old.splitn(SECTION_PARTS + 1, '.').last().unwrap_or(old);
    if words.len() == old.split('.').count() {
        return format!("`{}.{new}`", section.join("."));
    }
    if was.ends_with(&format!(".{new}")) {
        format!("`{new}`")
    } else {
        format!("`{new}` (was `{was}`)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_name_leads_to_the_new_one() {
        let of = |path: &str| renamed(&path.split('.').collect::<Vec<_>>());
        let network = of("sandbox.profiles.git.network").unwrap();
        assert!(network.contains("`sandbox.profiles.git.net`"), "{network}");
        let wall = of("sandbox.profiles.git.limits.wall").unwrap();
        assert!(wall.contains("`sandbox.profiles.git.timeout`"), "{wall}");
        let limits = of("sandbox.profiles.git.limits").unwrap();
        assert!(limits.contains("`timeout` (was `limits.wall`), `cpu`, `memory`"), "{limits}");
        for never in
            ["sandbox", "sandbox.profiles.git", "limits.output", "sandbox.profiles.git.nett"]
        {
            assert_eq!(of(never), None, "{never}");
        }
    }
}
