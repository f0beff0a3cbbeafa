//! What only its name tells: `make destroy`, `npm run wipe:db`, `./scripts/drop-all.sh`.

use super::data::is_database;
use super::fact::{Access, Deed, Leaf};

/// Programs that run what a file of the work says under a name.
const TASKS: [&str; 34] = [
    "make", "gmake", "bmake", "just", "task", "rake", "ant", "gradle", "gradlew", "mvn", "mvnw",
    "invoke", "inv", "poe", "nox", "tox", "doit", "mage", "moon", "nx", "turbo", "bazel", "pants",
    "mise", "grunt", "gulp", "fastlane", "lein", "mix", "sbt", "dagger", "artisan", "thor", "fab",
];

/// Programs with verbs of their own: what follows one of `RUNS` is a name.
const RUNNERS: [&str; 8] = ["npm", "pnpm", "yarn", "bun", "deno", "composer", "pdm", "hatch"];
const RUNS: [&str; 4] = ["run", "run-script", "task", "exec"];

/// Words in names of what throws something away.
const DESTROYS: [&str; 19] = [
    "destroy",
    "wipe",
    "nuke",
    "purge",
    "teardown",
    "drop",
    "dropdb",
    "dropall",
    "obliterate",
    "erase",
    "terminate",
    "uninstall",
    "unpublish",
    "truncate",
    "shred",
    "flush",
    "delete",
    "decommission",
    "selfdestruct",
];

/// Words that do so beside one of `WHOLE`.
const WITH_ALL: [&str; 5] = ["reset", "remove", "clean", "rm", "clear"];
const WHOLE: [&str; 12] = [
    "db",
    "database",
    "prod",
    "production",
    "all",
    "everything",
    "data",
    "factory",
    "volumes",
    "cluster",
    "infra",
    "flyway",
];

/// Words in names of what others see.
const CHANGES: [&str; 7] =
    ["deploy", "undeploy", "publish", "rollback", "promote", "ship", "sendmail"];

/// Notes what the names of tasks and scripts say.
pub(super) fn note(leaf: &mut Leaf) {
    if leaf
        .flags
        .iter()
        .any(|flag| matches!(flag.as_str(), "n" | "dry-run" | "just-print" | "help"))
    {
        return;
    }
    let mut names: Vec<&str> = Vec::new();
    let words = leaf.positional.iter().map(String::as_str);
    if TASKS.contains(&leaf.program.as_str()) {
        names.extend(words.filter(|word| !word.contains(['=', '*'])));
    } else if RUNNERS.contains(&leaf.program.as_str()) {
        names.extend(words.skip_while(|word| !RUNS.contains(word)).skip(1).take(1));
    } else if is_database(&leaf.program) {
        let sql = |file: &&super::fact::FileUse| file.text.ends_with(".sql");
        names.extend(leaf.files.iter().filter(sql).map(|file| file.text.as_str()));
    }
    let run = leaf.files.iter().filter(|file| file.access == Access::Exec);
    names.extend(run.filter_map(|file| file.text.rsplit('/').next()));
    let (mut destroys, mut changes) = (false, false);
    for name in names {
        let words = words_of(name);
        let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        destroys |= has(&DESTROYS) || has(&WITH_ALL) && has(&WHOLE);
        changes |= has(&CHANGES);
    }
    if leaf.program == "cargo" && leaf.positional.first().is_some_and(|verb| verb == "xtask")
        || RUNNERS.contains(&leaf.program.as_str())
    {
        changes |= leaf
            .positional
            .iter()
            .skip(1)
            .take(1)
            .any(|name| words_of(name).iter().any(|word| word == "release"));
    }
    if destroys || code_destroys(leaf) {
        leaf.note(Deed::Destroy);
    }
    if changes {
        leaf.note(Deed::Change);
    }
}

/// Whether a verb such as `sql-drop` or `dropAll` says that something is thrown away.
pub(super) fn name_destroys(word: &str) -> bool {
    const VERBS: [&str; 8] =
        ["destroy", "wipe", "nuke", "purge", "drop", "obliterate", "terminate", "dropdb"];
    word.len() < 40
        && word.contains(['-', '_', ':'])
        && !word.contains(['/', '.', ' ', '=', '@'])
        && words_of(word).iter().any(|part| VERBS.contains(&part.as_str()))
}

/// Whether code that is handed to a framework throws something away: `rails runner '…'`.
fn code_destroys(leaf: &Leaf) -> bool {
    const TAKES_CODE: [&str; 7] =
        ["runner", "tinker", "shell", "console", "eval", "shell_plus", "dbshell"];
    const ACTS: [&str; 12] = [
        "delete", "destroy", "truncate", "drop", "system(", "exec(", "unlink", "rmtree", "remove",
        "spawn", "popen", "flush",
    ];
    leaf.argv.iter().any(|word| TAKES_CODE.contains(&word.as_str()))
        && leaf.argv.iter().any(|word| {
            let code = word.to_ascii_lowercase();
            code.contains(['(', '.', ' ']) && ACTS.iter().any(|act| code.contains(act))
        })
}

/// `wipeDb.sh` is `wipe`, `db` and `sh`.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || c.is_uppercase() && small {
            words.push(String::new());
        }
        small = c.is_lowercase();
        if let Some(last) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            last.extend(c.to_lowercase());
        }
    }
    words
}
