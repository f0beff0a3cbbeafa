use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::playbook::vocabulary_for_tests::vocabulary;
use crate::playbook::{Library, lint};

fn text(name: &str, description: &str, steps: &str) -> String {
    format!(
        "schema: 1\nname: {name}\ndescription: {description}\npermissions: {{ tools: [git_status] }}\nsteps:\n{steps}"
    )
}

const STEP: &str = "  - { id: a, tool: git_status, args: { path: . } }\n";

struct Space {
    root: tempfile::TempDir,
}

impl Space {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("playbooks/fragments")).unwrap();
        Self { root }
    }

    fn write(&self, name: &str, text: &str) {
        // As editors do: a new file under the old name.
        let path = self.root.path().join(DIRECTORY).join(name);
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    fn open(&self) -> LivePlaybooks {
        LivePlaybooks::open(self.root.path(), vocabulary(), LintLimits::default()).unwrap()
    }
}

fn about(catalogue: &Catalogue, name: &str) -> (String, bool) {
    let entry = catalogue.find(name).unwrap();
    (entry.playbook.as_ref().unwrap().description.clone(), entry.stale)
}

#[test]
fn a_playbook_that_was_written_a_moment_ago_is_found_by_name() {
    let space = Space::new();
    space.write("p.yaml", &text("p", "first", STEP));
    let live = space.open();
    space.write("q.yaml", &text("q", "second", STEP));
    // What is known is not looked for again, so that callers who ask often cost nothing.
    assert!(live.current_with("p").find("q").is_err());
    assert_eq!(about(&live.current_with("q"), "q"), ("second".to_owned(), false));
    assert!(live.current_with("nothing").find("nothing").is_err());
}

#[test]
fn a_broken_edit_leaves_the_last_good_version() {
    let space = Space::new();
    space.write("p.yaml", &text("p", "first", STEP));
    let live = space.open();
    assert_eq!(about(&live.current(), "p"), ("first".to_owned(), false));
    space.write("p.yaml", "schema: 1\nname: other\nsteps: [\n");
    let broken = live.reread();
    assert_eq!(about(&broken, "p"), ("first".to_owned(), true));
    assert!(broken.playbook("p").unwrap().text.contains("first"), "calls get the last good one");
    let errors = live.errors();
    assert!(!errors.is_empty() && errors.iter().all(|one| one.file == "playbooks/p.yaml"));
    space.write("p.yaml", &text("p", "second", STEP));
    assert_eq!(about(&live.reread(), "p"), ("second".to_owned(), false));
    assert!(live.errors().is_empty());
    fs::remove_file(space.root.path().join("playbooks/p.yaml")).unwrap();
    assert!(live.reread().find("p").is_err(), "what is gone is gone");
}

#[test]
fn a_file_that_was_never_good_is_an_entry_with_mistakes() {
    let space = Space::new();
    space.write("p.yaml", "schema: 1\n");
    let live = space.open();
    let catalogue = live.current();
    let entry = catalogue.find("p").unwrap();
    assert!(entry.playbook.is_none() && !entry.stale && !entry.diagnostics.is_empty());
}

#[test]
fn fragments_and_called_playbooks_belong_to_who_uses_them() {
    let space = Space::new();
    let calling = "  - include: fragments/f.yaml\n  - { id: c, call: inner }\n";
    space.write("outer.yaml", &text("outer", "d", calling));
    space.write("inner.yaml", &text("inner", "d", STEP));
    space.write("fragments/f.yaml", &format!("schema: 1\nsteps:\n{STEP}"));
    let live = space.open();
    assert!(live.errors().is_empty(), "{:?}", live.errors());
    space.write("fragments/f.yaml", "schema: 1\nsteps: [{ id: b, tool: nope }]\n");
    space.write("inner.yaml", "name: [");
    let broken = live.reread();
    for name in ["outer", "inner"] {
        assert!(broken.find(name).unwrap().stale, "{name}");
    }
    let outer = broken.find("outer").unwrap();
    assert!(outer.diagnostics.iter().any(|one| one.file == "playbooks/fragments/f.yaml"));
    // What was kept with it is enough for a run.
    let (vocabulary, limits) = (vocabulary(), LintLimits::default());
    let again = lint(&outer.path, &outer.source, &vocabulary, &limits, &outer.library());
    assert_eq!(again.playbook, outer.playbook);
    space.write("fragments/f.yaml", &format!("schema: 1\nsteps:\n{}", STEP.replace("a,", "b,")));
    space.write("inner.yaml", &text("inner", "d", STEP));
    let sound = live.reread();
    let steps = &sound.find("outer").unwrap().playbook.as_ref().unwrap().steps;
    assert_eq!(steps[0].id, "b");
}

#[test]
fn fragments_are_regular_files_below_the_directory() {
    let space = Space::new();
    let outside = space.root.path().join("secret.yaml");
    fs::write(&outside, format!("schema: 1\nsteps:\n{STEP}")).unwrap();
    std::os::unix::fs::symlink(&outside, space.root.path().join("playbooks/fragments/l.yaml"))
        .unwrap();
    std::os::unix::fs::symlink(space.root.path(), space.root.path().join("playbooks/up")).unwrap();
    space.write("fragments/big.yaml", &format!("# {}\n", "x".repeat(2 << 20)));
    space.write("fragments/in.yaml", &format!("schema: 1\nsteps:\n{STEP}"));
    std::os::unix::fs::symlink("in.yaml", space.root.path().join("playbooks/fragments/ok.yaml"))
        .unwrap();
    let catalogue = space.open().current();
    for (path, why) in [
        ("fragments/l.yaml", "has a link"),
        ("fragments/ok.yaml", "has a link"),
        ("up/secret.yaml", "has a link"),
        ("", "leads out"),
        ("../secret.yaml", "leads out"),
        ("/etc/passwd", "leads out"),
        ("fragments/big.yaml", "bytes"),
        ("fragments/nope.yaml", "no such file"),
        ("fragments", "no regular file"),
    ] {
        let error = catalogue.fragment(path).unwrap_err();
        assert!(error.contains(why), "{path}: {error}");
    }
    assert!(catalogue.fragment("fragments/in.yaml").is_ok());
}

#[test]
fn readers_see_only_whole_good_versions_while_files_are_edited() {
    let space = Space::new();
    space.write("p.yaml", &text("p", "v0", STEP));
    let live = space.open();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = 0_u32;
                    while !done.load(Ordering::Acquire) {
                        let catalogue = live.reread();
                        let (version, _) = about(&catalogue, "p");
                        let version: u32 = version.trim_start_matches('v').parse().unwrap();
                        assert!(version >= seen, "{version} came after {seen}");
                        seen = version;
                    }
                })
            })
            .collect();
        for version in 1..20 {
            space.write("p.yaml", "schema: 1\nname: p\nsteps: [{ id: a, tool: ");
            space.write("p.yaml", &text("p", &format!("v{version}"), STEP));
        }
        done.store(true, Ordering::Release);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(about(&live.reread(), "p"), ("v19".to_owned(), false));
}
