//! What stands before the hunks of a file: its names and what becomes of it.

use super::What;

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 4_096;

/// The lines before the hunks, as far as they say something.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// Whether git wrote it.
    pub(super) git: bool,
    /// Names behind `---` and `+++`, as they are written.
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
    /// The two names behind `diff --git`, where they can be told apart.
    pub(super) both: Option<(String, String)>,
    pub(super) renamed: (Option<String>, Option<String>),
    pub(super) copied: (Option<String>, Option<String>),
    pub(super) created: bool,
    pub(super) deleted: bool,
    pub(super) mode: Option<u32>,
}

/// The permission bits behind a git mode. Only regular files have one that is changed here.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    match text.trim_end() {
        "100644" => Ok(0o644),
        "100755" => Ok(0o755),
        "120000" => Err("it is about a symbolic link, which patches do not change here".to_owned()),
        "160000" => Err("it is about a submodule, which patches do not change here".to_owned()),
        other => Err(format!("mode `{}` is none of a file", other.escape_debug())),
    }
}

/// A name as it stands behind `--- `, `rename from ` and the like: quoted, or up to a tab.
pub(super) fn name(text: &str) -> Result<String, String> {
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.starts_with('"') {
        return unquoted(text).map(|(name, _)| name);
    }
    Ok(text.split('\t').next().unwrap_or_default().trim_end().to_owned())
}

/// The two names behind `diff --git `. Without quotes they can only be told apart when they are the
/// same but for their first part; where they are not, other lines name them.
pub(super) fn both(text: &str) -> Option<(String, String)> {
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.starts_with('"') {
        let (old, rest) = unquoted(text).ok()?;
        return Some((old, name(rest.trim_start()).ok()?));
    }
    if let Some(at) = text.find(" \"") {
        let (old, new) = text.split_at_checked(at)?;
        return Some((old.to_owned(), name(new.trim_start()).ok()?));
    }
    let middle = text.len() / 2;
    let (old, new) = (text.get(..middle)?, text.get(middle..)?.strip_prefix(' ')?);
    let same = old.split_once('/')?.1 == new.split_once('/')?.1;
    same.then(|| (old.to_owned(), new.to_owned()))
}

/// A name in double quotes with the escapes of C, and what follows it.
fn unquoted(text: &str) -> Result<(String, &str), String> {
    let bad = || format!("the name {} is not quoted as git quotes", text.escape_debug());
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes().iter().copied().enumerate().skip(1);
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'"' => {
                let name = String::from_utf8(bytes).map_err(|_not_text| {
                    format!("the name {} is not UTF-8", text.escape_debug())
                })?;
                return Ok((name, text.get(at + 1..).unwrap_or_default()));
            }
            b'\\' => {
                let (_, escaped) = rest.next().ok_or_else(bad)?;
                bytes.push(match escaped {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'a' => 7,
                    b'b' => 8,
                    b'v' => 11,
                    b'f' => 12,
                    b'"' | b'\\' => escaped,
                    b'0'..=b'3' => {
                        let mut value = u32::from(escaped - b'0');
                        for _ in 0..2 {
                            let (_, digit) = rest.next().ok_or_else(bad)?;
                            let digit = char::from(digit).to_digit(8).ok_or_else(bad)?;
                            value = value * 8 + digit;
                        }
                        u8::try_from(value).map_err(|_large| bad())?
                    }
                    _ => return Err(bad()),
                });
            }
            other => bytes.push(other),
        }
    }
    Err(bad())
}

impl Header {
    /// Which file, and what becomes of it. `strip` parts are taken off the names; when that is not said,
    /// the `a/` and `b/` of git are.
    pub(super) fn what(&self, strip: Option<usize>) -> Result<What, String> {
        let strip = strip.unwrap_or_else(|| usize::from(self.has_prefixes()));
        // These names have no prefix.
        let bare = strip.saturating_sub(1);
        if let (Some(from), Some(to)) = &self.renamed {
            return Ok(What::Rename { from: path(from, bare)?, to: path(to, bare)? });
        }
        if let (Some(from), Some(to)) = &self.copied {
            return Ok(What::Copy { from: path(from, bare)?, to: path(to, bare)? });
        }
        let (old, new) = match (&self.old, &self.new, &self.both) {
            (Some(old), Some(new), _) => (old.as_str(), new.as_str()),
            (_, _, Some((old, new))) => (old.as_str(), new.as_str()),
            _ => return Err("it does not say which file it is about".to_owned()),
        };
        match (old == NOTHING, new == NOTHING) {
            (true, true) => Err("it names no file, neither before nor after".to_owned()),
            (true, false) => Ok(What::Create { path: path(new, strip)? }),
            (false, true) => Ok(What::Delete { path: path(old, strip)? }),
            (false, false) if self.created => Ok(What::Create { path: path(new, strip)? }),
            (false, false) if self.deleted => Ok(What::Delete { path: path(old, strip)? }),
            (false, false) => Ok(What::Modify { path: path(new, strip)? }),
        }
    }

    fn has_prefixes(&self) -> bool {
        let fits = |name: &Option<String>, prefix: &str| {
            name.as_ref().is_some_and(|name| name == NOTHING || name.starts_with(prefix))
        };
        self.git || (fits(&self.old, "a/") && fits(&self.new, "b/"))
    }
}

/// What stands for a file that is not there.
const NOTHING: &str = "/dev/null";

/// A relative path beneath the workspace, without its first `strip` parts.
fn path(name: &str, strip: usize) -> Result<String, String> {
    let shown = name.escape_debug();
    if name.len() > NAME_BYTES_MAX || name.contains('\0') {
        return Err("it names a file whose name is too long or has a NUL character".to_owned());
    }
    if name.starts_with('/') {
        return Err(format!("`{shown}` is absolute: paths start at the workspace"));
    }
    let parts: Vec<&str> =
        name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(format!("`{shown}` has `..` in it"));
    }
    match parts.get(strip..) {
        Some(rest) if !rest.is_empty() => Ok(rest.join("/")),
        _ => Err(format!(
            "`{shown}` has no parts left when {strip} are taken off; say with `strip` how many to take"
        )),
    }
}
