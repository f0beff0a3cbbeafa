//! To which part of the machine a path belongs: a pure function of the resolved path.
//!
//! Names are compared the way the most forgiving file system would: without regard to case, to
//! invisible characters and to trailing dots and spaces. On a stricter file system this protects a
//! few names too many, never one too few.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Nets;
use crate::contracts::GOVERNING;
use crate::ports::PathAccess;

/// A part of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// The workspace, and for reading the roots a person named.
    Workspace,
    /// Directories for temporary files.
    Temp,
    /// The user's home.
    Home,
    /// Keys, tokens, passwords, wherever they are.
    Secret,
    /// The operating system's files.
    System,
    /// What governs this program.
    #[serde(rename = "self")]
    Itself,
    /// Everything else.
    Outside,
}

impl Zone {
    /// Every zone by its word in files.
    pub const WORDS: [(&'static str, Self); 7] = [
        ("workspace", Self::Workspace),
        ("temp", Self::Temp),
        ("home", Self::Home),
        ("secret", Self::Secret),
        ("system", Self::System),
        ("self", Self::Itself),
        ("outside", Self::Outside),
    ];

    /// The word used in files and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Temp => "temp",
            Self::Home => "home",
            Self::Secret => "secret",
            Self::System => "system",
            Self::Itself => "self",
            Self::Outside => "outside",
        }
    }
}

/// A file that an argument names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathFact {
    /// As it was written.
    pub text: String,
    /// Absolute, symlinks resolved.
    pub resolved: PathBuf,
    /// The part of the machine it is in.
    pub zone: Zone,
    /// What is done with it.
    pub access: PathAccess,
    /// The argument.
    pub arg: String,
    /// From the workspace root, with `/`; absent outside of it.
    pub relative: Option<String>,
}

const SYSTEM: [&str; 18] = [
    "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/boot", "/dev", "/proc", "/sys",
    "/run", "/var", "/opt", "/srv", "/System", "/Library", "/private",
];

/// Temporary files that outlive a restart: inside `/var`, and no part of the system.
const TEMP: &str = "/var/tmp";

/// Directories whose whole content is secret.
const SECRET_DIRS: [&str; 23] = [
    ".ssh",
    ".aws",
    ".gnupg",
    ".azure",
    ".kube",
    ".oci",
    ".password-store",
    "gcloud",
    ".docker",
    ".secrets",
    "keyrings",
    "keychains",
    "kwalletd",
    ".mozilla",
    ".thunderbird",
    "google-chrome",
    "bravesoftware",
    "microsoft-edge",
    ".1password",
    ".bitwarden",
    ".electrum",
    ".bitcoin",
    ".ethereum",
];

/// Two names in a row that are secret together, and harmless apart.
const SECRET_PAIRS: [(&str, &str); 21] = [
    (".config", "chromium"),
    (".config", "vivaldi"),
    (".config", "opera"),
    (".config", "rclone"),
    (".config", "doctl"),
    (".config", "hub"),
    (".config", "bitwarden cli"),
    (".config", "sops"),
    (".config", "age"),
    ("google", "chrome"),
    ("application support", "firefox"),
    ("application support", "chromium"),
    ("gh", "hosts.yml"),
    ("glab-cli", "config.yml"),
    (".m2", "settings.xml"),
    (".m2", "settings-security.xml"),
    (".gradle", "gradle.properties"),
    (".subversion", "auth"),
    (".huggingface", "token"),
    ("huggingface", "token"),
    ("run", "secrets"),
];

const SECRET_FILES: [&str; 56] = [
    ".netrc",
    "_netrc",
    ".authinfo",
    ".pgpass",
    "pgpass.conf",
    ".my.cnf",
    ".mylogin.cnf",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".htpasswd",
    ".vault-token",
    ".vault_pass",
    ".vault-pass",
    ".envrc",
    ".dev.vars",
    ".s3cfg",
    ".boto",
    ".databrickscfg",
    ".terraformrc",
    "terraform.rc",
    "credentials.tfrc.json",
    "kubeconfig",
    "kaggle.json",
    "rclone.conf",
    "auth.json",
    "credentials",
    "credentials.db",
    "credentials.json",
    "credentials.toml",
    "credentials.xml",
    "credentials.yaml",
    "credentials.yml",
    "secrets.json",
    "secrets.toml",
    "secrets.yaml",
    "secrets.yml",
    "client_secret.json",
    "service-account.json",
    "service_account.json",
    "access_tokens.db",
    "application_default_credentials.json",
    "login data",
    "logins.json",
    "key3.db",
    "key4.db",
    "cookies.sqlite",
    "signons.sqlite",
    "wallet.dat",
    "shadow",
    "shadow-",
    "gshadow",
    "gshadow-",
    "opasswd",
    "sudoers",
    "vmcore",
];

const SECRET_ENDINGS: [&str; 18] = [
    ".pem",
    ".key",
    ".p8",
    ".p12",
    ".pfx",
    ".pkcs12",
    ".jks",
    ".keystore",
    ".keytab",
    ".keychain",
    ".keychain-db",
    ".kdb",
    ".kdbx",
    ".ppk",
    ".gpg",
    ".age",
    ".ovpn",
    ".kubeconfig",
];

const SECRET_KEYS: [&str; 5] = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_xmss"];

/// What a shell or a database client was told, passwords among it, without `_history`.
const HISTORIES: [&str; 4] = ["fish_history", ".zhistory", ".histfile", ".lesshst"];

/// What the kernel shows of a process: its variables and its memory.
const PROCESS_FILES: [&str; 5] = ["environ", "mem", "auxv", "pagemap", "kcore"];

/// Endings of `.env.…` files that are meant to be shared.
const SHARED_ENV: [&str; 6] = ["example", "sample", "template", "dist", "defaults", "schema"];

/// What no work may read of a workspace, wherever its root is.
const UNREADABLE: [&str; 3] = [ENV_FILE, ".bailiwick", "logs"];

/// The file that holds a directory's secrets.
pub(super) const ENV_FILE: &str = ".env";

/// Where the parts of the machine are. All paths are absolute and resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Root of the workspace.
    pub root: PathBuf,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// Directories for temporary files.
    pub temp: Vec<PathBuf>,
    /// Roots a person named for reading.
    pub read_roots: Vec<PathBuf>,
    /// Files outside of the workspace that govern the program, such as the user's own policies.
    pub governing: Vec<PathBuf>,
    /// What network the cells of commands may have.
    pub nets: Nets,
}

impl Places {
    /// The zone of `path`, which is absolute and resolved, for `access`. Secrets come first, then
    /// what governs the program; of the rest the innermost place wins.
    #[must_use]
    pub fn zone(&self, path: &Path, access: PathAccess) -> Zone {
        if is_secret(path) {
            Zone::Secret
        } else if self.governs(path, access) {
            Zone::Itself
        } else {
            self.innermost(path, access)
        }
    }

    /// `path` from the workspace root, with `/`.
    #[must_use]
    pub fn relative(&self, path: &Path) -> Option<String> {
        let inner = path.strip_prefix(&self.root).ok()?;
        let parts: Vec<_> =
            inner.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
    }

    /// The paths inside the workspace, and beside it, that govern the program; and all of `.git`, by
    /// which a command could have the user's own git run something later.
    #[must_use]
    pub fn protected(&self) -> Vec<PathBuf> {
        GOVERNING
            .iter()
            .chain(&[".git"])
            .map(|name| self.root.join(name))
            .chain(self.governing.iter().cloned())
            .collect()
    }

    /// The fixed places that no work may read: what the program records, its secrets, and what
    /// governs it from outside of the workspace. What is secret by its name alone is
    /// [`is_secret`]'s to say. Git's own settings are not among them: git does not work without.
    #[must_use]
    pub fn unreadable(&self) -> Vec<PathBuf> {
        UNREADABLE
            .iter()
            .map(|name| self.root.join(name))
            .chain(self.governing.iter().cloned())
            .collect()
    }

    fn governs(&self, path: &Path, access: PathAccess) -> bool {
        let changes = matches!(access, PathAccess::Write | PathAccess::Delete);
        if self.governing.iter().any(|place| starts_with(path, place)) {
            return true;
        }
        if changes && self.protected().iter().any(|place| starts_with(place, path)) {
            // A directory that holds one of them: removing or replacing it takes them along.
            let inside = path != self.root && path.starts_with(&self.root);
            return access == PathAccess::Delete || inside;
        }
        let Some(inner) = below(path, &self.root) else { return false };
        let inner: Vec<String> = inner.iter().map(|name| fold(name)).collect();
        let Some(first) = inner.first() else { return false };
        if GOVERNING.contains(&first.as_str()) {
            return true;
        }
        match inner.iter().position(|name| name == ".git") {
            Some(_) if changes => true,
            Some(at) => {
                inner.get(at + 1).is_some_and(|next| matches!(next.as_str(), "hooks" | "config"))
            }
            None => false,
        }
    }

    fn innermost(&self, path: &Path, access: PathAccess) -> Zone {
        let mut best = (0, if path == Path::new("/") { Zone::System } else { Zone::Outside });
        let mut offer = |place: &Path, zone: Zone| {
            let depth = place.components().count();
            if path.starts_with(place) && depth >= best.0 {
                best = (depth, zone);
            }
        };
        SYSTEM.iter().for_each(|place| offer(Path::new(place), Zone::System));
        offer(Path::new(TEMP), Zone::Temp);
        self.home.iter().for_each(|place| offer(place, Zone::Home));
        self.temp.iter().for_each(|place| offer(place, Zone::Temp));
        if matches!(access, PathAccess::Read) {
            self.read_roots.iter().for_each(|place| offer(place, Zone::Workspace));
        }
        if !self.root.as_os_str().is_empty() {
            offer(&self.root, Zone::Workspace);
        }
        best.1
    }
}

/// Whether the name of `path`, or of a directory above it, is one under which keys, tokens or
/// passwords are kept. Tools that walk a tree leave these out.
#[must_use]
pub fn is_secret(path: &Path) -> bool {
    let names: Vec<String> = names(path).iter().map(|name| fold(name)).collect();
    // `~/.ssh/id_ed25519.pub` is there to be given away.
    let public = names.len() > 1
        && names.last().is_some_and(|name| name.ends_with(".pub") && !name.contains(['*', '?']));
    let secret_dir = |name: &String| {
        SECRET_DIRS.contains(&name.as_str()) && !(public && name == ".ssh") || is_env(name)
    };
    let in_secret_dir = names.iter().any(secret_dir);
    let paired = names.iter().zip(names.iter().skip(1)).any(|(first, second)| {
        SECRET_PAIRS.iter().any(|(a, b)| first.as_str() == *a && second.as_str() == *b)
    });
    in_secret_dir
        || paired
        || names.last().is_some_and(|name| is_secret_file(name) || is_history(name))
        || is_process_memory(path, &names)
}

fn is_secret_file(name: &str) -> bool {
    SECRET_FILES.contains(&name)
        || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || (SECRET_KEYS.iter().any(|key| name.starts_with(key)) && !name.ends_with(".pub"))
        || (name.starts_with("ssh_host_") && name.ends_with("_key"))
        || name.starts_with("krb5cc_")
        || is_core_dump(name)
}

/// `.bash_history`, `.psql_history`: whatever was typed, passwords among it.
fn is_history(name: &str) -> bool {
    HISTORIES.contains(&name) || (name.starts_with('.') && name.ends_with("_history"))
}

/// `core.4711`: the memory of a program that crashed.
fn is_core_dump(name: &str) -> bool {
    name.strip_prefix("core.")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `/proc/PID/environ`, `/proc/PID/mem` and their like; `*` for the number too.
fn is_process_memory(path: &Path, names: &[String]) -> bool {
    let in_proc = path.is_absolute() && names.first().is_some_and(|name| name == "proc");
    in_proc && names.last().is_some_and(|name| PROCESS_FILES.contains(&name.as_str()))
}

fn is_env(name: &str) -> bool {
    if let Some(stem) = name.strip_suffix(".env") {
        // `prod.env`, and `.env` itself; a text that happens to end so is no name.
        let named = stem.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        return named && !SHARED_ENV.contains(&stem);
    }
    let Some(rest) = name.strip_prefix(".env") else { return false };
    let Some(kind) = rest.strip_prefix(['.', '-', '_', '~']) else { return rest.is_empty() };
    !SHARED_ENV.contains(&kind)
}

/// A name as the most forgiving file system compares it.
pub(super) fn fold(name: &str) -> String {
    let visible = name.chars().filter(|c| !is_invisible(*c));
    let folded: String =
        visible.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    // Windows and some network file systems drop these at the end of a name.
    let trimmed = folded.trim_end_matches(['.', ' ']);
    if trimmed.is_empty() { folded } else { trimmed.to_owned() }
}

/// Characters that HFS+ ignores when it compares names.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

fn names(path: &Path) -> Vec<String> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect()
}

/// The names of `path` below `root`, compared folded.
fn below(path: &Path, root: &Path) -> Option<Vec<String>> {
    if root.as_os_str().is_empty() || !starts_with(path, root) {
        return None;
    }
    Some(names(path).split_off(names(root).len()))
}

fn starts_with(path: &Path, root: &Path) -> bool {
    let (path, root) = (names(path), names(root));
    path.len() >= root.len() && path.iter().zip(&root).all(|(a, b)| a == b || fold(a) == fold(b))
}
