//! Every way out that we know of, each with the verdict it must meet, as this user and as one
//! without rights; and the same attempts without walls, to see that they could succeed.

use std::collections::BTreeMap;
use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::Command;

use bailiwick::ports::Ending;

use super::{BINARY, Place, has, place, run, spec, text};

const SCRIPT: &str = include_str!("escapes.py");

/// What must come of each attempt. Several words: any of them, depending on what the kernel
/// checks first.
const VERDICTS: &[(&str, &str)] = &[
    ("write-outside", "EACCES"),
    ("read-outside", "EACCES"),
    ("append-outside", "EACCES"),
    ("truncate-outside", "EACCES"),
    ("unlink-outside", "EACCES"),
    ("mkdir-outside", "EACCES"),
    ("symlink-outside", "EACCES"),
    ("fifo-outside", "EACCES"),
    ("list-outside", "EACCES"),
    ("list-root", "EACCES"),
    ("rename-out", "EACCES EXDEV"),
    ("rename-in", "EACCES EXDEV"),
    ("link-in", "EACCES EXDEV EPERM"),
    ("read-through-link", "EACCES"),
    ("write-through-link", "EACCES"),
    ("dot-dot", "EACCES"),
    ("chmod-outside", "EPERM"),
    ("chmod-through-link", "EPERM"),
    ("chmod-descriptor", "EPERM"),
    ("chown-outside", "EPERM"),
    ("utime-outside", "EPERM"),
    ("xattr-outside", "EOPNOTSUPP ENOTSUP"),
    ("attributes-of-a-program", "EPERM"),
    ("chmod-protected", "EPERM"),
    ("chmod-root", "EPERM"),
    ("suid-later", "EPERM"),
    ("suid-at-once", "EPERM"),
    ("device", "EACCES EPERM"),
    ("protected-write", "EACCES"),
    ("protected-new", "EACCES"),
    ("protected-absent", "EACCES"),
    ("protected-absent-link", "EACCES"),
    ("protected-rename", "EACCES EXDEV"),
    ("protected-swap", "EACCES EXDEV"),
    ("protected-link", "EACCES EXDEV"),
    ("protected-hook", "EACCES"),
    ("new-name-beside-protected", "EACCES"),
    ("root-environ", "EACCES"),
    ("host-environ", "EACCES"),
    ("host-memory", "EACCES"),
    ("host-root", "EACCES"),
    ("own-environ", "EACCES"),
    ("list-proc", "EACCES"),
    ("write-sysctl", "EACCES"),
    ("raw-disk", "EACCES ENOENT"),
    ("shared-memory-file", "EACCES"),
    ("tcp", "EPERM"),
    ("udp", "EPERM"),
    ("raw", "EPERM"),
    ("tcp6", "EPERM"),
    ("netlink", "EPERM"),
    ("packet", "EPERM"),
    ("vsock", "EPERM"),
    ("kernel-crypto", "EPERM"),
    ("unix-datagram", "EPERM"),
    ("unix-raw", "EPERM"),
    ("unix-datagram-pair", "EPERM"),
    ("abstract-socket", "EPERM"),
    ("path-socket", "EPERM"),
    ("ptrace", "EPERM"),
    ("read-memory", "EPERM"),
    ("compare", "EPERM"),
    ("steal-descriptor", "EPERM"),
    ("signal-host", "EPERM"),
    ("signal-supervisor", "EPERM"),
    ("signal-init", "EPERM"),
    ("limit-host", "EPERM"),
    ("renice-host", "EPERM"),
    ("pin-host", "EPERM"),
    ("signal-owner", "EPERM"),
    ("user-namespace", "EPERM"),
    ("mount-namespace", "EPERM"),
    ("clone-namespace", "EPERM"),
    ("enter-namespace", "EPERM"),
    ("mount", "EPERM"),
    ("new-mount", "EPERM"),
    ("chroot", "EPERM"),
    ("io-uring", "EPERM"),
    ("bpf", "EPERM"),
    ("perf", "EPERM"),
    ("userfaultfd", "EPERM"),
    ("keys", "EPERM"),
    ("kernel-log", "EPERM"),
    ("swap", "EPERM"),
    ("kexec", "EPERM"),
    ("handles", "EPERM"),
    ("shared-memory", "EPERM"),
    ("message-queue", "EPERM"),
    ("watch-files", "EPERM"),
    ("own-listener", "EPERM"),
    ("clone3", "ENOSYS"),
    ("openat2", "ENOSYS"),
    ("unknown-call", "ENOSYS"),
    ("become-other", "EPERM"),
    ("no-descriptors", "ok"),
    ("no-environment", "ok"),
    ("works-write", "ok"),
    ("works-overwrite-top", "ok"),
    ("works-scratch", "ok"),
    ("works-mode", "ok"),
    ("works-mode-threads", "ok"),
    ("works-pair", "ok"),
    ("works-fork", "ok"),
    ("works-null", "ok"),
    ("works-random", "ok"),
];

/// A workspace, a place outside of it, and two sockets that listen.
struct Scene {
    workspace: Place,
    outside: Place,
    abstract_name: String,
    _sockets: [UnixListener; 2],
}

fn scene() -> Scene {
    let (workspace, outside) = (place(), place());
    for directory in ["src", "src/other", "policies", "config", ".git/hooks"] {
        fs::create_dir_all(workspace.path.join(directory)).unwrap();
    }
    for file in ["config/bailiwick.yaml", "policies/x.yaml", "README.md", "src/a", "try.py"] {
        fs::write(workspace.path.join(file), SCRIPT).unwrap();
    }
    fs::write(workspace.path.join("config/bailiwick.yaml"), "schema: 1\n").unwrap();
    for file in ["secret", "victim", "victim2"] {
        fs::write(outside.path.join(file), "secret").unwrap();
    }
    let abstract_name = format!("bailiwick-test-{}", super::marker());
    let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
    let sockets = [
        UnixListener::bind_addr(&address).unwrap(),
        UnixListener::bind(outside.path.join("socket")).unwrap(),
    ];
    Scene { workspace, outside, abstract_name, _sockets: sockets }
}

impl Scene {
    fn arguments(&self, mode: &str) -> Vec<String> {
        let workspace = self.workspace.path.display();
        let host = std::process::id();
        let outside = self.outside.path.display();
        [
            "python3".to_owned(),
            format!("{workspace}/try.py"),
            outside.to_string(),
            workspace.to_string(),
            host.to_string(),
            mode.to_owned(),
            self.abstract_name.clone(),
        ]
        .to_vec()
    }
}

fn verdicts(output: &str) -> BTreeMap<&str, &str> {
    output.lines().filter_map(|line| line.split_once(' ')).collect()
}

fn check(output: &str, errors: &str) {
    let found = verdicts(output);
    let mut wrong = Vec::new();
    for (name, expected) in VERDICTS {
        let verdict = found.get(name).copied().unwrap_or("not tried");
        if !expected.split(' ').any(|word| word == verdict) {
            wrong.push(format!("{name}: {verdict}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{errors}");
    assert_eq!(found.len(), VERDICTS.len(), "a case without a verdict");
}

#[test]
fn nothing_gets_out() {
    if !has("python3") {
        return;
    }
    let scene = scene();
    // Descriptors that the program forgot to close on exec.
    let leaked: Vec<_> = (0..5).map(|_| rustix::io::dup(std::io::stdin()).unwrap()).collect();
    let mut spec = spec(&[]);
    spec.argv = scene.arguments("cell");
    let workspace = &scene.workspace.path;
    spec.cwd.clone_from(workspace);
    spec.confinement.read = vec![workspace.clone()];
    spec.confinement.write = vec![workspace.clone()];
    spec.confinement.protected =
        ["policies", ".env", ".git/hooks", ".git/config", "config", "logs"]
            .iter()
            .map(|name| workspace.join(name))
            .collect();
    let output = run(&spec).unwrap();
    drop(leaked);
    assert_eq!(output.ending, Ending::Exited(0), "{}", text(&output.stderr));
    check(&text(&output.stdout), &text(&output.stderr));
    assert_eq!(fs::read_to_string(scene.outside.path.join("secret")).unwrap(), "secret");
    assert!(!workspace.join(".env").exists());
}

#[test]
fn nothing_gets_out_of_a_user_without_rights() {
    if !has("python3") || !has("setpriv") || !rustix::process::geteuid().is_root() {
        eprintln!("skipped: it needs root, to become another user");
        return;
    }
    const NOBODY: u32 = 65534;
    let scene = scene();
    own(&scene.workspace.path, NOBODY);
    own(&scene.outside.path, NOBODY);
    let mut command = as_nobody();
    command.args([BINARY, "sandbox", "exec", "--rw"]).arg(&scene.workspace.path).arg("--");
    // A process of the same user, so that it is the walls that stand before it.
    let mut neighbour = as_nobody().args(["sleep", "100"]).spawn().unwrap();
    let mut arguments = scene.arguments("cell");
    arguments[4] = neighbour.id().to_string();
    command.args(arguments).current_dir(&scene.workspace.path);
    let output = command.output().unwrap();
    neighbour.kill().unwrap();
    neighbour.wait().unwrap();
    if text(&output.stderr).contains(BINARY) {
        eprintln!("skipped: user {NOBODY} cannot run {BINARY}: {}", text(&output.stderr));
        return;
    }
    check(&text(&output.stdout), &text(&output.stderr));
}

#[allow(clippy::disallowed_methods, reason = "the test starts the program itself")]
fn as_nobody() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).env_clear();
    command.env("PATH", "/usr/bin:/bin");
    command
}

fn own(path: &Path, user: u32) {
    std::os::unix::fs::chown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            own(&entry.unwrap().path(), user);
        }
    }
}

/// A table of refusals proves nothing unless the same attempts succeed without walls.
#[test]
#[allow(clippy::disallowed_methods, reason = "the control runs without a sandbox, on purpose")]
fn the_same_attempts_succeed_without_walls() {
    if !has("python3") {
        return;
    }
    let scene = scene();
    let arguments = scene.arguments("control");
    let output = Command::new("python3").args(&arguments[1..]).output().unwrap();
    let text = text(&output.stdout);
    let failed: Vec<_> = verdicts(&text).into_iter().filter(|(_, v)| *v != "ok").collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(verdicts(&text).len() > 20);
}

/// Calls by another architecture's numbers are not refused but deadly: no program makes them by
/// accident.
#[cfg(target_arch = "x86_64")]
#[test]
fn calls_of_another_architecture_kill() {
    if !has("python3") {
        return;
    }
    let x32 = "import ctypes; ctypes.CDLL(None).syscall(0x40000000 + 39)";
    // mov eax, 20 (getpid); int 0x80; ret
    let int80 = "import ctypes, mmap\n\
        m = mmap.mmap(-1, 4096, prot=7)\n\
        m.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')\n\
        ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()";
    for script in [x32, int80] {
        let output = run(&spec(&["python3", "-c", script])).unwrap();
        assert_eq!(output.ending, Ending::Signalled(31), "{script}: {}", text(&output.stderr));
    }
}

#[test]
fn a_set_user_id_program_gains_nothing() {
    let directory = place();
    fs::copy("/bin/true", directory.path.join("tool")).unwrap();
    fs::set_permissions(directory.path.join("tool"), fs::Permissions::from_mode(0o4755)).unwrap();
    let mut spec = super::shell("grep -q . /etc/shadow; echo $?");
    spec.confinement.read = vec![directory.path.clone()];
    assert_eq!(text(&run(&spec).unwrap().stdout), "2\n");
}
