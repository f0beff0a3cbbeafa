//! Names of keys in the environment.

/// What every variable of this program begins with.
const PREFIX: &str = "BAILIWICK_";

/// Variables that are not configuration, whatever else they look like.
const RESERVED: &[&str] = &["BAILIWICK_LOG", "BAILIWICK_NODE_TOKEN"];

/// What the names of secrets begin with.
const SECRET_PREFIX: &str = "BAILIWICK_SECRET_";

/// The variable for the key `path`: capitals, with `__` for each dot.
#[must_use]
pub fn env_name(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// Whether a variable has the shape of configuration: it then must name a key that exists.
#[must_use]
pub fn is_config_variable(name: &str) -> bool {
    name.starts_with(PREFIX)
        && name.contains("__")
        && !name.starts_with(SECRET_PREFIX)
        && !RESERVED.contains(&name)
}

/// The parts of the key that a variable names.
pub(super) fn parts(variable: &str) -> Vec<String> {
    let name = variable.strip_prefix(PREFIX).unwrap_or(variable);
    name.split("__").map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_configuration_from_other_variables() {
        for (name, expected) in [
            ("BAILIWICK_POLICY__PROFILE", true),
            ("BAILIWICK_NO__SUCH", true),
            ("BAILIWICK_SECRET_A__B", false),
            ("BAILIWICK_LOG", false),
            ("BAILIWICK_NODE_TOKEN", false),
            ("BAILIWICK_SOMETHING", false),
            ("PATH__X", false),
        ] {
            assert_eq!(is_config_variable(name), expected, "{name}");
        }
    }

    #[test]
    fn names_lead_back_to_their_keys() {
        for key in super::super::KEYS.iter() {
            let path = key.path.replace('*', "some_name");
            assert_eq!(parts(&env_name(&path)).join("."), path);
        }
    }
}
