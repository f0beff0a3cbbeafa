//! `unpack`: an archive becomes a tree of the run's area, or nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::area::{Area, failed, remove_tree};
use super::super::fs::shown;
use super::super::typed::{Answer, Call};
use super::args::Args;
use super::cell::{Limits, Reply, Request};
use super::data::Data;
use super::download;
use super::helper::{Reach, ask, broke};
use crate::contracts::{ErrorKind, ToolError};

pub(super) const DIR: &str = "trees";

/// What may come out of an archive.
pub(super) const LIMITS: Limits = Limits {
    entries: 100_000,
    bytes: 2 << 30,
    file_bytes: 1 << 30,
    ratio: 100,
    ratio_free_bytes: 1 << 20,
    path_bytes: 1_024,
    depth: 64,
};

/// Largest archive of the workspace that is copied.
const SOURCE_BYTES_MAX: u64 = 1 << 30;

pub(super) fn run(args: &Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
    let area = Area::of_run(at)?;
    let scratch = area.scratch()?;
    let archive = archive(args, at, &area, scratch.path())?;
    let into = scratch.path().join("new");
    fs::create_dir(&into).map_err(|error| failed(&into, &error))?;
    let request = Request::Unpack { archive: archive.clone(), into: into.clone(), limits: LIMITS };
    let reach = Reach { read: &archive, write: Some(&into) };
    let (reply, receipt) = ask(at, &request, &reach)?;
    let Reply::Unpacked(unpacked) = reply else {
        return Err(broke("it answered another question"));
    };
    let name = args.new_tree();
    let place = area.dir(DIR)?.join(name);
    let io = |error: io::Error| failed(&place, &error);
    remove_tree(&place).map_err(io)?;
    fs::rename(&into, &place).map_err(io)?;
    let data = Data { name: name.to_owned(), ..Data::default() }.unpacked(unpacked);
    Ok(Answer { receipt, ..Answer::of(data) })
}

/// A download, or a copy of a file of the workspace: the cell is to see nothing else of that.
fn archive(args: &Args, at: &Call<'_>, area: &Area, scratch: &Path) -> Result<PathBuf, ToolError> {
    let Some(source) = &args.source else {
        let path = area.dir(download::DIR)?.join(args.archive());
        return match path.is_file() {
            true => Ok(path),
            false => {
                let name = args.archive();
                let message =
                    format!("there is no download `{name}` in this run: `download` it first");
                Err(ToolError::new(ErrorKind::NotFound, message))
            }
        };
    };
    let mut opened = at.jail.open_file(source)?;
    if opened.bytes > SOURCE_BYTES_MAX {
        let message = format!("`{}` is larger than {SOURCE_BYTES_MAX} bytes", shown(&opened.real));
        return Err(ToolError::new(ErrorKind::TooLarge, message));
    }
    let copy = scratch.join("archive");
    let io = |error: io::Error| failed(&copy, &error);
    let mut file = fs::File::create_new(&copy).map_err(io)?;
    let most = &mut io::Read::take(&mut opened.file, SOURCE_BYTES_MAX);
    io::copy(most, &mut file).map_err(io)?;
    Ok(copy)
}
