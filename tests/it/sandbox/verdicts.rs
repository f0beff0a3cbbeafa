//! What must come of each attempt to get out, whichever walls stand: a cell of namespaces has no
//! places outside (`ENOENT`) and read-only ones (`EROFS`); one of Landlock alone refuses (`EACCES`).

use std::collections::BTreeMap;

/// What an attempt that succeeds may have seen: only what is the cell's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It saw nothing and changed nothing outside.
    Harmless,
    /// Names of variables: those that every command gets.
    Environment,
    /// The processes of the cell.
    Processes,
    /// The root of the cell.
    Root,
}

/// One attempt and what must come of it.
#[derive(Debug)]
pub struct Expected {
    pub name: &'static str,
    /// Errors of which any holds, depending on the walls and on what the kernel checks first.
    pub held: &'static str,
    /// What it may see when it succeeds; `None` when it must not succeed.
    pub seen: Option<Seen>,
}

/// What one attempt came to.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub family: String,
    pub word: String,
    pub seen: String,
}

const fn held(name: &'static str, held: &'static str) -> Expected {
    Expected { name, held, seen: None }
}

const fn own(name: &'static str, held: &'static str, seen: Seen) -> Expected {
    Expected { name, held, seen: Some(seen) }
}

/// What a command must be able to do.
const fn works(name: &'static str) -> Expected {
    Expected { name, held: "", seen: Some(Seen::Harmless) }
}

/// Every case, in the order of the script.
pub const EXPECTED: &[Expected] = &[
    works("no-descriptors"),
    held("write-outside", "EACCES ENOENT EROFS"),
    held("read-outside", "EACCES ENOENT"),
    held("append-outside", "EACCES ENOENT EROFS"),
    held("truncate-outside", "EACCES ENOENT EROFS"),
    held("unlink-outside", "EACCES ENOENT EROFS"),
    held("mkdir-outside", "EACCES ENOENT EROFS"),
    held("symlink-outside", "EACCES ENOENT EROFS"),
    held("fifo-outside", "EACCES ENOENT EROFS"),
    held("list-outside", "EACCES ENOENT"),
    own("list-root", "EACCES", Seen::Root),
    held("rename-out", "EACCES EXDEV ENOENT EROFS"),
    held("rename-in", "EACCES EXDEV ENOENT EROFS"),
    held("link-in", "EACCES EXDEV EPERM ENOENT EROFS"),
    held("read-through-link", "EACCES ENOENT"),
    held("write-through-link", "EACCES ENOENT EROFS"),
    held("dot-dot", "EACCES ENOENT"),
    held("chmod-outside", "EPERM ENOENT EROFS"),
    held("chmod-through-link", "EPERM ENOENT EROFS"),
    held("chmod-descriptor", "EPERM ENOENT EROFS"),
    held("chown-outside", "EPERM ENOENT EROFS"),
    held("utime-outside", "EPERM ENOENT EROFS"),
    held("xattr-outside", "EOPNOTSUPP ENOTSUP ENOENT EROFS"),
    held("attributes-of-a-program", "EPERM EROFS ENOTTY"),
    held("chmod-protected", "EPERM EACCES EROFS EXDEV EBUSY"),
    own("chmod-root", "EPERM", Seen::Harmless),
    held("suid-later", "EPERM"),
    held("suid-at-once", "EPERM"),
    held("device", "EACCES EPERM"),
    held("protected-write", "EACCES EROFS EPERM EXDEV EBUSY"),
    held("protected-new", "EACCES EROFS EPERM EXDEV EBUSY"),
    held("protected-absent", "EACCES EROFS EPERM EXDEV EBUSY EEXIST"),
    held("protected-absent-link", "EACCES EROFS EPERM EXDEV EBUSY EEXIST"),
    held("protected-rename", "EACCES EXDEV EROFS EPERM EBUSY"),
    held("protected-swap", "EACCES EXDEV EROFS EPERM EBUSY"),
    held("protected-link", "EACCES EXDEV EROFS EPERM EBUSY"),
    held("protected-hook", "EACCES EROFS EPERM EXDEV EBUSY EEXIST"),
    own("new-name-beside-protected", "EACCES", Seen::Harmless),
    own("root-environ", "EACCES ENOENT", Seen::Environment),
    held("host-environ", "EACCES ENOENT EROFS EPERM"),
    held("host-memory", "EACCES ENOENT EROFS EPERM"),
    held("host-root", "EACCES ENOENT EROFS EPERM"),
    own("own-environ", "EACCES", Seen::Environment),
    own("list-proc", "EACCES", Seen::Processes),
    held("write-sysctl", "EACCES ENOENT EROFS EPERM"),
    held("raw-disk", "EACCES ENOENT EROFS"),
    own("shared-memory-file", "EACCES", Seen::Harmless),
    held("tcp", "EPERM"),
    held("udp", "EPERM"),
    held("raw", "EPERM"),
    held("tcp6", "EPERM"),
    held("netlink", "EPERM"),
    held("packet", "EPERM"),
    held("vsock", "EPERM"),
    held("kernel-crypto", "EPERM"),
    held("unix-datagram", "EPERM"),
    held("unix-raw", "EPERM"),
    held("unix-datagram-pair", "EPERM"),
    held("abstract-socket", "EPERM"),
    held("path-socket", "EPERM"),
    held("ptrace", "EPERM ESRCH"),
    held("read-memory", "EPERM ESRCH"),
    held("compare", "EPERM ESRCH"),
    held("steal-descriptor", "EPERM ESRCH"),
    held("signal-host", "EPERM ESRCH"),
    own("signal-supervisor", "EPERM ESRCH", Seen::Harmless),
    own("signal-init", "EPERM ESRCH", Seen::Harmless),
    held("limit-host", "EPERM ESRCH"),
    held("renice-host", "EPERM ESRCH"),
    held("pin-host", "EPERM ESRCH"),
    held("signal-owner", "EPERM ESRCH"),
    held("user-namespace", "EPERM ENOSYS"),
    held("mount-namespace", "EPERM ENOSYS"),
    held("clone-namespace", "EPERM ENOSYS"),
    held("enter-namespace", "EPERM ENOSYS"),
    held("mount", "EPERM ENOSYS"),
    held("new-mount", "EPERM ENOSYS"),
    held("chroot", "EPERM ENOSYS"),
    held("io-uring", "EPERM ENOSYS"),
    held("bpf", "EPERM"),
    held("perf", "EPERM"),
    held("userfaultfd", "EPERM"),
    held("keys", "EPERM"),
    held("kernel-log", "EPERM"),
    held("swap", "EPERM"),
    held("kexec", "EPERM"),
    held("handles", "EPERM"),
    held("shared-memory", "EPERM"),
    held("message-queue", "EPERM"),
    held("watch-files", "EPERM"),
    held("own-listener", "EPERM"),
    held("race-read", "EACCES EPERM EROFS ENOENT"),
    held("race-write-protected", "EACCES EPERM EROFS ENOENT"),
    held("race-mode", "EPERM EACCES EROFS ENOENT"),
    held("protected-truncate", "EACCES EROFS EPERM EXDEV EBUSY"),
    held("protected-unlink", "EACCES EROFS EPERM EXDEV EBUSY"),
    held("protected-replace", "EACCES EROFS EPERM EXDEV EBUSY"),
    held("protected-by-descriptor", "EACCES EROFS EPERM EXDEV EBUSY"),
    held("protected-through-proc", "EACCES EROFS ENOENT EPERM"),
    own("proc-root", "EACCES", Seen::Root),
    held("program-file", "ETXTBSY EACCES EROFS ENOENT"),
    held("core-pattern", "EACCES ENOENT EROFS EPERM"),
    held("kernel-memory", "ENOENT EACCES EROFS EPERM"),
    held("sysrq", "ENOENT EACCES EROFS EPERM"),
    held("user-map", "EACCES ENOENT EROFS EPERM"),
    held("never-out-of-memory", "EACCES ENOENT EROFS EPERM"),
    held("leave-control-group", "ENOENT EACCES EROFS EPERM"),
    held("release-agent", "EACCES ENOENT EROFS EPERM"),
    held("power", "EACCES ENOENT EROFS EPERM"),
    held("every-family", "EPERM"),
    held("connect-outward", "EPERM"),
    held("bus", "EPERM"),
    held("docker", "EPERM"),
    held("name", "EHOSTUNREACH"),
    held("question", "EPERM"),
    held("resolver-socket", "EPERM"),
    held("net-namespace", "EPERM ENOSYS"),
    held("pid-namespace", "EPERM ENOSYS"),
    held("ipc-namespace", "EPERM ENOSYS"),
    held("uts-namespace", "EPERM ENOSYS"),
    held("cgroup-namespace", "EPERM ENOSYS"),
    held("time-namespace", "EPERM ENOSYS"),
    held("unmount", "EPERM ENOSYS"),
    held("pivot", "EPERM ENOSYS"),
    held("open-tree", "EPERM ENOSYS"),
    held("move-mount", "EPERM ENOSYS"),
    held("host-name", "EPERM ENOSYS"),
    held("trace-child", "EPERM"),
    held("trace-me", "EPERM"),
    held("signal-group", "ESRCH EPERM"),
    held("signal-queue", "EPERM ESRCH"),
    held("io-uring-enter", "EPERM ENOSYS"),
    held("io-uring-register", "EPERM ENOSYS"),
    held("descriptors-of-host", "EACCES ENOENT EPERM"),
    held("clone3", "ENOSYS"),
    held("openat2", "ENOSYS"),
    held("unknown-call", "ENOSYS"),
    held("become-other", "EPERM EINVAL"),
    works("no-environment"),
    works("works-write"),
    works("works-overwrite-top"),
    works("works-scratch"),
    works("works-mode"),
    works("works-mode-threads"),
    works("works-pair"),
    works("works-fork"),
    works("works-null"),
    works("works-random"),
];

impl Expected {
    /// What stands in the table.
    pub fn words(&self) -> String {
        let own = match self.seen {
            None => "",
            Some(Seen::Harmless) => "ok",
            Some(Seen::Environment) => "its own variables",
            Some(Seen::Processes) => "its own processes",
            Some(Seen::Root) => "its own root",
        };
        [self.held, own]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" or ")
    }

    /// Whether the walls held; `stranger` is an argument of a process outside.
    pub fn met(&self, verdict: &Verdict, stranger: &str) -> bool {
        if verdict.word != "ok" {
            return self.held.split(' ').any(|word| word == verdict.word);
        }
        match self.seen {
            None => false,
            Some(Seen::Harmless) => true,
            Some(Seen::Environment) => verdict
                .seen
                .split(' ')
                .all(|name| ["", "PATH", "HOME", "LANG", "TMPDIR", "LC_CTYPE"].contains(&name)),
            Some(Seen::Processes) => {
                !verdict.seen.contains(stranger)
                    && verdict.seen.contains("try.py")
                    && verdict.seen.split(" | ").count() <= OWN_PROCESSES_MAX
            }
            Some(Seen::Root) => {
                let strange = ["boot", "lost+found", "media", "mnt", "srv"];
                !verdict.seen.split(' ').any(|name| strange.contains(&name))
            }
        }
    }
}

/// The init of a cell, what watches beside it, the script and one attempt.
const OWN_PROCESSES_MAX: usize = 6;

/// The verdicts that the script printed.
pub fn verdicts(output: &str) -> BTreeMap<String, Verdict> {
    let line = |line: &str| {
        let mut parts = line.splitn(4, '\t').map(str::to_owned);
        let (name, family) = (parts.next()?, parts.next()?);
        Some((name, Verdict { family, word: parts.next()?, seen: parts.next()? }))
    };
    output.lines().filter_map(line).collect()
}

/// Fails with every case whose verdict is none that may be.
pub fn check(output: &str, errors: &str, stranger: &str) {
    let found = verdicts(output);
    let mut wrong = Vec::new();
    for expected in EXPECTED {
        match found.get(expected.name) {
            Some(verdict) if expected.met(verdict, stranger) => {}
            verdict => {
                wrong.push(format!(
                    "{}: {verdict:?}, expected {}",
                    expected.name,
                    expected.words()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{errors}");
    assert_eq!(found.len(), EXPECTED.len(), "a case without a verdict");
}
