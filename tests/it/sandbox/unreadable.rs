//! What a command must not read although it lies in a directory that it may read.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bailiwick::ports::{Cancel, CommandSpec, Sandbox};
use bailiwick::sandbox::{LinuxSandbox, SandboxOptions};

use super::{BINARY, Place, has, place, run, shell, spec, text};

const TOKEN: &str = "token-4711";

/// What no command may see, by its path in the workspace.
const CLOSED: [&str; 10] = [
    ".env",
    ".env.production",
    ".bailiwick/store.db",
    ".bailiwick/artifacts/ab/cd",
    "logs/tools.jsonl",
    "server.pem",
    "id_rsa",
    ".npmrc",
    ".aws/config",
    "real/settings",
];

/// What every command sees.
const OPEN: [&str; 6] =
    ["README.md", "src/deep/er/a.txt", ".env.example", "config/x.yaml", "tool.py", "real/other"];

/// A workspace with a token in every file, and links to some of the closed ones.
fn workspace() -> Place {
    let place = place();
    for name in CLOSED.iter().chain(&OPEN) {
        write(&place.path, name, &format!("# {TOKEN} {name}\n"));
    }
    symlink(".env", place.path.join("alias")).unwrap();
    symlink("../.bailiwick", place.path.join("src/up")).unwrap();
    symlink("real/settings", place.path.join("linked")).unwrap();
    fs::hard_link(place.path.join(".env"), place.path.join("second-name")).unwrap();
    place
}

fn write(root: &Path, name: &str, content: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// `command` in the workspace, as policy would confine it.
fn confined(root: &Path, mut command: CommandSpec, writes: bool) -> CommandSpec {
    let places =
        |names: &[&str]| -> Vec<PathBuf> { names.iter().map(|name| root.join(name)).collect() };
    command.cwd = root.to_owned();
    command.confinement.read = vec![root.to_owned()];
    // `linked` stands for a place that is a link: what it leads to is closed too.
    command.confinement.unreadable = places(&[".env", ".bailiwick", "logs", "linked"]);
    if writes {
        command.confinement.write = vec![root.to_owned()];
        command.confinement.protected = places(&[".env", ".bailiwick", "logs", "config"]);
    }
    command
}

fn output(root: &Path, script: &str, writes: bool) -> String {
    let output = run(&confined(root, shell(script), writes)).unwrap();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn no_way_of_reading_leads_to_what_is_closed() {
    let ws = workspace();
    let root = ws.path.display();
    let mut ways: Vec<String> = CLOSED.iter().map(|name| format!("cat {name}")).collect();
    ways.extend([
        format!("cat {root}/.env"),
        "cat alias second-name linked src/up/store.db".to_owned(),
        "cat src/../.env ./src/deep/../../logs/tools.jsonl".to_owned(),
        "cat /proc/self/cwd/.env /proc/self/root/$PWD/.env".to_owned(),
        "cd .bailiwick && cat store.db".to_owned(),
        "exec 3< .env; cat <&3".to_owned(),
        "ln .env src/hard; cat src/hard".to_owned(),
        "ln .env $TMPDIR/hard; cat $TMPDIR/hard".to_owned(),
        "ln -s ../.env src/soft; cat src/soft".to_owned(),
        "mv .env src/moved; cat src/moved".to_owned(),
        "mv .bailiwick src/moved; cat src/moved/store.db".to_owned(),
        "mv logs $TMPDIR/; cat $TMPDIR/logs/tools.jsonl".to_owned(),
        "cp .env src/copy; cat src/copy".to_owned(),
        "chmod 777 .env; cat .env".to_owned(),
        "find .env .bailiwick logs -type f -exec cat {} +".to_owned(),
        "sh ./.env".to_owned(),
        ". ./.env".to_owned(),
    ]);
    for writes in [false, true] {
        for way in &ways {
            let said = output(&ws.path, way, writes);
            assert!(!said.contains(TOKEN), "{way} (writes: {writes}): {said}");
        }
    }
    for name in CLOSED {
        assert!(fs::read_to_string(ws.path.join(name)).unwrap().contains(TOKEN), "{name} is gone");
    }
}

#[test]
fn searching_the_whole_tree_finds_the_open_files_and_no_other() {
    let ws = workspace();
    for writes in [false, true] {
        for script in [
            "grep -rnI token .",
            "grep -RnI token .",
            "find . -type f -exec cat {} +",
            "tar -cf - . 2>/dev/null | grep -a token",
        ] {
            let said = output(&ws.path, script, writes);
            for name in OPEN {
                assert!(said.contains(&format!("{TOKEN} {name}\n")), "{script}: {name}: {said}");
            }
            for name in CLOSED {
                assert!(!said.contains(&format!("{TOKEN} {name}\n")), "{script}: {name}: {said}");
            }
        }
    }
}

/// A table of refusals proves nothing unless the same attempt succeeds without them.
#[test]
fn without_exceptions_the_same_search_finds_all() {
    let ws = workspace();
    let mut command = confined(&ws.path, shell("grep -rnIh token ."), false);
    command.confinement.unreadable.clear();
    let said = text(&run(&command).unwrap().stdout);
    for name in CLOSED.iter().chain(&OPEN) {
        assert!(said.contains(&format!("{TOKEN} {name}\n")), "{name}: {said}");
    }
}

#[test]
fn a_root_inside_of_a_closed_place_is_closed() {
    let ws = workspace();
    for root in [".bailiwick", ".bailiwick/store.db", ".env"] {
        for writes in [false, true] {
            let mut command = confined(&ws.path, shell("cat .env .bailiwick/store.db"), false);
            command.confinement.read = vec![ws.path.join(root)];
            if writes {
                command.confinement.write = vec![ws.path.join(root)];
            }
            let said = run(&command).unwrap();
            assert!(!text(&said.stdout).contains(TOKEN), "{root}");
        }
    }
}

#[test]
fn ordinary_work_goes_on() {
    let ws = workspace();
    write(&ws.path, "run.sh", "#!/bin/sh\ncat src/deep/er/a.txt\n");
    fs::set_permissions(ws.path.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    for writes in [false, true] {
        assert!(output(&ws.path, "./run.sh", writes).contains("src/deep/er/a.txt"));
        assert!(output(&ws.path, "ls -a", writes).contains(".env.example"));
    }
    let said = output(&ws.path, "echo new > src/new && cat src/new && echo x > README.md", true);
    assert_eq!(said, "new\n");
    if has("python3") {
        write(&ws.path, "tool.py", "import lib.part\nprint(open('README.md').read())\n");
        write(&ws.path, "lib/part.py", "print('imported')\n");
        let said = output(&ws.path, "python3 tool.py", false);
        assert!(said.contains("imported") && said.contains('x'), "{said}");
    }
}

#[test]
fn git_works_around_what_is_closed() {
    if !has("git") {
        return;
    }
    let ws = workspace();
    let git = "git -c user.name=a -c user.email=a@b -c safe.directory='*'";
    #[allow(clippy::disallowed_methods, reason = "the test prepares a repository")]
    let made = std::process::Command::new("sh")
        .args(["-c", &format!("git init -q . && git add README.md src/deep && {git} commit -qm m")])
        .current_dir(&ws.path)
        .status()
        .unwrap();
    assert!(made.success());
    fs::write(ws.path.join("README.md"), "changed\n").unwrap();
    for writes in [false, true] {
        let script = format!("{git} status --porcelain && {git} diff && {git} log --oneline");
        let command = confined(&ws.path, shell(&script), writes);
        let done = run(&command).unwrap();
        let said = text(&done.stdout);
        assert_eq!(done.ending, bailiwick::ports::Ending::Exited(0), "{}", text(&done.stderr));
        for part in [" M README.md", "?? config/", "+changed", " m\n"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("token-4711 .env"), "{said}");
    }
}

/// A thing that exists at the top gets a rule of its own: the price grows with their number.
#[test]
fn thousands_of_entries_stay_cheap() {
    const ENTRIES: usize = 5_000;
    let ws = workspace();
    for number in 0..ENTRIES {
        fs::write(ws.path.join(format!("file-{number}")), "").unwrap();
    }
    for writes in [false, true] {
        let start = Instant::now();
        let said = output(&ws.path, "cat README.md file-4999 .env", writes);
        let took = start.elapsed();
        eprintln!("{ENTRIES} entries, writes {writes}: {took:?}");
        assert!(said.contains("README.md") && !said.contains("token-4711 .env"), "{said}");
        // Half a second with a debug build; the bound is for a loaded machine.
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

#[test]
fn more_entries_than_rules_are_refused_with_what_to_do() {
    let ws = workspace();
    for number in 0..8_200 {
        fs::write(ws.path.join(format!("file-{number}")), "").unwrap();
    }
    let command = confined(&ws.path, spec(&["true"]), false);
    // Without namespaces each entry costs a rule.
    let sandbox = LinuxSandbox::new(SandboxOptions {
        helper: PathBuf::from(BINARY),
        without: vec!["namespaces".to_owned()],
        ..SandboxOptions::this_program(Vec::new())
    });
    let error = sandbox.run(&command, &Cancel::default()).unwrap_err().to_string();
    assert!(error.contains("8192") && error.contains("move files"), "{error}");
}
