//! Opening whole workspaces, honest and hostile.
#![allow(clippy::disallowed_methods, reason = "tests name their own directories")]

use std::path::{Path, PathBuf};

use super::*;
use crate::config::DEFAULT_FILE;
use crate::contracts::{Profile, Timestamp};

/// A workspace and a home, both temporary.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Self { dir };
        std::fs::create_dir_all(place.root()).unwrap();
        for (name, text) in files {
            place.write(name, text);
        }
        place
    }

    fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("work")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn options(&self, variables: &[(&str, &str)]) -> OpenOptions {
        let home = self.dir.path().join("home").display().to_string();
        let own = [("HOME".to_owned(), home)].into_iter();
        let given = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        OpenOptions {
            cwd: self.root(),
            env: Environment::new(own.chain(given)),
            ..OpenOptions::default()
        }
    }

    fn open(&self) -> Workspace {
        open(self.options(&[])).unwrap()
    }

    fn trust(&self) {
        let ledger = Ledger::of(user_dir(&self.options(&[]).env).as_deref(), &self.root()).unwrap();
        ledger.record(&self.root(), &Governed::read(&self.root()), Timestamp::from_ms(1)).unwrap();
    }
}

#[test]
fn a_directory_without_configuration_has_the_defaults_and_nothing_to_say() {
    let place = Place::new(&[]);
    let workspace = place.open();
    assert_eq!(workspace.root, place.root());
    assert_eq!(workspace.state_dir, place.root().join(".bailiwick"));
    assert!(!workspace.has_config && !workspace.trusted);
    assert!(workspace.notices.is_empty(), "{:?}", workspace.notices);
    assert!(!workspace.state_dir.exists());
    assert_eq!(workspace.policy_dirs.workspace, place.root().join("policies"));
    let user = place.dir.path().join("home/.config/bailiwick/policies");
    assert_eq!(workspace.policy_dirs.user, Some(user));
}

#[test]
fn an_untrusted_workspace_tightens_only_its_env_is_unread_and_this_is_said() {
    let place = Place::new(&[
        (DEFAULT_FILE, "limits: { steps: 3, foreach_items: 99999 }\n"),
        (".env", "BAILIWICK_POLICY__PROFILE=ci\nBAILIWICK_SECRET_X=hunter2\nLD_PRELOAD=/x.so\n"),
    ]);
    let workspace = place.open();
    assert!(!workspace.trusted && workspace.has_config);
    assert_eq!(workspace.config.limits.steps, 3);
    assert_eq!(workspace.config.limits.foreach_items, 10_000);
    assert_eq!(workspace.config.policy.profile, Profile::Workspace);
    assert_eq!(workspace.env.get("BAILIWICK_SECRET_X"), None);
    assert_eq!(workspace.warnings.len(), 1);
    assert!(workspace.notices[0].contains("not trusted"), "{:?}", workspace.notices);

    place.trust();
    let workspace = place.open();
    assert!(workspace.trusted && workspace.notices.is_empty() && workspace.warnings.is_empty());
    assert_eq!(workspace.config.limits.foreach_items, 99_999);
    assert_eq!(workspace.config.policy.profile, Profile::Ci);
    assert_eq!(workspace.env.get("BAILIWICK_SECRET_X"), Some("hunter2"));
    assert_eq!(workspace.env.get("LD_PRELOAD"), None);

    place.write("policies/00-mine.yaml", "rules: []\n");
    let workspace = place.open();
    assert!(!workspace.trusted);
    assert!(workspace.notices[0].contains("`policies/00-mine.yaml` is new"));
}

#[test]
fn the_environment_stands_over_a_trusted_env_file() {
    let place = Place::new(&[(".env", "BAILIWICK_LIMITS__STEPS=5\nEXECUTION_TOKEN=a\n")]);
    place.trust();
    let variables = [("BAILIWICK_LIMITS__STEPS", "6"), ("EXECUTION_TOKEN", "")];
    let workspace = open(place.options(&variables)).unwrap();
    assert_eq!(workspace.config.limits.steps, 6);
    // Set to nothing is set: the file does not fill it.
    assert_eq!(workspace.env.get("EXECUTION_TOKEN"), None);
    assert_eq!(place.open().config.limits.steps, 5);
}

#[test]
fn a_named_file_is_the_users_own_only_outside_the_workspace() {
    let place = Place::new(&[("mine.yaml", "limits: { foreach_items: 99999 }\n")]);
    let outside = place.dir.path().join("mine.yaml");
    std::fs::copy(place.root().join("mine.yaml"), &outside).unwrap();
    place.trust();
    let items = |path: &Path| {
        let options = OpenOptions { config_file: Some(path.into()), ..place.options(&[]) };
        open(options).unwrap().config.limits.foreach_items
    };
    assert_eq!(items(&outside), 99_999);
    assert_eq!(items(Path::new("../mine.yaml")), 99_999);
    // Not under `config/`: nothing recorded what is in it.
    assert_eq!(items(Path::new("mine.yaml")), 10_000);
    let missing = OpenOptions { config_file: Some("none.yaml".into()), ..place.options(&[]) };
    assert!(matches!(open(missing), Err(WorkspaceError::Read { .. })));
}

#[test]
fn mistakes_in_configuration_and_env_are_named_with_their_lines() {
    let place = Place::new(&[(DEFAULT_FILE, "\nlimts: {}\n")]);
    let Err(WorkspaceError::Invalid(mistakes)) = open(place.options(&[])) else { panic!() };
    let shown = mistakes[0].to_string();
    assert!(shown.starts_with("config/bailiwick.yaml:2:1:"), "{shown}");
    place.write(DEFAULT_FILE, "");
    place.write(".env", "fine=1\nnot fine\n");
    assert!(open(place.options(&[])).is_ok(), "unread while not trusted");
    place.trust();
    let Err(WorkspaceError::Invalid(mistakes)) = open(place.options(&[])) else { panic!() };
    assert!(mistakes[0].to_string().starts_with(".env:2:1:"), "{mistakes:?}");
}

#[test]
fn a_variable_that_nothing_reads_is_said() {
    let place = Place::new(&[]);
    let known = [("BAILIWICK_LOG", "x"), ("BAILIWICK_SECRET_A", "x"), ("BAILIWICK_PROFILE", "ci")];
    let workspace = open(place.options(&known)).unwrap();
    assert_eq!(workspace.notices.len(), 1);
    assert!(workspace.notices[0].contains("`BAILIWICK_PROFILE`"));
    assert!(!workspace.notices[0].contains("SECRET"));
}

#[cfg(unix)]
#[test]
fn a_configuration_that_is_a_link_is_not_followed() {
    let place = Place::new(&[]);
    let secret = place.dir.path().join("secret");
    std::fs::write(&secret, "hunter2: 1\n").unwrap();
    std::fs::create_dir(place.root().join("config")).unwrap();
    std::os::unix::fs::symlink(&secret, place.root().join(DEFAULT_FILE)).unwrap();
    let error = open(place.options(&[])).unwrap_err();
    assert!(matches!(error, WorkspaceError::NotPlain { .. }), "{error}");
}

#[test]
fn without_a_home_nothing_is_trusted_and_this_is_said() {
    let place = Place::new(&[(DEFAULT_FILE, "")]);
    place.trust();
    let options = OpenOptions { cwd: place.root(), ..OpenOptions::default() };
    let workspace = open(options).unwrap();
    assert!(!workspace.trusted && workspace.user_dir.is_none());
    assert!(workspace.notices[0].contains("`HOME`"), "{:?}", workspace.notices);
}
