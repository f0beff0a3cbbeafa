//! The names of the layers, as they stand in receipts, in `sandbox.require` and in probes.

use serde::{Deserialize, Serialize};

/// What to do about a layer that is required and missing.
pub const ADVICE: &str = "; take it out of `sandbox.require`, or set `sandbox.on_missing: degrade`, to run \
                          without it";

/// The helper was spawned; the program did not fork.
pub const SPAWN: &str = "posix_spawn";
/// File and TCP rights of the kernel's newest Landlock; `landlock:7` names the ABI.
pub const LANDLOCK: &str = "landlock";
/// No signals and no abstract sockets out of the cell (Landlock 6 and newer).
pub const SIGNALS: &str = "signals";
/// System calls.
pub const SECCOMP: &str = "seccomp";
/// Mode, owner and times of files can be changed only where the cell may write.
pub const METADATA: &str = "metadata";
/// Set-user-id programs gain nothing.
pub const NO_NEW_PRIVS: &str = "no_new_privs";
/// All capabilities dropped.
pub const CAPABILITIES: &str = "capabilities";
/// Limits on CPU, memory, files and descriptors; the kernel counts them per process.
pub const RLIMITS: &str = "rlimits";
/// Number of processes and threads; counted by the supervisor.
pub const PIDS: &str = "pids";
/// Memory, of the cell where a control group counts it, else of each process.
pub const MEMORY: &str = "memory";
/// Nothing open but standard input, output and error.
pub const DESCRIPTORS: &str = "descriptors";
/// Nothing inherited from the program's environment.
pub const ENVIRONMENT: &str = "environment";
/// Every process of the cell is gone before the result is reported.
pub const TREE_KILL: &str = "tree-kill";
/// Another user than the program's, where the program is root.
pub const USER: &str = "user";
/// A view of files, processes, network and names of its own; what kinds stand after a colon.
pub const NAMESPACES: &str = "namespaces";
/// Memory of the whole cell, processes included, counted by the kernel.
pub const CGROUP: &str = "cgroup";
/// The network of the cell, where it has one.
pub const NETWORK: &str = "network";

/// Which layers stand, and which could not be built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layers {
    /// Names, with a detail after a colon where there is one.
    pub enforced: Vec<String>,
    /// Names with the reason after a colon.
    pub missing: Vec<String>,
}

impl Layers {
    /// Notes that a layer stands.
    pub fn enforce(&mut self, layer: impl Into<String>) {
        self.enforced.push(layer.into());
    }

    /// Notes that a layer could not be built, and why.
    pub fn miss(&mut self, layer: &str, reason: &str) {
        self.missing.push(format!("{layer}: {reason}"));
    }

    /// Counts layers as missing that stand, to see what would happen where they do not.
    pub fn leave_out(&mut self, names: &[String]) {
        for name in names {
            let before = self.enforced.len();
            self.enforced.retain(|entry| entry.split(':').next() != Some(name));
            if self.enforced.len() < before {
                self.miss(name, "it was left out");
            }
        }
    }

    /// The first of `required` that does not stand, with the reason.
    pub fn lacks(&self, required: &[String]) -> Option<(String, String)> {
        let name = |entry: &str| entry.split(':').next().unwrap_or(entry).to_owned();
        let absent = required.iter().find(|want| !self.enforced.iter().any(|e| name(e) == **want));
        absent.map(|layer| {
            let known = self.missing.iter().find(|entry| name(entry) == *layer);
            let reason = known
                .and_then(|entry| entry.split_once(": "))
                .map_or("this build has no such layer", |(_, reason)| reason);
            (layer.clone(), format!("{reason}{ADVICE}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_required_layer_that_is_absent_and_why() {
        let mut layers = Layers::default();
        layers.enforce("landlock:7");
        layers.miss("signals", "the kernel is old");
        let check = |required: &str| layers.lacks(&[required.to_owned()]);
        assert_eq!(check("landlock"), None);
        assert_eq!(check("signals").unwrap().1.split(';').next(), Some("the kernel is old"));
        assert_eq!(check("namespaces").unwrap().0, "namespaces");
        assert!(check("land").is_some(), "a prefix is not the name");
    }
}
