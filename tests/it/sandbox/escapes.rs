//! Every way out that we know of, each with the verdict it must meet, as this user and as one
//! without rights; and the same attempts without walls, to see that they could succeed.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::{Command, Stdio};

use bailiwick::ports::Ending;

use super::verdicts::{EXPECTED, check, verdicts};
use super::{BINARY, Place, has, place, run, spec, text};

const SCRIPT: &str = include_str!("escapes.py");

/// Who is left to look at: a process outside, told from all others by its argument.
struct Stranger(std::process::Child, String);

impl Stranger {
    /// A process of this user, or of one without rights.
    fn new(user: Option<u32>) -> Self {
        let marker = super::marker();
        let child = program(user).args(["sleep", &marker]).stdin(Stdio::null()).spawn().unwrap();
        Self(child, marker)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What a run of the script left.
pub struct Run {
    pub output: String,
    pub errors: String,
    pub stranger: String,
}

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
    for file in ["secret", "victim", "victim2", "victim3"] {
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
    fn arguments(&self, mode: &str, stranger: u32) -> Vec<String> {
        let workspace = self.workspace.path.display();
        let outside = self.outside.path.display();
        [
            "python3".to_owned(),
            format!("{workspace}/try.py"),
            outside.to_string(),
            workspace.to_string(),
            stranger.to_string(),
            mode.to_owned(),
            self.abstract_name.clone(),
        ]
        .to_vec()
    }

    /// Nothing outside and nothing protected was touched.
    fn is_whole(&self) {
        let outside = &self.outside.path;
        for file in ["secret", "victim", "victim2", "victim3"] {
            assert_eq!(fs::read_to_string(outside.join(file)).unwrap(), "secret", "{file}");
            let mode = fs::metadata(outside.join(file)).unwrap().permissions().mode() & 0o7777;
            assert_eq!(mode, 0o644, "{file}: {mode:o}");
        }
        assert_eq!(fs::read_dir(outside).unwrap().count(), 5, "something was made outside");
        let rules = fs::read_to_string(self.workspace.path.join("policies/x.yaml")).unwrap();
        assert!(rules == SCRIPT, "the rules were changed");
        let env = fs::read_to_string(self.workspace.path.join(".env")).unwrap_or_default();
        assert_eq!(env, "", "a file of variables was written");
    }
}

/// What governs the workspace, as policy names it.
const PROTECTED: [&str; 6] = ["policies", ".env", ".git/hooks", ".git/config", "config", "logs"];

/// In a cell of the library, as this user.
pub fn in_a_cell() -> Run {
    let (scene, stranger) = (scene(), Stranger::new(None));
    // Descriptors that the program forgot to close on exec.
    let leaked: Vec<_> = (0..5).map(|_| rustix::io::dup(std::io::stdin()).unwrap()).collect();
    let mut spec = spec(&[]);
    spec.argv = scene.arguments("cell", stranger.0.id());
    let workspace = &scene.workspace.path;
    spec.cwd.clone_from(workspace);
    spec.confinement.read = vec![workspace.clone()];
    spec.confinement.write = vec![workspace.clone()];
    spec.confinement.protected = PROTECTED.iter().map(|name| workspace.join(name)).collect();
    let output = run(&spec).unwrap();
    drop(leaked);
    assert_eq!(output.ending, Ending::Exited(0), "{}", text(&output.stderr));
    scene.is_whole();
    let (output, errors) = (text(&output.stdout), text(&output.stderr));
    Run { output, errors, stranger: stranger.1.clone() }
}

/// In a cell that the binary makes as a user without rights; `None` where that cannot be tried.
pub fn in_a_cell_of_nobody() -> Option<Run> {
    if !has("setpriv") || !rustix::process::geteuid().is_root() {
        eprintln!("skipped: it needs root, to become another user");
        return None;
    }
    // A process of the same user, so that it is the walls that stand before it.
    let (scene, stranger) = (scene(), Stranger::new(Some(NOBODY)));
    own(&scene.workspace.path, NOBODY);
    own(&scene.outside.path, NOBODY);
    let mut command = program(Some(NOBODY));
    command.args([BINARY, "sandbox", "exec", "--rw"]).arg(&scene.workspace.path).arg("--");
    command.args(scene.arguments("cell", stranger.0.id())).current_dir(&scene.workspace.path);
    let output = command.output().unwrap();
    if text(&output.stderr).contains(BINARY) {
        eprintln!("skipped: user {NOBODY} cannot run {BINARY}: {}", text(&output.stderr));
        return None;
    }
    scene.is_whole();
    let (output, errors) = (text(&output.stdout), text(&output.stderr));
    Some(Run { output, errors, stranger: stranger.1.clone() })
}

/// Under bubblewrap, with an equal profile; `None` where it is not installed.
pub fn under_bwrap() -> Option<Run> {
    if !has("bwrap") {
        return None;
    }
    let (scene, stranger) = (scene(), Stranger::new(None));
    let workspace = scene.workspace.path.display().to_string();
    let mut command = program(None);
    command.arg("bwrap");
    for place in ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"] {
        command.args(["--ro-bind-try", place, place]);
    }
    command.args(["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]);
    command.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]);
    command.args(["--bind", &workspace, &workspace, "--chdir", &workspace]);
    for name in PROTECTED {
        let place = format!("{workspace}/{name}");
        command.args(["--ro-bind-try", &place, &place]);
    }
    command.args(["--setenv", "HOME", "/tmp", "--setenv", "TMPDIR", "/tmp", "--unsetenv", "PWD"]);
    command.args(scene.arguments("cell", stranger.0.id()));
    let output = command.output().unwrap();
    let (output, errors) = (text(&output.stdout), text(&output.stderr));
    if output.is_empty() {
        eprintln!("skipped: bwrap does not work here: {errors}");
        return None;
    }
    Some(Run { output, errors, stranger: stranger.1.clone() })
}

#[test]
fn nothing_gets_out() {
    if !has("python3") {
        return;
    }
    let run = in_a_cell();
    check(&run.output, &run.errors, &run.stranger);
}

#[test]
fn nothing_gets_out_of_a_user_without_rights() {
    if let Some(run) = has("python3").then(in_a_cell_of_nobody).flatten() {
        check(&run.output, &run.errors, &run.stranger);
    }
}

/// The control: what the same profile under another sandbox refuses, ours must refuse; the script
/// would otherwise only show its own mistakes.
#[test]
fn another_sandbox_keeps_files_links_and_races_in_as_well() {
    let Some(run) = has("python3").then(under_bwrap).flatten() else { return };
    let found = verdicts(&run.output);
    assert_eq!(found.len(), EXPECTED.len(), "{}\n{}", run.output, run.errors);
    let strict = EXPECTED.iter().filter(|it| {
        let family = found[it.name].family.as_str();
        // It has no rule about modes, and nothing that keeps absent names absent.
        let open =
            ["chmod-root", "suid-later", "suid-at-once", "openat2", "handles", "watch-files"];
        ["links", "files", "races"].contains(&family) && !open.contains(&it.name)
    });
    let wrong: Vec<_> =
        strict.filter(|it| !it.met(&found[it.name], &run.stranger)).map(|it| it.name).collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{}", run.output);
}

const NOBODY: u32 = 65534;

/// Starts what its first argument names, with a bare environment.
#[allow(clippy::disallowed_methods, reason = "the test starts programs itself")]
fn program(user: Option<u32>) -> Command {
    let mut command = match user {
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args([format!("--reuid={user}"), format!("--regid={user}")]);
            command.arg("--clear-groups");
            command
        }
        None => Command::new("env"),
    };
    command.env_clear().env("PATH", "/usr/bin:/bin");
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
    let (scene, stranger) = (scene(), Stranger::new(None));
    let arguments = scene.arguments("control", stranger.0.id());
    let output = Command::new("python3").args(&arguments[1..]).output().unwrap();
    let text = text(&output.stdout);
    let found = verdicts(&text);
    let failed: Vec<_> = found.iter().filter(|(_, verdict)| verdict.word != "ok").collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(found.len() > 30);
    for (name, seen) in [("list-proc", stranger.1.as_str()), ("list-root", "proc")] {
        assert!(found[name].seen.contains(seen), "{name}: {:?}", found[name]);
    }
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
