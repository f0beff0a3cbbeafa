//! What is said: receipts, refusals, environment, exit codes; and roots that lead astray.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use bailiwick::contracts::Network;
use bailiwick::ports::{Cancel, Ending, Sandbox, SandboxError};
use bailiwick::sandbox::{LinuxSandbox, OnMissing, SandboxOptions};

use super::{place, requiring, run, sandbox, shell, spec, text};

#[test]
fn the_receipt_names_the_profile_and_every_layer() {
    let receipt = run(&spec(&["true"])).unwrap().receipt;
    assert_eq!(receipt.profile, "test");
    let names: Vec<_> = receipt.enforced.iter().filter_map(|e| e.split(':').next()).collect();
    for layer in [
        "posix_spawn",
        "landlock",
        "seccomp",
        "metadata",
        "no_new_privs",
        "capabilities",
        "rlimits",
        "pids",
        "descriptors",
        "environment",
        "tree-kill",
    ] {
        assert!(names.contains(&layer), "{layer}: {names:?}");
    }
    assert!(receipt.enforced.contains(&"rlimits:per-process".to_owned()));
}

#[test]
fn a_required_layer_that_is_not_there_refuses_before_anything_runs() {
    let directory = place();
    let mut spec = shell("touch ran");
    spec.cwd.clone_from(&directory.path);
    spec.confinement.write = vec![directory.path.clone()];
    let error = requiring(&["landlock", "moat"]).run(&spec, &Cancel::default()).unwrap_err();
    assert!(matches!(&error, SandboxError::Missing { layer, .. } if layer == "moat"));
    assert!(error.to_string().contains("sandbox.require"), "{error}");
    assert!(!directory.path.join("ran").exists());
    let known = ["landlock", "seccomp", "tree-kill", "pids", "posix_spawn"];
    assert!(requiring(&known).run(&spec, &Cancel::default()).is_ok());
    assert!(directory.path.join("ran").exists());
}

/// Also where commands run behind what is left: an open network would be no loopback.
#[test]
fn a_network_of_its_own_needs_a_namespace() {
    let options = SandboxOptions {
        helper: super::BINARY.into(),
        without: vec!["namespaces".into()],
        on_missing: OnMissing::Degrade,
        ..SandboxOptions::this_program(Vec::new())
    };
    let mut spec = shell("true");
    spec.confinement.network = Network::Loopback;
    let result = LinuxSandbox::new(options).run(&spec, &Cancel::default());
    assert!(matches!(result, Err(SandboxError::Missing { .. })), "{result:?}");
}

#[test]
fn the_probe_finds_every_layer_holding() {
    let probe = sandbox().probe();
    let fallen: Vec<_> = probe.layers.iter().filter(|layer| !layer.held).collect();
    assert!(fallen.is_empty(), "{fallen:#?}");
    assert!(probe.layers.len() >= 11, "{:#?}", probe.layers);
}

#[test]
fn a_command_sees_only_the_environment_it_was_given() {
    let mut spec = spec(&["env"]);
    spec.env = vec![("GRANTED".into(), "yes".into())];
    let output = text(&run(&spec).unwrap().stdout);
    let mut names: Vec<_> = output.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["GRANTED", "HOME", "LANG", "PATH", "TMPDIR"]);
}

#[test]
fn the_private_directory_is_the_commands_own_and_gone_afterwards() {
    let marker = super::marker();
    let script =
        format!("cd && mkdir -p {marker}/b && touch {marker}/b/c && chmod 0 {marker} && pwd; ls");
    let output = text(&run(&shell(&script)).unwrap().stdout);
    let (path, listed) = output.trim().split_once('\n').unwrap();
    assert_eq!(listed, marker, "something of somebody else is in it");
    // It may be called `/tmp`, as another one is outside.
    let left = std::path::Path::new(path).join(&marker);
    assert!(!left.exists(), "{} is left", left.display());
    assert_eq!(text(&run(&shell("ls -A $HOME")).unwrap().stdout), "");
}

#[test]
fn what_cannot_be_run_is_told_apart() {
    let directory = place();
    let write = |name: &str, content: &str, mode: u32| {
        let path = directory.path.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("plain", "echo hi\n", 0o644);
    write("no-line", "echo hi\n", 0o755);
    write("no-interpreter", "#!/nowhere/sh\n", 0o755);
    write("script", "#!/bin/sh\nexit 5\n", 0o755);
    let attempt = |program: &str| {
        let mut spec = spec(&[program]);
        spec.cwd.clone_from(&directory.path);
        spec.confinement.read = vec![directory.path.clone()];
        run(&spec)
    };
    assert_eq!(attempt("./script").unwrap().ending, Ending::Exited(5));
    assert!(
        matches!(attempt("no-such-program"), Err(SandboxError::NoProgram(name)) if name == "no-such-program")
    );
    assert!(matches!(attempt("./gone"), Err(SandboxError::NoProgram(_))));
    for (program, reason) in [
        ("./plain", "not executable"),
        ("./no-line", "`#!` line"),
        ("./no-interpreter", "interpreter"),
    ] {
        let error = attempt(program).unwrap_err();
        assert!(matches!(error, SandboxError::BadSpec(_)), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn a_missing_working_directory_or_helper_is_said() {
    let mut lost = spec(&["true"]);
    lost.cwd = "/nowhere".into();
    assert!(run(&lost).unwrap_err().to_string().contains("`/nowhere`"));
    let options = SandboxOptions {
        helper: "/nowhere/bailiwick".into(),
        ..SandboxOptions::this_program(Vec::new())
    };
    let error = LinuxSandbox::new(options).run(&spec(&["true"]), &Cancel::default()).unwrap_err();
    assert!(error.to_string().contains("`/nowhere/bailiwick`"), "{error}");
}

#[test]
fn a_helper_that_is_another_program_is_noticed() {
    let options =
        SandboxOptions { helper: "/bin/false".into(), ..SandboxOptions::this_program(Vec::new()) };
    let result = LinuxSandbox::new(options).run(&spec(&["true"]), &Cancel::default());
    assert!(matches!(result, Err(SandboxError::Helper(_))), "{result:?}");
}

/// Between the decision and the run, whoever can change a link could choose what is granted.
#[test]
fn a_root_that_is_reached_through_a_link_is_refused() {
    let (directory, elsewhere) = (place(), place());
    fs::create_dir(elsewhere.path.join("sub")).unwrap();
    symlink(&elsewhere.path, directory.path.join("link")).unwrap();
    for path in ["link", "link/sub"] {
        let mut spec = spec(&["true"]);
        spec.confinement.write = vec![directory.path.join(path)];
        let error = run(&spec).unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }
}

/// A link inside a writable directory must not carry rights to where it leads.
#[test]
fn links_beside_protected_files_grant_nothing() {
    let (workspace, elsewhere) = (place(), place());
    fs::create_dir(workspace.path.join("policies")).unwrap();
    symlink(&elsewhere.path, workspace.path.join("out")).unwrap();
    let mut spec = shell("touch out/x && echo escaped");
    spec.cwd.clone_from(&workspace.path);
    spec.confinement.write = vec![workspace.path.clone()];
    spec.confinement.protected = vec![workspace.path.join("policies")];
    assert_eq!(text(&run(&spec).unwrap().stdout), "");
    assert!(!elsewhere.path.join("x").exists());
}

#[test]
fn protection_follows_links_and_beats_other_roots() {
    let workspace = place();
    let (rules, deep) = (workspace.path.join("rules"), workspace.path.join("a/b/c"));
    fs::create_dir_all(&rules).unwrap();
    fs::create_dir_all(&deep).unwrap();
    symlink("rules", workspace.path.join("policies")).unwrap();
    fs::write(workspace.path.join(".git"), "gitdir: elsewhere").unwrap();
    let mut spec = shell(
        "for f in rules/x a/b/c/x a/x new; do touch $f 2>/dev/null && echo $f; done
         echo changed 2>/dev/null > .git && echo .git
         mkdir a/d/e && echo a/d/e",
    );
    fs::create_dir(workspace.path.join("a/d")).unwrap();
    spec.cwd.clone_from(&workspace.path);
    spec.confinement.write = vec![workspace.path.clone(), rules, deep.clone()];
    spec.confinement.protected =
        vec![workspace.path.join("policies"), deep, workspace.path.join(".git/config")];
    let done = text(&run(&spec).unwrap().stdout);
    let done: Vec<&str> = done.lines().collect();
    assert!(done.contains(&"a/d/e"), "{done:?}");
    // Landlock alone cannot allow new names beside something protected: that is the price there.
    let may_be = ["a/d/e", "a/x", "new"];
    assert!(done.iter().all(|name| may_be.contains(name)), "{done:?}");
}

/// Whoever could rename it could make the protected place anew in its stead.
#[test]
fn a_directory_above_a_protected_place_cannot_be_renamed() {
    let workspace = place();
    for directory in [".config/bailiwick", ".git/hooks"] {
        fs::create_dir_all(workspace.path.join(directory)).unwrap();
    }
    fs::write(workspace.path.join(".git/config"), "[core]\n").unwrap();
    let mut spec =
        shell("for d in .config .git; do mv $d away-$d && echo moved $d; done; touch new");
    spec.cwd.clone_from(&workspace.path);
    spec.confinement.write = vec![workspace.path.clone()];
    spec.confinement.protected =
        [".git/hooks", ".git/config", ".config/bailiwick"].map(|p| workspace.path.join(p)).into();
    spec.confinement.unreadable = vec![workspace.path.join(".config/bailiwick")];
    let output = run(&spec).unwrap();
    assert_eq!(text(&output.stdout), "", "{}", text(&output.stderr));
    assert!(workspace.path.join(".config/bailiwick").is_dir());
    assert!(workspace.path.join(".git/config").is_file());
}
