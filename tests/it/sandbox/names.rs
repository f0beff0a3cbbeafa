//! Names that must not appear in a workspace that may be written otherwise, and honest work beside
//! them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use bailiwick::ports::{Cancel, CommandOutput, CommandSpec, Ending, Sandbox};
use bailiwick::sandbox::{LinuxSandbox, SandboxOptions};

use super::{BINARY, Place, has, place, shell, spec, text};

const ATTEMPTS: &str = include_str!("names.py");
const HONEST: &str = include_str!("honest.py");

const PROTECTED: [&str; 5] = [".env", "policies", "config", ".git/hooks", ".git/config"];

/// What does not end with `EROFS`.
const OTHER_VERDICTS: &[(&str, &str)] = &[
    // The directory above a protected name may be made, and be there.
    ("directory-above", "ok"),
    ("whiteout", "EINVAL"),
];

fn workspace() -> Place {
    let place = place();
    fs::create_dir(place.path.join("src")).unwrap();
    fs::create_dir(place.path.join(".git")).unwrap();
    symlink("..", place.path.join("src/link")).unwrap();
    symlink("../.env", place.path.join("src/dangling")).unwrap();
    place
}

fn confined(root: &Path, mut command: CommandSpec) -> CommandSpec {
    command.cwd = root.to_owned();
    command.confinement.read = vec![root.to_owned()];
    command.confinement.write = vec![root.to_owned()];
    command.confinement.protected = PROTECTED.iter().map(|name| root.join(name)).collect();
    command
}

fn run_sealed(root: &Path, command: CommandSpec) -> CommandOutput {
    let options = SandboxOptions {
        helper: BINARY.into(),
        seal_names: true,
        ..SandboxOptions::this_program(Vec::new())
    };
    LinuxSandbox::new(options).run(&confined(root, command), &Cancel::default()).unwrap()
}

/// What a script says in a cell; it has to end well.
fn says(root: &Path, script: &str) -> String {
    let done = run_sealed(root, shell(script));
    assert_eq!(done.ending, Ending::Exited(0), "{script}: {}", text(&done.stderr));
    said(&done.stdout, &done.stderr)
}

fn said(stdout: &[u8], stderr: &[u8]) -> String {
    format!("{}{}", text(stdout), text(stderr))
}

fn assert_nothing_appeared(root: &Path) {
    for name in PROTECTED {
        let made = fs::symlink_metadata(root.join(name));
        assert!(made.is_err(), "{name} is there: {made:?}");
    }
}

#[test]
fn no_call_makes_a_protected_name() {
    if !has("python3") {
        return;
    }
    let ws = workspace();
    let done = run_sealed(&ws.path, spec(&["python3", "-c", ATTEMPTS]));
    let output = text(&done.stdout);
    assert_eq!(done.ending, Ending::Exited(0), "{output}{}", text(&done.stderr));
    let wrong: Vec<&str> = output
        .lines()
        .filter(|line| {
            let (name, verdict) = line.split_once(' ').unwrap();
            let other = OTHER_VERDICTS.iter().find(|(known, _)| *known == name);
            other.map_or("EROFS", |(_, verdict)| verdict) != verdict
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(output.lines().count() > 45, "{output}");
    assert_nothing_appeared(&ws.path);
    assert!(ws.path.join(".git").is_dir());
}

/// A table of refusals proves nothing unless the same attempts succeed without walls.
#[test]
#[allow(clippy::disallowed_methods, reason = "the same attempts without walls")]
fn without_walls_the_attempts_succeed() {
    if !has("python3") {
        return;
    }
    let ws = workspace();
    let attempt = || Command::new("python3").args(["-c", ATTEMPTS]).current_dir(&ws.path).output();
    let output = text(&attempt().unwrap().stdout);
    let made: Vec<_> = output.lines().filter(|line| line.ends_with(" ok")).collect();
    for case in ["direct..env ok", "direct..git/hooks ok", "absolute ok", "long-s ok"] {
        assert!(made.contains(&case), "{case}: {output}");
    }
}

/// The same script with and without walls: the kernel is the reference.
#[test]
#[allow(clippy::disallowed_methods, reason = "the same script without walls")]
fn answers_are_those_of_the_kernel() {
    if !has("python3") {
        return;
    }
    let (free, ws) = (workspace(), workspace());
    let reference =
        Command::new("python3").args(["-c", HONEST]).current_dir(&free.path).output().unwrap();
    assert_eq!(said(&reference.stdout, &reference.stderr), "", "without walls");
    let done = run_sealed(&ws.path, spec(&["python3", "-c", HONEST]));
    assert_eq!(said(&done.stdout, &done.stderr), "");
    assert_eq!(done.ending, Ending::Exited(0));
    assert_nothing_appeared(&ws.path);
}

#[test]
fn shells_and_common_programs_work() {
    let ws = workspace();
    for (script, expected) in [
        ("echo a > f; echo b >> f; cat f", "a\nb\n"),
        ("set -C; echo x > n; echo y > n || cat n", "x\nsh: 1: cannot create n: File exists\n"),
        ("echo out > /dev/stdout; echo err > /dev/stderr; echo no > /dev/null", "out\nerr\n"),
        ("umask 077; echo x > m; mkdir md; stat -c %a m md", "600\n700\n"),
        (
            "mkdir -p a/b/c src; echo x > a/b/c/d; cp -r a k; mv k l; find l",
            "l\nl/b\nl/b/c\nl/b/c/d\n",
        ),
        ("echo one > s; sed -i s/one/two/ s; cat s; ls -d s*", "two\ns\nsrc\n"),
        ("ln -s s t; ln s u; cat t u; mv -T t v; readlink v", "two\ntwo\ns\n"),
        ("mkfifo p; cat p & echo through > p; wait", "through\n"),
        ("tar cf x.tar a; mkdir y; tar xf x.tar -C y; cat y/a/b/c/d", "x\n"),
        ("cat > h <<END\nhere\nEND\ncat h; mktemp -u -p . > q; rm q", "here\n"),
        ("mkdir -p .git/objects .git/refs; touch .git/index; ls .git", "index\nobjects\nrefs\n"),
        (
            "mkdir -p .git/hooks 2>&1 || true",
            "mkdir: cannot create directory '.git/hooks': Read-only file system\n",
        ),
        ("mkdir policies-new && mv policies-new policies 2>&1 || true", ""),
    ] {
        let said = says(&ws.path, script).replace(['\u{2018}', '\u{2019}'], "'");
        let fits = if expected.is_empty() { said.contains("Read-only") } else { said == expected };
        assert!(fits, "{script}: {said:?}");
    }
    assert_nothing_appeared(&ws.path);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the test prepares a repository")]
fn git_commits_beside_hooks_that_must_not_appear() {
    if !has("git") {
        return;
    }
    let ws = place();
    let prepare = "git init -q . && rm -rf .git/hooks && git config user.name a && \
                   git config user.email a@b";
    let made = Command::new("sh").args(["-c", prepare]).current_dir(&ws.path).status().unwrap();
    assert!(made.success());
    // `.git/config` is there, so it is left to the other walls, which are tried elsewhere.
    let mut command = confined(
        &ws.path,
        shell(
            "export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
             echo x > a && git add a && git commit -qm one && git mv a b && git commit -qm two &&
             git branch side && git checkout -q side && git gc -q && git log --oneline | wc -l &&
             mkdir .git/hooks 2>/dev/null || echo refused",
        ),
    );
    command.confinement.protected.retain(|path| !path.ends_with("config"));
    let options = SandboxOptions {
        helper: BINARY.into(),
        seal_names: true,
        ..SandboxOptions::this_program(Vec::new())
    };
    let done = LinuxSandbox::new(options).run(&command, &Cancel::default()).unwrap();
    assert_eq!(text(&done.stdout), "2\nrefused\n", "{}", text(&done.stderr));
    assert!(!ws.path.join(".git/hooks").exists());
}

#[test]
fn a_tree_of_python_is_made_and_runs() {
    if !has("python3") {
        return;
    }
    let ws = workspace();
    let said = says(
        &ws.path,
        "python3 -m venv --without-pip --symlinks v 2>&1 && v/bin/python -c 'print(1)' &&
         ls v/pyvenv.cfg",
    );
    assert_eq!(said, "1\nv/pyvenv.cfg\n");
}

/// What is not beside a sealed name keeps its walls: the one who answers stands outside of them.
#[test]
fn nothing_is_reached_that_the_walls_keep_out_of_reach() {
    let (ws, outside) = (workspace(), place());
    fs::write(outside.path.join("secret"), "token-4711").unwrap();
    symlink(&outside.path, ws.path.join("out")).unwrap();
    let there = outside.path.display();
    for script in [
        format!("echo x > {there}/new"),
        format!("echo x >> {there}/secret"),
        "echo x > out/new".to_owned(),
        format!("mkdir {there}/d; ln -s x {there}/l; mkfifo {there}/p; mv src {there}/src"),
        format!("ln {there}/secret src/secret; ln -L out/secret src/s; cat src/s*"),
        format!("mv {there}/secret src/secret; cat src/secret"),
        "exec 3<>out/secret; cat <&3".to_owned(),
        "exec 3<>/etc/shadow; cat <&3".to_owned(),
        "exec 3<>/proc/1/environ; cat <&3; exec 3<>/proc/$PPID/environ; cat <&3".to_owned(),
        "echo x > /proc/$PPID/fd/1; echo x > /proc/$PPID/cwd/new".to_owned(),
    ] {
        let done = run_sealed(&ws.path, shell(&script));
        assert_eq!(text(&done.stdout), "", "{script}");
    }
    let left: Vec<_> = fs::read_dir(&outside.path).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(fs::read_to_string(outside.path.join("secret")).unwrap(), "token-4711");
    assert!(ws.path.join("src").is_dir());
}

#[test]
#[ignore = "a measurement"]
fn cost_of_a_name() {
    let script = "import os, time\n\
        def measure(what, flags):\n\
        \x20 times = []\n\
        \x20 for n in range(10000):\n\
        \x20   t = time.monotonic_ns()\n\
        \x20   os.close(os.open('src/%d' % n, flags, 0o644))\n\
        \x20   times.append(time.monotonic_ns() - t)\n\
        \x20 times.sort()\n\
        \x20 print(what, 'p10', times[1000] / 1000, 'p50', times[5000] / 1000, 'us', end='; ')\n\
        measure('new file', os.O_WRONLY | os.O_CREAT)\n\
        measure('old file', os.O_WRONLY | os.O_CREAT)\n\
        measure('reading', os.O_RDONLY)";
    for (name, sealed) in [("open", false), ("sealed", true)] {
        let ws = workspace();
        let mut command = confined(&ws.path, spec(&["python3", "-c", script]));
        if !sealed {
            command.confinement.protected.clear();
        }
        let options = SandboxOptions {
            helper: BINARY.into(),
            seal_names: true,
            ..SandboxOptions::this_program(Vec::new())
        };
        let start = Instant::now();
        let done = LinuxSandbox::new(options).run(&command, &Cancel::default()).unwrap();
        eprintln!("{name}: {} in {:?}", said(&done.stdout, &done.stderr), start.elapsed());
    }
}
