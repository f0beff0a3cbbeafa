//! Which entries of a workspace govern the program. One list: policy refuses to write them, the
//! sandbox keeps them read-only, and trust is bound to the content of those that are rules.

/// Read as rules: their content decides what a run may do, so trust is bound to it.
pub const GOVERNING_RULES: [&str; 5] = [".env", "config", "playbooks", "policies", "prompts"];

/// Everything of a workspace that a run must not change, relative to its root and with all that is
/// in it: the rules, what the program remembers and records, and what git runs by itself.
pub const GOVERNING: [&str; 10] = [
    ".env",
    "config",
    "playbooks",
    "policies",
    "prompts",
    "memory",
    "logs",
    ".bailiwick",
    ".git/hooks",
    ".git/config",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_governs() {
        for name in GOVERNING_RULES {
            assert!(GOVERNING.contains(&name), "{name}");
        }
    }
}
