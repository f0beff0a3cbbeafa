//! Which names and link targets an entry may have. Texts only: nothing is looked up.

use std::path::{Component, Path, PathBuf};

use super::super::words::Limits;

/// The path of an entry below the directory; `None` for the directory itself.
///
/// # Errors
/// With what is wrong about the name.
pub(super) fn entry_path(raw: &[u8], limits: &Limits) -> Result<Option<PathBuf>, String> {
    let name = text(raw, limits)?;
    if is_absolute(name) {
        return Err("has an absolute name".to_owned());
    }
    if climbs(name) {
        return Err("has `..` in its name".to_owned());
    }
    let path: PathBuf = plain_parts(name).collect();
    let depth = path.components().count();
    if depth > limits.depth {
        return Err(format!("lies {depth} directories deep; the limit is {}", limits.depth));
    }
    Ok((depth > 0).then_some(path))
}

/// The target of a symbolic link, as it is written.
///
/// `..` may only stand at the beginning. In the middle it would go up from where another link led,
/// which the text does not say: `a/../..` leaves the directory when `a` is a link to its own.
///
/// # Errors
/// With what is wrong about the target.
pub(super) fn link_target<'a>(
    raw: &'a [u8],
    link: &Path,
    limits: &Limits,
) -> Result<&'a str, String> {
    let target = text(raw, limits)?;
    if target.is_empty() {
        return Err("is a link without a target".to_owned());
    }
    if is_absolute(target) {
        return Err(format!("is a link to `{}`, outside of the archive", target.escape_debug()));
    }
    let mut up = 0;
    let mut down = false;
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if down => {
                let shown = target.escape_debug();
                return Err(format!("is a link to `{shown}`, with `..` behind a name"));
            }
            ".." => up += 1,
            _ => down = true,
        }
    }
    let above = link.components().count().saturating_sub(1);
    if up > above {
        return Err(format!("is a link to `{}`, outside of the archive", target.escape_debug()));
    }
    Ok(target)
}

/// A name as text without characters that mislead.
fn text<'a>(raw: &'a [u8], limits: &Limits) -> Result<&'a str, String> {
    if raw.len() > limits.path_bytes {
        return Err(format!("has a name longer than {} bytes", limits.path_bytes));
    }
    let name = std::str::from_utf8(raw).map_err(|_not_utf8| "has a name that is not UTF-8")?;
    match name.chars().find(|c| c.is_control()) {
        Some('\0') => Err("has a NUL in its name".to_owned()),
        Some(_) => Err("has a control character in its name".to_owned()),
        None => Ok(name),
    }
}

/// Also where the name comes from a system with drives.
fn is_absolute(name: &str) -> bool {
    let drive = name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && name.as_bytes().get(1) == Some(&b':')
        && name.as_bytes().get(2).is_none_or(|third| matches!(third, b'/' | b'\\'));
    name.starts_with(['/', '\\']) || drive
}

/// A backslash separates names elsewhere: what is brought back may be opened there.
fn climbs(name: &str) -> bool {
    name.split(['/', '\\']).any(|part| part == "..")
}

fn plain_parts(name: &str) -> impl Iterator<Item = &std::ffi::OsStr> {
    Path::new(name).components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}
