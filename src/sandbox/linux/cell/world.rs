//! Everything that the calls of one broker have in common, made once.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;

use super::super::layers::{self, Layers};
use super::super::wire::{Refusal, ViewSpec};
use super::grants::{Access, Grant};
use super::names::NameRules;
use super::owners;
use super::seccomp::{Filters, Needs};
use super::view::View;
use crate::contracts::Network;

/// The kinds of namespaces, as they stand in the receipt.
const KINDS: &str = "mount,pid,net,ipc,uts,cgroup";

/// What a cell is made of.
#[derive(Debug)]
pub struct World {
    /// What was asked for.
    pub spec: ViewSpec,
    /// What came of it.
    pub view: View,
    /// What may be done where; the call's own directory is added to it.
    pub grants: Vec<Grant>,
    /// The filters of system calls; `None` when they are left out.
    pub filters: Option<Filters>,
    /// A `/proc` that can be written, in which each process finds itself.
    pub processes: OwnedFd,
    /// Names that the command must not make.
    pub names: NameRules,
    /// Why there are no control groups.
    no_slots: Option<String>,
}

impl World {
    /// Prepares what the view needs around it. This process has the view as its root.
    pub fn new(spec: ViewSpec, view: View, no_slots: Option<String>) -> Result<Self, Refusal> {
        let kept = kept_names(&spec);
        let names = NameRules::new(&kept, id_of);
        let needs =
            Needs { network: spec.network, answers_metadata: false, keeps_names: !kept.is_empty() };
        let filters = match spec.lacks(layers::SECCOMP) {
            true => None,
            false => Some(Filters::assemble(needs)?),
        };
        let mut grants = Vec::new();
        grants.extend(grant(Path::new("/"), Access::Run)?);
        for root in &view.write {
            grants.extend(grant(root, Access::Write)?);
        }
        for device in &view.devices {
            grants.extend(grant(device, Access::Device)?);
        }
        let processes = owners::processes().map_err(|error| Refusal::helper("`/proc`", error))?;
        Ok(Self { spec, view, grants, filters, processes, names, no_slots })
    }

    /// What kind of network cells have.
    pub fn network(&self) -> Network {
        self.spec.network
    }

    /// Notes the layers that stand because of where the command is; whether it has a user namespace of its
    /// own is known by the call.
    pub fn note(&self, has_users: bool, stand: &mut Layers) {
        stand.enforce(layers::SPAWN);
        let users = if has_users { "user," } else { "" };
        stand.enforce(format!("{}:{users}{KINDS}", layers::NAMESPACES));
        match &self.no_slots {
            None => stand.enforce(format!("{}:memory,pids", layers::CGROUP)),
            Some(reason) => stand.miss(layers::CGROUP, reason),
        }
        match self.spec.network {
            Network::None => stand.enforce(format!("{}:none", layers::NETWORK)),
            Network::Loopback => stand.enforce(format!("{}:loopback", layers::NETWORK)),
            Network::Proxy => stand.enforce(format!("{}:proxy", layers::NETWORK)),
        }
    }
}

/// Names that must not come into being, and those that are there and covered: a directory above one of
/// them could otherwise be renamed, and the place be made anew in its stead.
fn kept_names(spec: &ViewSpec) -> Vec<PathBuf> {
    let closed = spec.closed.iter().map(|closed| &closed.path);
    let all = spec.sealed.iter().chain(&spec.frozen).chain(closed);
    all.filter(|path| spec.write.iter().any(|root| path.starts_with(root))).cloned().collect()
}

/// Device and inode, where it exists.
fn id_of(path: &Path) -> Option<(u64, u64)> {
    let found = rustix::fs::stat(path).ok()?;
    Some((found.st_dev, found.st_ino))
}

/// `None` for what is not in the view.
pub fn grant(path: &Path, access: Access) -> Result<Option<Grant>, Refusal> {
    let broken = |error: Errno| Refusal::helper(&format!("`{}`", path.display()), error);
    let at: OwnedFd = match open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        Ok(at) => at,
        Err(Errno::NOENT | Errno::ACCESS) => return Ok(None),
        Err(error) => return Err(broken(error)),
    };
    let found = fstat(&at).map_err(broken)?;
    let is_directory = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
    Ok(Some(Grant { at, path: PathBuf::from(path), is_directory, access }))
}
