//! Where a path leads, as the one who asks means it.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2, statat,
};
use rustix::io::Errno;

use super::super::grants::real_path;
use super::asker::Asker;
use super::call::Place;
use super::rules::{NameRules, Verdict};
use super::walk::{self, LINKS_MAX, PROC, Step};

/// A name, which may exist, in a directory that does.
#[derive(Debug)]
pub struct Spot {
    pub directory: OwnedFd,
    /// Its real path.
    pub path: PathBuf,
    pub stat: Stat,
    /// As the kernel wants it, with a slash at the end where there was one.
    pub name: Vec<u8>,
}

/// What a path leads to.
#[derive(Debug)]
pub enum Found {
    /// Something that is no link.
    File(OwnedFd, Stat, Spot),
    /// A link, where links at the end are not followed.
    Link,
    /// Nothing yet.
    Missing(Spot),
    /// `.`, `..`, or a name with a slash behind it: a directory or nothing.
    Directory(Spot),
}

/// What happens at a link at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Follow,
    Keep,
}

impl Spot {
    /// Without slashes.
    pub fn plain_name(&self) -> &[u8] {
        self.name.strip_suffix(b"/").unwrap_or(&self.name)
    }

    /// Whether it is a way of naming a directory rather than a name.
    pub fn is_no_name(&self) -> bool {
        matches!(self.plain_name(), b"." | b"..")
    }

    /// What the rules say to a new name here.
    pub fn verdict(&self, rules: &NameRules) -> Verdict {
        let id = (self.stat.st_dev, self.stat.st_ino);
        rules.of_name(&self.path, id, self.plain_name())
    }

    /// Whether there is something with this name, if only a link to nowhere.
    pub fn exists(&self) -> bool {
        statat(&self.directory, self.plain_name(), AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }
}

/// The directory and the name at the end of a path.
pub fn spot(asker: &Asker<'_>, place: &Place) -> Result<Spot, i32> {
    find(asker, start(asker, place)?, &place.path)
}

/// Goes on through links at the end, as an `open` that may make a file does.
pub fn follow(asker: &Asker<'_>, place: &Place, ending: Ending) -> Result<Found, i32> {
    let mut path = place.path.clone();
    let mut from = start(asker, place)?;
    for _ in 0..=LINKS_MAX {
        let spot = find(asker, from, &path)?;
        if spot.is_no_name() || spot.name.ends_with(b"/") {
            return Ok(Found::Directory(spot));
        }
        let step = walk::enter(asker, spot.directory.as_fd(), &spot.name);
        match step {
            Err(libc::ENOENT) => return Ok(Found::Missing(spot)),
            Err(errno) => return Err(errno),
            Ok((step, is_link)) if is_link && ending == Ending::Keep => {
                drop(step);
                return Ok(Found::Link);
            }
            Ok((Step::Link(target), _)) => {
                from = (!target.starts_with(b"/")).then_some(spot.directory);
                path = target;
            }
            Ok((Step::File(file), _)) => {
                let stat = fstat(&file).map_err(Errno::raw_os_error)?;
                return Ok(Found::File(file, stat, spot));
            }
        }
    }
    Err(libc::ELOOP)
}

/// Where a path starts that does not start at the root.
fn start(asker: &Asker<'_>, place: &Place) -> Result<Option<OwnedFd>, i32> {
    match place.path.first() {
        None => Err(libc::ENOENT),
        Some(b'/') => Ok(None),
        Some(_) => asker.base(place.base).map(Some),
    }
}

fn find(asker: &Asker<'_>, from: Option<OwnedFd>, path: &[u8]) -> Result<Spot, i32> {
    let (above, name) = split(path).ok_or(libc::ENOENT)?;
    let spot = |directory: OwnedFd, path: PathBuf| -> Result<Spot, i32> {
        let stat = fstat(&directory).map_err(Errno::raw_os_error)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Err(libc::ENOTDIR);
        }
        // Elsewhere than below the root there is nothing that can be compared.
        if !path.is_absolute() {
            return Err(libc::EACCES);
        }
        Ok(Spot { directory, path, stat, name })
    };
    let real = |directory: &OwnedFd| {
        real_path(directory.as_fd()).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))
    };
    let directory = match from {
        Some(from) if above.is_empty() => {
            let path = real(&from)?;
            return spot(from, path);
        }
        from => {
            // `/proc/self` would be this process, and a magic link would lead where only this
            // process may go.
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let at = from.as_ref().map_or(CWD, AsFd::as_fd);
            match openat2(at, above, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS) {
                Ok(directory) => {
                    let path = real(&directory)?;
                    if !path.starts_with(PROC) {
                        return spot(directory, path);
                    }
                }
                Err(Errno::LOOP) => {}
                // The process's own directory may lack what the asker's has, such as a thread.
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.raw_os_error()),
            }
            walk::directory(asker, from, above)?
        }
    };
    let path = real(&directory)?;
    spot(directory, path)
}

/// The way to the last name, and that name; none for the empty path.
fn split(path: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    if path.is_empty() {
        return None;
    }
    let Some(last) = path.iter().rposition(|byte| *byte != b'/') else {
        return Some((b"/", b".".to_vec()));
    };
    let (whole, slashes) = path.split_at_checked(last + 1)?;
    let start = whole.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (above, name) = whole.split_at_checked(start)?;
    let mut name = name.to_vec();
    if !slashes.is_empty() {
        name.push(b'/');
    }
    Some((above, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_way_to_a_name_and_the_name() {
        for (path, above, name) in [
            ("a", "", "a"),
            ("a/b", "a/", "b"),
            ("/a", "/", "a"),
            ("a//b//", "a//", "b/"),
            ("/", "/", "."),
            ("//", "/", "."),
            ("a/..", "a/", ".."),
            (".", "", "."),
        ] {
            let found = split(path.as_bytes()).unwrap();
            assert_eq!(found, (above.as_bytes(), name.as_bytes().to_vec()), "{path}");
        }
        assert_eq!(split(b""), None);
    }
}
