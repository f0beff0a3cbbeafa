//! The user's own directories. The first holds trust and the user's policies. It must not lie where a run can write.

use std::path::PathBuf;

use super::Environment;

/// `$XDG_CONFIG_HOME/bailiwick`, else `$HOME/.config/bailiwick`; `None` where neither variable
/// holds an absolute path. Made by nobody here.
#[must_use]
pub fn user_dir(environment: &Environment) -> Option<PathBuf> {
    of_user(environment, "XDG_CONFIG_HOME", ".config")
}

/// Where things lie that can be made again: `$XDG_CACHE_HOME/bailiwick`, else
/// `$HOME/.cache/bailiwick`. Made by nobody here.
#[must_use]
pub fn cache_dir(environment: &Environment) -> Option<PathBuf> {
    of_user(environment, "XDG_CACHE_HOME", ".cache")
}

fn of_user(environment: &Environment, variable: &str, usual: &str) -> Option<PathBuf> {
    // The XDG specification: a path that is not absolute counts as not set.
    let absolute = |name| environment.get(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(usual)));
    base.map(|dir| dir.join("bailiwick"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefers_xdg_and_never_takes_a_relative_path() {
        for (variables, expected) in [
            (&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")][..], Some("/x/bailiwick")),
            (&[("XDG_CONFIG_HOME", "x"), ("HOME", "/h")], Some("/h/.config/bailiwick")),
            (&[("XDG_CONFIG_HOME", ""), ("HOME", "/h")], Some("/h/.config/bailiwick")),
            (&[("HOME", "h")], None),
            (&[], None),
        ] {
            let own = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            assert_eq!(user_dir(&Environment::new(own)), expected.map(PathBuf::from));
        }
    }
}
