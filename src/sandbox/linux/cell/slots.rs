//! Control groups: the memory and the processes of a whole cell, counted by the kernel.
//!
//! A group is made when it is first needed and used again for later calls, one at a time; making one
//! costs more than the rest of a cell. Both versions of the kernel's interface are served, as far as
//! this process may make groups below its own.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat, unlinkat};
use rustix::io::Errno;

use super::super::wire::ViewSpec;

/// More than the kernel's counts of a group take, whatever it counts.
const COUNTS_BYTES: usize = 1024;

const MEMORY: &str = "memory";
const PIDS: &str = "pids";

/// Where control groups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// What all names of our groups begin with; the id of the program follows.
pub const PREFIX: &str = "bailiwick-";

/// The first process of a cell counts as well.
const PIDS_ABOVE: u64 = 1;

/// Groups that are kept for later calls; more exist only while more calls are at work.
const FREE_MAX: usize = 4;

/// How the kernel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// One tree for each resource.
    One,
    /// One tree for all.
    Two,
}

/// Directories below which groups are made.
#[derive(Debug)]
pub struct Slots {
    version: Version,
    /// With the name of the resource, or empty for all.
    parents: Vec<(&'static str, OwnedFd)>,
    prefix: String,
    made: u32,
    free: Vec<Slot>,
    /// Names of groups that the kernel was not done with when they were to go.
    leaving: Vec<String>,
    memory_bytes: u64,
    pids: u64,
}

/// What the kernel counted.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    killed: u64,
    refused: u64,
}

/// The groups of one cell.
#[derive(Debug)]
pub struct Slot {
    name: String,
    /// Whoever writes a zero here is in the group.
    join: Vec<OwnedFd>,
    /// Says how often memory ran out.
    events: fs::File,
    /// Says how often a process could not be started.
    refusals: fs::File,
    before: Counts,
}

impl Slots {
    /// The groups that this process may make.
    ///
    /// # Errors
    /// With what to do, when it may make none.
    pub fn find(spec: &ViewSpec) -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let (version, parents) = parents(&own)?;
        let prefix = format!("{PREFIX}{}-{}-", spec.host, rustix::process::getpid());
        let (memory_bytes, pids) = (spec.memory_bytes, spec.pids.saturating_add(PIDS_ABOVE));
        let (free, leaving) = (Vec::new(), Vec::new());
        let mut slots =
            Self { version, parents, prefix, made: 0, free, leaving, memory_bytes, pids };
        let first = slots.make().map_err(|error| {
            format!(
                "no control group can be made: {error}; run as a service with `Delegate=yes` and \
                     `DelegateSubgroup=main`, or as root"
            )
        })?;
        slots.free.push(first);
        Ok(slots)
    }

    /// A group that nobody is in.
    ///
    /// # Errors
    /// When none can be made.
    pub fn take(&mut self) -> io::Result<Slot> {
        let mut slot = match self.free.pop() {
            Some(slot) => slot,
            None => self.make()?,
        };
        slot.before = Counts { killed: slot.killed()?, refused: slot.refused()? };
        Ok(slot)
    }

    /// Gives a group back that nobody is in any more.
    pub fn give_back(&mut self, slot: Slot) {
        if self.free.len() < FREE_MAX {
            self.free.push(slot);
        } else {
            self.leaving.push(slot.name);
        }
        let leaving = std::mem::take(&mut self.leaving);
        self.leaving = leaving.into_iter().filter(|name| self.remove_one(name).is_err()).collect();
    }

    /// Removes a group from every tree, also one that is gone from some of them already.
    fn remove_one(&self, name: &str) -> rustix::io::Result<()> {
        self.parents.iter().try_for_each(|(_, parent)| {
            match unlinkat(parent, name, AtFlags::REMOVEDIR) {
                Err(Errno::NOENT) => Ok(()),
                other => other,
            }
        })
    }

    fn make(&mut self) -> io::Result<Slot> {
        let name = format!("{}{}", self.prefix, self.made);
        self.made += 1;
        let mut join = Vec::new();
        let (mut events, mut refusals) = (None, None);
        for (resource, parent) in &self.parents {
            match mkdirat(parent, name.as_str(), Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let group = openat(parent, name.as_str(), flags, Mode::empty())?;
            if *resource != PIDS {
                self.limit_memory(&group)?;
                let file = if self.version == Version::One {
                    "memory.oom_control"
                } else {
                    "memory.events"
                };
                events = Some(fs::File::from(open(&group, file, OFlags::RDONLY)?));
            }
            if *resource != MEMORY {
                write(&group, "pids.max", self.pids)?;
                refusals = Some(fs::File::from(open(&group, "pids.events", OFlags::RDONLY)?));
            }
            // One thread that moves itself needs no lock that stops the whole machine's forks.
            let file = if self.version == Version::One { "tasks" } else { "cgroup.procs" };
            join.push(open(&group, file, OFlags::WRONLY)?);
        }
        let events = events.ok_or_else(|| io::Error::other("no group counts memory"))?;
        let refusals = refusals.ok_or_else(|| io::Error::other("no group counts processes"))?;
        Ok(Slot { name, join, events, refusals, before: Counts::default() })
    }

    fn limit_memory(&self, group: &OwnedFd) -> io::Result<()> {
        match self.version {
            Version::One => {
                write(group, "memory.limit_in_bytes", self.memory_bytes)?;
                unless_absent(write(group, "memory.memsw.limit_in_bytes", self.memory_bytes))
            }
            Version::Two => {
                write(group, "memory.max", self.memory_bytes)?;
                unless_absent(write(group, "memory.swap.max", 0))
            }
        }
    }

    /// Removes all groups. One that somebody is still in stays, and is removed by the next program.
    pub fn remove(self) {
        for number in 0..self.made {
            let name = format!("{}{number}", self.prefix);
            if let Err(error) = self.remove_one(&name) {
                eprintln!("the control group `{name}` is left over: {error}");
            }
        }
    }
}

impl Slot {
    /// Moves this process into the groups.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn join(&self) -> io::Result<()> {
        for group in &self.join {
            rustix::io::write(group, b"0")?;
        }
        Ok(())
    }

    /// Whether processes were killed since the group was taken because memory ran out.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn ran_out_of_memory(&self) -> io::Result<bool> {
        Ok(self.killed()? > self.before.killed)
    }

    /// Whether a process could not be started since the group was taken because there were too many.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn ran_out_of_processes(&self) -> io::Result<bool> {
        Ok(self.refused()? > self.before.refused)
    }

    fn killed(&self) -> io::Result<u64> {
        self.count(&self.events, "oom_kill ")
    }

    fn refused(&self) -> io::Result<u64> {
        self.count(&self.refusals, "max ")
    }

    /// Read at once: every cell waits for it.
    fn count(&self, file: &fs::File, label: &str) -> io::Result<u64> {
        let mut bytes = [0; COUNTS_BYTES];
        let length = file.read_at(&mut bytes, 0)?;
        let text = String::from_utf8_lossy(bytes.get(..length).unwrap_or_default());
        let line = text.lines().find_map(|line| line.strip_prefix(label));
        line.and_then(|count| count.trim().parse().ok()).ok_or_else(|| {
            io::Error::other(format!("group `{}` does not count `{label}`", self.name))
        })
    }
}

type Parents = Vec<(&'static str, OwnedFd)>;

/// The groups of this process below which others can be made.
fn parents(own: &str) -> Result<(Version, Parents), String> {
    let place = |resource: &str| {
        own.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let resources = parts.next()?;
            let path = parts.next()?.trim_start_matches('/');
            resources.split(',').any(|name| name == resource).then(|| PathBuf::from(path))
        })
    };
    let open = |path: PathBuf| {
        open_directory(&path).map_err(|error| format!("`{}`: {error}", path.display()))
    };
    if let (Some(memory), Some(pids)) = (place(MEMORY), place(PIDS)) {
        let at = |resource: &str, path: PathBuf| open(Path::new(MOUNT).join(resource).join(path));
        let parents = vec![(MEMORY, at(MEMORY, memory)?), (PIDS, at(PIDS, pids)?)];
        return Ok((Version::One, parents));
    }
    let Some(path) = place("") else {
        return Err("this kernel has no control groups".to_owned());
    };
    let own = Path::new(MOUNT).join(path);
    let above = own.parent().filter(|above| above.starts_with(MOUNT)).map(Path::to_owned);
    // A group with processes of its own cannot pass resources on, so its parent has to.
    let place = [Some(own), above].into_iter().flatten().find(|place| passes_on(place));
    let Some(place) = place else {
        return Err(
            "the control group of this program does not pass on memory and processes; run it as \
                    a service with `Delegate=yes` and `DelegateSubgroup=main`"
                .to_owned(),
        );
    };
    Ok((Version::Two, vec![("", open(place)?)]))
}

/// Whether groups below `place` can bound memory and processes; switches that on where it may.
fn passes_on(place: &Path) -> bool {
    let file = place.join("cgroup.subtree_control");
    let has = || {
        fs::read_to_string(&file).is_ok_and(|text| {
            let mut names = text.split_ascii_whitespace();
            names.clone().any(|name| name == MEMORY) && names.any(|name| name == PIDS)
        })
    };
    has() || (fs::write(&file, "+memory +pids").is_ok() && has())
}

fn open_directory(path: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn open(group: impl AsFd, file: &str, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(openat(group, file, flags | OFlags::CLOEXEC, Mode::empty())?)
}

fn write(group: &OwnedFd, file: &str, value: u64) -> io::Result<()> {
    let file = open(group, file, OFlags::WRONLY)?;
    rustix::io::write(&file, value.to_string().as_bytes())?;
    Ok(())
}

/// A kernel that does not count swap has no such file.
fn unless_absent(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
