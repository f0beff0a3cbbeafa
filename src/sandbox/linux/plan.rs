//! From what the host asks to what the helper is told: checks the specification and adds what
//! every cell has (system files, environment, private directory).

use std::path::{Component, Path, PathBuf};

use super::brokers::{Request, required};
use super::cell::PROXY_PORT;
use super::wire::{CallSpec, CellLimits, CellSpec, PROTOCOL, SystemAccess, SystemPath};
use crate::contracts::{Confinement, Network};
use crate::ports::{CommandSpec, Limits, SandboxError};
use crate::sandbox::SandboxOptions;

/// Where programs are looked for. Fixed: the program's own `PATH` may lead through places that
/// others can write.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Programs, libraries and the files they cannot do without.
///
/// Of `/proc` and `/sys` only numbers about the machine: Landlock cannot tell one process's
/// directory from another's, and `/proc/PID/environ` of a process of the same user is where
/// secrets are. A cell therefore has no `/proc/self` either, until it has a process namespace.
const SYSTEM: &[(SystemAccess, &[&str])] = &[
    (SystemAccess::Run, &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]),
    (
        SystemAccess::Read,
        &[
            "/etc/ld.so.cache",
            "/etc/ld.so.conf",
            "/etc/ld.so.conf.d",
            "/etc/passwd",
            "/etc/group",
            "/etc/nsswitch.conf",
            "/etc/localtime",
            "/etc/hosts",
            "/etc/protocols",
            "/etc/services",
            "/etc/gitconfig",
            "/etc/ssl/certs",
            "/etc/ssl/openssl.cnf",
            "/dev/random",
            "/dev/urandom",
            "/proc/cpuinfo",
            "/proc/filesystems",
            "/proc/loadavg",
            "/proc/meminfo",
            "/proc/stat",
            "/proc/sys/kernel/cap_last_cap",
            "/proc/sys/kernel/ngroups_max",
            "/proc/sys/kernel/osrelease",
            "/proc/sys/kernel/pid_max",
            "/proc/sys/vm/overcommit_memory",
            "/proc/uptime",
            "/proc/version",
            "/sys/devices/system/cpu",
            "/sys/kernel/mm/transparent_hugepage",
        ],
    ),
    (SystemAccess::Device, &["/dev/null", "/dev/zero", "/dev/full"]),
];

/// Beginnings of directories in `/etc` without which an interpreter does not start.
const INTERPRETER_SETTINGS: [&str; 2] = ["python3", "java-"];

/// Bytes of memory under which no program starts.
const MEMORY_BYTES_MIN: u64 = 8 << 20;

/// The parts of this system that every cell sees.
pub fn system_paths() -> Vec<SystemPath> {
    let fixed = SYSTEM.iter().flat_map(|(access, paths)| {
        paths.iter().map(|path| SystemPath { path: PathBuf::from(path), access: *access })
    });
    let mut all: Vec<_> = fixed.collect();
    // A system without /etc has no such settings; a cell without them is narrower, not weaker.
    for entry in std::fs::read_dir("/etc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let wanted = name.to_str().is_some_and(|name| {
            INTERPRETER_SETTINGS.iter().any(|beginning| name.starts_with(beginning))
        });
        if wanted {
            all.push(SystemPath { path: entry.path(), access: SystemAccess::Read });
        }
    }
    all
}

/// A command that can be carried out.
#[derive(Debug)]
pub struct Plan<'a> {
    spec: &'a CommandSpec,
    limits: CellLimits,
}

impl<'a> Plan<'a> {
    /// Checks the specification.
    ///
    /// # Errors
    /// When it cannot be carried out.
    pub fn of(spec: &'a CommandSpec) -> Result<Self, SandboxError> {
        check_words(spec)?;
        let confinement = &spec.confinement;
        let roots = confinement.read.iter().chain(&confinement.write);
        let exceptions = confinement.protected.iter().chain(&confinement.unreadable);
        for path in roots.chain(exceptions).chain([&spec.cwd]) {
            check_path(path)?;
        }
        Ok(Self { spec, limits: limits(&spec.limits)? })
    }

    /// The walls that were asked for.
    pub fn confinement(&self) -> &Confinement {
        &self.spec.confinement
    }

    /// What a view for it has to look like.
    pub fn request(&self) -> Request {
        let confinement = &self.spec.confinement;
        let mut read = confinement.read.clone();
        read.retain(|path| !confinement.write.contains(path));
        read.sort();
        read.dedup();
        let cwd = &self.spec.cwd;
        let mut roots = confinement.read.iter().chain(&confinement.write);
        let is_inside = roots.any(|root| cwd.starts_with(root));
        let is_bare = !is_inside && cwd != Path::new("/") && cwd.is_dir();
        Request {
            bare: is_bare.then(|| cwd.clone()),
            read,
            write: confinement.write.clone(),
            protected: confinement.protected.clone(),
            unreadable: confinement.unreadable.clone(),
            network: confinement.network,
            memory_bytes: self.limits.memory_bytes,
            pids: self.limits.pids,
        }
    }

    /// For a broker's cell, whose private directory is `private`.
    pub fn call(&self, private: &Path) -> Result<CallSpec, SandboxError> {
        let mut env = environment(private, &self.spec.env)?;
        if self.spec.confinement.network == Network::Proxy {
            add_proxy(&mut env);
        }
        Ok(CallSpec {
            argv: self.spec.argv.clone(),
            cwd: self.spec.cwd.clone(),
            env,
            limits: self.limits,
        })
    }

    /// For a cell with a helper of its own, without namespaces.
    ///
    /// # Errors
    /// When it needs them.
    pub fn cell(
        &self,
        system: &[SystemPath],
        options: &SandboxOptions,
        scratch: &Path,
    ) -> Result<CellSpec, SandboxError> {
        let confinement = &self.spec.confinement;
        check_network(confinement.network)?;
        Ok(CellSpec {
            protocol: PROTOCOL,
            argv: self.spec.argv.clone(),
            cwd: self.spec.cwd.clone(),
            env: environment(scratch, &self.spec.env)?,
            scratch: scratch.to_owned(),
            system: system.to_vec(),
            read: confinement.read.clone(),
            write: confinement.write.clone(),
            protected: confinement.protected.clone(),
            unreadable: confinement.unreadable.clone(),
            sealed: if options.seal_names { confinement.protected.clone() } else { Vec::new() },
            require: required(options),
            without: options.without.clone(),
            limits: self.limits,
        })
    }
}

/// Programs find the proxy by these; those of capitals and those of small letters are of different ones.
fn add_proxy(env: &mut Vec<(String, String)>) {
    let address = format!("http://127.0.0.1:{PROXY_PORT}");
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        for name in [name.to_owned(), name.to_uppercase()] {
            env.retain(|(known, _)| *known != name);
            env.push((name, address.clone()));
        }
    }
    for name in ["no_proxy", "NO_PROXY"] {
        env.push((name.to_owned(), "localhost,127.0.0.1,::1".to_owned()));
    }
}

fn bad(reason: impl Into<String>) -> SandboxError {
    SandboxError::BadSpec(reason.into())
}

fn check_network(network: Network) -> Result<(), SandboxError> {
    let layer = match network {
        Network::None => return Ok(()),
        Network::Loopback => "network:loopback",
        Network::Proxy => "network:proxy",
    };
    Err(SandboxError::Missing {
        layer: layer.into(),
        reason: "it needs a network namespace, which cannot be had here; use `net: none`".into(),
    })
}

fn check_words(spec: &CommandSpec) -> Result<(), SandboxError> {
    if spec.argv.first().is_none_or(String::is_empty) {
        return Err(bad("the command is empty: name a program"));
    }
    if spec.argv.iter().any(|word| word.contains('\0')) {
        return Err(bad("an argument of the command contains a NUL byte"));
    }
    let wrong = spec.env.iter().find(|(name, value)| {
        name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
    });
    match wrong {
        Some((name, _)) => Err(bad(format!("`{name}` cannot be an environment variable"))),
        None => Ok(()),
    }
}

fn check_path(path: &Path) -> Result<(), SandboxError> {
    let shown = path.display();
    if !path.is_absolute() {
        return Err(bad(format!("`{shown}` is not an absolute path")));
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(bad(format!("`{shown}` contains `..`: write the path without it")));
    }
    if path.to_str().is_none_or(|text| text.contains('\0')) {
        return Err(bad(format!("`{shown}` is not UTF-8 text")));
    }
    Ok(())
}

/// What the sandbox sets, then what the call was granted; a later one wins.
fn environment(
    scratch: &Path,
    granted: &[(String, String)],
) -> Result<Vec<(String, String)>, SandboxError> {
    let Some(home) = scratch.to_str() else {
        return Err(bad(format!("`{}` is not UTF-8 text", scratch.display())));
    };
    let own = [("PATH", PATH), ("HOME", home), ("LANG", "C.UTF-8"), ("TMPDIR", home)];
    let mut all: Vec<(String, String)> =
        own.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    for (name, value) in granted {
        all.retain(|(known, _)| known != name);
        all.push((name.clone(), value.clone()));
    }
    Ok(all)
}

fn limits(limits: &Limits) -> Result<CellLimits, SandboxError> {
    let at_least = [
        ("wall_ms", limits.wall_ms, 1),
        ("cpu_ms", limits.cpu_ms, 1),
        ("memory_bytes", limits.memory_bytes, MEMORY_BYTES_MIN),
        ("pids", limits.pids, 1),
        ("open_files", limits.open_files, 16),
    ];
    if let Some((name, value, least)) = at_least.iter().find(|(_, value, least)| value < least) {
        return Err(bad(format!("the limit `{name}` is {value}; it must be at least {least}")));
    }
    Ok(CellLimits {
        wall_ms: limits.wall_ms,
        cpu_ms: limits.cpu_ms,
        memory_bytes: limits.memory_bytes,
        pids: limits.pids,
        file_bytes: limits.file_bytes,
        open_files: limits.open_files,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::Confinement;

    fn spec() -> CommandSpec {
        CommandSpec {
            argv: vec!["true".into()],
            cwd: "/".into(),
            env: Vec::new(),
            stdin: Vec::new(),
            confinement: Confinement::default(),
            limits: Limits {
                wall_ms: 1_000,
                cpu_ms: 1_000,
                memory_bytes: 1 << 30,
                pids: 8,
                file_bytes: 0,
                open_files: 16,
                output_bytes: 0,
            },
        }
    }

    fn refused(change: impl FnOnce(&mut CommandSpec)) -> String {
        let mut spec = spec();
        change(&mut spec);
        let options = SandboxOptions::this_program(Vec::new());
        Plan::of(&spec)
            .and_then(|plan| plan.cell(&[], &options, Path::new("/tmp/x")))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn refuses_what_cannot_be_carried_out_and_says_why() {
        type Change = fn(&mut CommandSpec);
        let cases: [(Change, &str); 10] = [
            (|s| s.argv.clear(), "the command is empty"),
            (|s| s.argv = vec!["a\0b".into()], "NUL"),
            (|s| s.env = vec![("A=B".into(), String::new())], "`A=B`"),
            (|s| s.env = vec![("A".into(), "\0".into())], "`A`"),
            (|s| s.cwd = "work".into(), "not an absolute path"),
            (|s| s.confinement.write = vec!["/w/../etc".into()], "contains `..`"),
            (|s| s.confinement.unreadable = vec![".env".into()], "`.env` is not an absolute"),
            (|s| s.limits.wall_ms = 0, "`wall_ms`"),
            (|s| s.limits.memory_bytes = 1, "`memory_bytes`"),
            (|s| s.confinement.network = Network::Proxy, "network:proxy"),
        ];
        for (change, expected) in cases {
            let error = refused(change);
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_environment_is_what_was_granted_and_four_names() {
        let mut spec = spec();
        spec.env = vec![("LANG".into(), "de".into()), ("K".into(), "v".into())];
        let env = Plan::of(&spec).unwrap().call(Path::new("/tmp/x")).unwrap().env;
        let find = |name: &str| env.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(find("LANG"), Some("de"));
        assert_eq!(find("K"), Some("v"));
        assert_eq!(find("HOME"), Some("/tmp/x"));
        assert_eq!(env.len(), 5);
    }

    #[test]
    fn no_process_directory_is_part_of_the_system() {
        let paths = system_paths();
        assert!(paths.iter().any(|p| p.path == Path::new("/usr")));
        assert!(!paths.iter().any(|p| p.path == Path::new("/proc") || p.path == Path::new("/")));
        assert!(!paths.iter().any(|p| p.path.starts_with("/proc/self")));
    }
}
