//! What a shell knows at one place of a line: variables and where it is.

use std::collections::BTreeMap;

use crate::command::limits::CWDS_MAX;

/// Variables whose value a person's shell or our cell gives, and that stands for a place.
const GIVEN: [(&str, &str); 4] =
    [("HOME", "~"), ("PWD", "."), ("TMPDIR", "/tmp"), ("IFS", " \t\n")];

/// Variables that decide which programs run, or what they load.
const DECISIVE: [&str; 34] = [
    "PATH",
    "IFS",
    "ENV",
    "BASH_ENV",
    "SHELLOPTS",
    "BASHOPTS",
    "PROMPT_COMMAND",
    "CDPATH",
    "SHELL",
    "PAGER",
    "MANPAGER",
    "EDITOR",
    "VISUAL",
    "BROWSER",
    "LESSOPEN",
    "LESSCLOSE",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_PAGER",
    "GIT_EDITOR",
    "GIT_ASKPASS",
    "GIT_EXTERNAL_DIFF",
    "GIT_EXEC_PATH",
    "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR",
    "SSH_ASKPASS",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONHOME",
    "NODE_OPTIONS",
    "RUBYOPT",
    "PERL5OPT",
    "PERL5LIB",
    "JAVA_TOOL_OPTIONS",
];

/// Beginnings of such names.
const DECISIVE_BEGINNINGS: [&str; 4] = ["LD_", "DYLD_", "GIT_CONFIG", "BASH_FUNC_"];

/// Parts of the names of variables that hold secrets.
const SECRET_PARTS: [&str; 9] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "API_KEY",
    "APIKEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "CREDENTIAL",
];

/// What is known at one place of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::command) struct Scope {
    /// Variables that the line set; `None` when the value is not known.
    vars: BTreeMap<String, Option<String>>,
    /// Directories it may be in, from where it started; `None` when not known.
    pub(in crate::command) cwds: Vec<Option<String>>,
}

impl Default for Scope {
    fn default() -> Self {
        Self { vars: BTreeMap::new(), cwds: vec![Some(String::new())] }
    }
}

impl Scope {
    /// The value of a variable, where it is known.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        match self.vars.get(name) {
            Some(value) => value.as_deref(),
            None => GIVEN.iter().find(|(given, _)| *given == name).map(|(_, value)| *value),
        }
    }

    /// Whether the line itself set the variable.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.vars.contains_key(name)
    }

    /// Sets a variable; `None` when what it becomes is not known.
    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        self.vars.insert(name.to_owned(), value);
    }

    /// What holds whether this happened or `other` did.
    pub(super) fn join(&mut self, other: &Self) {
        for (name, value) in &other.vars {
            if self.vars.get(name) != Some(value) {
                self.vars.insert(name.clone(), None);
            }
        }
        for (name, value) in &mut self.vars {
            if other.vars.get(name) != Some(&*value) {
                *value = None;
            }
        }
        self.may_be_in(&other.cwds);
    }

    /// Adds directories it may be in as well.
    pub(super) fn may_be_in(&mut self, cwds: &[Option<String>]) {
        for cwd in cwds {
            if !self.cwds.contains(cwd) {
                self.cwds.push(cwd.clone());
            }
        }
        if self.cwds.len() > CWDS_MAX {
            self.cwds = vec![None];
        }
    }

    /// Goes to `place`; `None` when that is not known.
    pub(super) fn go(&mut self, place: Option<&str>) {
        for cwd in &mut self.cwds {
            *cwd = match (place, cwd.as_deref()) {
                (Some(place), _) if is_absolute(place) => Some(place.to_owned()),
                (Some(place), Some(cwd)) => Some(beneath(cwd, place)),
                _ => None,
            };
        }
        self.cwds.dedup();
    }

    /// `path` from each directory it may be in; `None` for one that is not known.
    pub(in crate::command) fn paths(&self, path: &str) -> Vec<Option<String>> {
        if is_absolute(path) {
            return vec![Some(path.to_owned())];
        }
        self.cwds.iter().map(|cwd| cwd.as_deref().map(|cwd| beneath(cwd, path))).collect()
    }

    /// The directory it is in, when there is one answer.
    pub(in crate::command) fn cwd(&self) -> Option<String> {
        match self.cwds.as_slice() {
            [Some(cwd)] => Some(if cwd.is_empty() { ".".to_owned() } else { cwd.clone() }),
            _ => None,
        }
    }
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || path.starts_with('~')
}

fn beneath(cwd: &str, path: &str) -> String {
    if cwd.is_empty() { path.to_owned() } else { format!("{}/{path}", cwd.trim_end_matches('/')) }
}

/// Whether setting the variable changes which programs run, or what they load.
#[must_use]
pub fn decides_what_runs(name: &str) -> bool {
    DECISIVE.contains(&name) || DECISIVE_BEGINNINGS.iter().any(|start| name.starts_with(start))
}

/// Whether the variable holds a secret, judged by its name.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET_PARTS.iter().any(|part| name.contains(part))
}
