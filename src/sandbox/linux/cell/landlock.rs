//! Landlock: files and TCP ports, and signals and abstract sockets out of the cell.
//!
//! What it does not cover, [`super::seccomp`] does: changing mode, owner, times and attributes of
//! files, and connecting to unix sockets by path. What neither covers: `stat`, `readlink` and
//! `chdir` work everywhere, so a command can find out whether a name exists that it can guess.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    make_bitflags,
};

use super::super::layers::{LANDLOCK, Layers, SIGNALS};
use super::super::wire::Refusal;
use super::grants::{Access, Grant};
use super::sys;

/// Before ABI 3 any file could be truncated, wherever it is.
const ABI_MIN: i32 = 3;

/// The first that fences signals and abstract sockets.
const ABI_SCOPES: i32 = 6;

/// Keeps this process and what it starts from signalling anybody else. The supervisor needs no
/// such right, and a process id it read a moment ago may by now belong to another process.
pub fn fence_signals() -> Result<(), Refusal> {
    let abi = sys::landlock_abi();
    if abi < ABI_SCOPES {
        return Ok(());
    }
    let built = || -> Result<(), RulesetError> {
        strict().scope(Scope::Signal)?.create()?.restrict_self()?;
        Ok(())
    };
    built().map_err(|error| Refusal::missing(SIGNALS, error))
}

/// What Landlock is told of a cell.
#[derive(Debug, Clone, Copy)]
pub struct Fenced<'a> {
    /// What may be done where.
    pub grants: &'a [&'a Grant],
    /// Whether TCP stays open: the cell has a network of its own.
    pub leaves_tcp: bool,
    /// Whether to do as if the kernel had none.
    pub is_left_out: bool,
}

/// Rules that a process can put up around itself. They are made before there is a command, which then
/// does not wait for it.
#[derive(Debug)]
pub struct Fence {
    /// The version of the kernel's Landlock.
    number: i32,
    /// `None` where the kernel has none that is good enough.
    rules: Option<RulesetCreated>,
}

impl Fence {
    /// Makes the rules.
    pub fn build(fenced: Fenced<'_>) -> Result<Self, Refusal> {
        let number = if fenced.is_left_out { 0 } else { sys::landlock_abi() };
        if number < ABI_MIN {
            return Ok(Self { number, rules: None });
        }
        let rules = rules(ABI::from(number), number, fenced);
        let rules = rules.map_err(|error| Refusal::missing(LANDLOCK, error))?;
        Ok(Self { number, rules: Some(rules) })
    }

    /// Puts this process, and what it becomes, behind the rules. A kernel that has none is noted.
    pub fn put_up(self, layers: &mut Layers) -> Result<(), Refusal> {
        let number = self.number;
        let Some(rules) = self.rules else {
            let reason = if number == 0 {
                "the kernel has none; boot Linux 6.2 or newer with `landlock` in `lsm=`".to_owned()
            } else {
                format!("the kernel has version {number}; version {ABI_MIN} (Linux 6.2) is needed")
            };
            layers.miss(LANDLOCK, &reason);
            layers.miss(SIGNALS, "it is a part of Landlock");
            return Ok(());
        };
        let status = rules.restrict_self().map_err(|error| Refusal::missing(LANDLOCK, error))?;
        if status.ruleset != RulesetStatus::FullyEnforced {
            return Err(Refusal::missing(LANDLOCK, "the kernel enforced only some of the rules"));
        }
        layers.enforce(format!("{LANDLOCK}:{number}"));
        if number < ABI_SCOPES {
            let reason = "the kernel's Landlock is older than version 6 (Linux 6.12), so the command \
                          can signal other processes of this user";
            layers.miss(SIGNALS, reason);
        } else {
            layers.enforce(SIGNALS);
        }
        Ok(())
    }
}

/// Nothing is left out silently: a right the kernel does not know is an error.
fn strict() -> Ruleset {
    Ruleset::default().set_compatibility(CompatLevel::HardRequirement)
}

fn rules(abi: ABI, number: i32, fenced: Fenced<'_>) -> Result<RulesetCreated, RulesetError> {
    let mut rules = strict().handle_access(AccessFs::from_all(abi))?;
    if !fenced.leaves_tcp && !AccessNet::from_all(abi).is_empty() {
        rules = rules.handle_access(AccessNet::from_all(abi))?;
    }
    if number >= ABI_SCOPES {
        rules = rules.scope(Scope::from_all(abi))?;
    }
    let mut rules = rules.create()?;
    for grant in fenced.grants {
        let rights = rights(grant, abi);
        rules = rules.add_rule(PathBeneath::new(&grant.at, rights))?;
    }
    Ok(rules)
}

fn rights(grant: &Grant, abi: ABI) -> BitFlags<AccessFs> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let wanted = match grant.access {
        Access::List => AccessFs::ReadDir.into(),
        Access::Read => read,
        Access::Run => read | AccessFs::Execute,
        Access::Device => AccessFs::ReadFile | AccessFs::WriteFile,
        Access::Write => AccessFs::from_all(abi) & !never(),
    };
    if grant.is_directory { wanted } else { wanted & AccessFs::from_file(abi) }
}

/// Rights that no cell has: making devices, talking to their drivers, and connecting to sockets
/// by path.
fn never() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{MakeChar | MakeBlock | IoctlDev | ResolveUnix})
}
