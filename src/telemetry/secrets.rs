//! Where the values of secrets come from.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Redactor;
use super::redact::SECRET_CHARS_MIN;

/// What the variable of a secret begins with; its name follows.
pub const SECRET_PREFIX: &str = "BAILIWICK_SECRET_";
/// Largest secret, in bytes.
const SECRET_BYTES_MAX: u64 = 64 << 10;
/// Most files in the directory.
const FILES_MAX: usize = 1_000;

/// Why secrets could not be read. Never holds a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// Reading failed.
    #[error("cannot read the secret `{}`: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Somebody else could read or change it.
    #[error("the secret `{}` is not private: {why}", path.display())]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// The name or the value cannot be used.
    #[error("the secret `{name}` cannot be used: {why}")]
    Unusable {
        /// Its name.
        name: String,
        /// Why.
        why: &'static str,
    },
}

/// Secrets by name. Values are in no `Debug` output.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// Secrets from `BAILIWICK_SECRET_<NAME>` among `variables`, and below them from the files in
    /// `dir`, each named like its secret.
    ///
    /// # Errors
    /// When a file cannot be read or others could read it, or a value cannot be used.
    pub fn load<'a>(
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
        dir: Option<&Path>,
    ) -> Result<Self, SecretsError> {
        let mut secrets = BTreeMap::new();
        if let Some(dir) = dir {
            for (name, path) in files(dir)? {
                secrets.insert(name, read(&path)?);
            }
        }
        for (variable, value) in variables {
            if let Some(name) = variable.strip_prefix(SECRET_PREFIX) {
                secrets.insert(name.to_owned(), value.to_owned());
            }
        }
        secrets.iter().try_for_each(|(name, value)| check(name, value))?;
        Ok(Self(secrets))
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `text` with each `${secret:NAME}` replaced.
    ///
    /// # Errors
    /// Which secret is missing.
    pub fn filled(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${secret:") {
            let (name, behind) =
                after.split_once('}').ok_or("a `${secret:` in its values has no `}`")?;
            let value = self.get(name).ok_or_else(|| {
                format!("there is no secret `{}` (docs/configuration.md)", name.escape_debug())
            })?;
            filled.push_str(before);
            filled.push_str(value);
            rest = behind;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// Every name, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What strikes these secrets out of texts.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn check(name: &str, value: &str) -> Result<(), SecretsError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let why = if name.is_empty() || name.len() > 128 || !name.chars().all(plain) {
        "a name has letters, digits, `_` and `-`, at most 128"
    } else if value.chars().count() < SECRET_CHARS_MIN {
        "it is shorter than 6 characters, so it could not be struck out of texts"
    } else {
        return Ok(());
    };
    Err(SecretsError::Unusable { name: name.to_owned(), why })
}

/// The files of `dir`; hidden ones are passed over, as mounted secrets have such beside them.
fn files(dir: &Path) -> Result<Vec<(String, PathBuf)>, SecretsError> {
    let failed = |source| SecretsError::Io { path: dir.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().into_string().map_err(|name| {
            failed(std::io::Error::other(format!("the name `{}` is not text", name.display())))
        })?;
        if !name.starts_with('.') {
            files.push((name, entry.path()));
        }
        if files.len() > FILES_MAX {
            return Err(failed(std::io::Error::other(format!("more than {FILES_MAX} files"))));
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<String, SecretsError> {
    let failed = |source| SecretsError::Io { path: path.to_owned(), source };
    let file = open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(std::io::Error::other("it is no plain file")));
    }
    private(&metadata).map_err(|why| SecretsError::NotPrivate { path: path.to_owned(), why })?;
    let mut value = String::new();
    file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut value).map_err(failed)?;
    if value.len() as u64 > SECRET_BYTES_MAX {
        return Err(failed(std::io::Error::other(format!("more than {SECRET_BYTES_MAX} bytes"))));
    }
    // Editors end a file with a line break that nobody means.
    let end =
        value.strip_suffix('\n').map_or(value.as_str(), |v| v.strip_suffix('\r').unwrap_or(v));
    Ok(end.to_owned())
}

#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::open(path)
}

#[cfg(unix)]
fn private(metadata: &std::fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let (mode, owner) = (metadata.mode() & 0o777, metadata.uid());
    if mode & 0o177 != 0 {
        return Err(format!("its mode is {mode:04o}; run `chmod 600` on it"));
    }
    if owner != rustix::process::geteuid().as_raw() && owner != 0 {
        return Err("it belongs to another user".to_owned());
    }
    Ok(())
}

#[cfg(not(unix))]
fn private(_: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn put(dir: &Path, name: &str, value: &str, mode: u32) {
        std::fs::write(dir.join(name), value).unwrap();
        std::fs::set_permissions(dir.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn reads_private_files_and_the_environment_wins() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "DB", "from-file\n", 0o600);
        put(dir.path(), "API", "with\nlines\r\n", 0o400);
        put(dir.path(), ".hidden", "x", 0o644);
        let variables = [("BAILIWICK_SECRET_DB", "from-environment"), ("HOME", "/h")];
        let secrets = Secrets::load(variables, Some(dir.path())).unwrap();
        assert_eq!(secrets.get("DB"), Some("from-environment"));
        assert_eq!(secrets.get("API"), Some("with\nlines"));
        assert_eq!(secrets.names().collect::<Vec<_>>(), ["API", "DB"]);
        assert_eq!(secrets.redactor().redact("from-environment"), "${secret:DB}");
        assert!(!format!("{secrets:?}").contains("from"));
    }

    #[test]
    fn refuses_what_others_can_read_and_what_cannot_be_struck_out() {
        for (name, value, mode) in [
            ("A", "long enough", 0o644),
            ("A", "long enough", 0o640),
            ("A", "shor7", 0o600),
            ("b c", "long enough", 0o600),
        ] {
            let dir = tempfile::tempdir().unwrap();
            put(dir.path(), name, value, mode);
            let error = Secrets::load([], Some(dir.path())).unwrap_err().to_string();
            assert!(!error.contains(value), "{error}");
        }
        assert!(Secrets::load([], Some(Path::new("/no/such/directory"))).is_err());
        assert!(Secrets::load([("BAILIWICK_SECRET_X", "")], None).is_err());
    }

    #[test]
    fn secrets_are_put_in_and_a_missing_one_is_named() {
        let secrets = Secrets::load([("BAILIWICK_SECRET_KEY", "sesame-123")], None).unwrap();
        for (text, expected) in [
            ("plain", Ok("plain")),
            ("Bearer ${secret:KEY}", Ok("Bearer sesame-123")),
            ("${secret:KEY}${secret:KEY}!", Ok("sesame-123sesame-123!")),
            ("${secret:NONE}", Err("`NONE`")),
            ("${secret:KEY", Err("no `}`")),
        ] {
            match (secrets.filled(text), expected) {
                (Ok(filled), Ok(expected)) => assert_eq!(filled, expected),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{why}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn follows_no_link_and_waits_for_no_pipe() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("A")).unwrap();
        assert!(matches!(Secrets::load([], Some(dir.path())), Err(SecretsError::Io { .. })));
        let pipes = tempfile::tempdir().unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            pipes.path().join("P"),
            rustix::fs::FileType::Fifo,
            mode,
            0,
        )
        .unwrap();
        assert!(matches!(Secrets::load([], Some(pipes.path())), Err(SecretsError::Io { .. })));
    }
}
