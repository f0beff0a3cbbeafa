//! What a program does to the world beyond files, as far as its words say.

use super::data;
use super::fact::{Deed, Leaf};
use super::service;
use super::table::Operands;
use super::words::Sorted;

/// Words by which services and programs throw something away.
const DESTROYS: &[&str] = &[
    "delete",
    "del",
    "destroy",
    "purge",
    "remove",
    "drop",
    "wipe",
    "erase",
    "terminate",
    "revoke",
    "unregister",
    "deregister",
    "disable",
    "forget",
    "prune",
    "flush",
    "flushall",
    "flushdb",
    "rb",
    "rmdir",
    "deletefile",
    "rdelete",
    "rmi",
    "rm",
    "unsubscribe",
    "uninstall",
    "unpublish",
    "yank",
    "dropdb",
    "decommission",
    "expunge",
    "detach",
    "nuke",
    "cancel",
    "archive",
    "compact",
    "obliterate",
    "force-unlock",
    "undefine",
    "purge-all",
    "force-delete",
    "delete-all",
    "unlink-all",
    "truncate",
    "dropuser",
    "teardown",
    "unlist",
    "deleteall",
    "shrink",
    "full-refresh",
    "overwrite-destination",
    "sdel",
    "rmr",
];

/// Beginnings of such words.
const DESTROYS_BEGINNINGS: &[&str] = &[
    "delete-",
    "delete_",
    "remove-",
    "remove_",
    "purge-",
    "purge_",
    "destroy-",
    "destroy_",
    "drop-",
    "drop_",
    "terminate-",
    "revoke-",
    "disable-",
    "deregister-",
    "clear-",
    "clear_",
    "flush-",
    "reset_",
    "wipe-",
    "schedule-key-deletion",
    "batch-delete",
    "unregister-",
    "forget_",
    "doDelete",
    "rm-",
    "del-",
    "kill-",
    "wipe_",
    "reset-",
    "cancel-",
];

/// Words by which they change a secret or send something in.
const REPLACES: &[&str] = &[
    "update-secret",
    "put-secret-value",
    "rotate-secret",
    "put-bucket-policy",
    "put-bucket-acl",
    "put-user-policy",
    "attach-user-policy",
    "attach-role-policy",
    "create-access-key",
    "put-role-policy",
];

/// Programs whose words are their own affair: rules speak about them by name.
const OWN_RULES: &[&str] = &[
    "git", "npm", "pnpm", "yarn", "cargo", "pip", "pip3", "make", "cmake", "go", "gradle", "mvn",
    "tsc", "jest", "pytest", "poetry", "uv", "bundle", "ssh", "mosh", "autossh", "composer", "gem",
    "apropos", "tmux",
];

/// How many words may stand before the verb: `java -jar cli.jar … delete-job`.
const VERB_WORDS: usize = 6;

/// Notes what `leaf` does.
pub(super) fn note(leaf: &mut Leaf, sorted: &Sorted, operands: Operands) {
    if leaf.positional.is_empty() && leaf.flags.is_empty() && !shows_all(leaf) {
        return;
    }
    let named = matches!(operands, Operands::Verb | Operands::Anything | Operands::RemoteCopy);
    let dry = sorted.has("list-only") || service::is_dry(sorted);
    if named && !OWN_RULES.contains(&leaf.program.as_str()) && !dry && destroys(leaf) {
        leaf.note(Deed::Destroy);
    }
    if named {
        service::note(leaf, sorted);
    }
    if named && !dry && data::destroys(leaf) || clears_here(leaf) || empties(leaf, sorted) {
        leaf.note(Deed::Destroy);
    }
    if credential(leaf) || shows_all(leaf) {
        leaf.note(Deed::Credential);
    }
}

fn destroys(leaf: &Leaf) -> bool {
    let words = leaf.positional.iter().take(VERB_WORDS).map(String::as_str);
    let flagged = |flag: &str| leaf.flags.iter().any(|found| found == flag);
    let containers = super::wrapper::CONTAINERS.contains(&leaf.program.as_str());
    let takes_volumes = containers
        && leaf.positional.iter().any(|word| word == "down")
        && ["volumes", "volume", "v"].iter().any(|flag| flagged(flag));
    let offsets = flagged("reset-offsets") && flagged("execute");
    let tidied =
        leaf.program == "duplicity" && leaf.positional.iter().any(|word| word == "cleanup");
    // Whether something may be deleted is only asked.
    if leaf.positional.iter().take(3).any(|word| word == "can-i") {
        return false;
    }
    let cleared = leaf.program == "rclone"
        && leaf.positional.first().is_some_and(|verb| {
            matches!(verb.as_str(), "sync" | "move" | "moveto" | "cleanup" | "dedupe")
        });
    // `kafka-delete-records` says it in its name.
    let in_name = leaf
        .program
        .split(['-', '_'])
        .skip(1)
        .any(|part| matches!(part, "delete" | "remove" | "destroy" | "purge" | "drop"));
    let unfiled = matches!(leaf.program.as_str(), "hdfs" | "hadoop")
        && ["rm", "rmr", "expunge", "put", "mv"].iter().any(|flag| flagged(flag));
    cleared
        || unfiled
        || flagged("alter")
        || words.clone().take(2).any(super::danger::name_destroys)
        || takes_volumes
        || offsets
        || tidied
        || in_name
        || words.filter(|word| word.len() < 40).any(is_destroying)
        || leaf.flags.iter().any(|flag| {
            is_destroying(flag)
                && !matches!(flag.as_str(), "rm" | "archive" | "del" | "rb" | "disable" | "detach")
                || flag == "unsafe-allow-remove-all"
                || flag.starts_with("delete")
        })
}

/// Whether a word is one by which something is thrown away.
pub(super) fn is_destroying(word: &str) -> bool {
    DESTROYS.contains(&word)
        || REPLACES.contains(&word)
        || DESTROYS_BEGINNINGS.iter().any(|start| word.starts_with(start))
        || (word.ends_with("-delete")
            || word.ends_with("_delete")
            || word.ends_with(":delete")
            || word.ends_with(":destroy")
            || word.ends_with("-drop")
            || word.ends_with("-rm"))
        || is_camel(word)
}

/// `dropAll`, `deleteTopic`.
fn is_camel(word: &str) -> bool {
    ["drop", "delete", "remove", "purge", "destroy", "truncate", "wipe"].iter().any(|verb| {
        word.strip_prefix(verb)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    })
}

/// Whether somebody may miss what is in a file: no log, no mark, nothing temporary.
pub(super) fn is_kept(path: &str) -> bool {
    const PASSING: [&str; 9] =
        [".log", ".out", ".err", ".tmp", ".pid", ".lock", ".keep", ".gitkeep", ".nojekyll"];
    let temporary = ["/tmp/", "/var/tmp/", "/dev/"].iter().any(|start| path.starts_with(start));
    !temporary && !PASSING.iter().any(|ending| path.ends_with(ending))
}

/// A program that leaves a file without what was in it.
fn empties(leaf: &Leaf, sorted: &Sorted) -> bool {
    let operand = |at: usize| leaf.positional.get(at).map(String::as_str);
    let last = leaf.positional.last().map(String::as_str);
    match leaf.program.as_str() {
        "truncate" => {
            let shrinks = |size: &str| size == "0" || size.starts_with(['-', '<', '/', '%']);
            sorted.value("size").is_none_or(|size| size.open || shrinks(&size.text))
                && leaf.positional.iter().any(|path| is_kept(path))
        }
        "cp" | "install" => {
            operand(0) == Some("/dev/null")
                && last.is_some_and(is_kept)
                && leaf.positional.len() > 1
        }
        "mv" => last == Some("/dev/null"),
        "7z" | "7za" | "7zr" => leaf.argv.iter().any(|word| word == "-sdel"),
        "zip" => sorted.has("move"),
        "dd" => {
            let has = |wanted: &str| leaf.positional.iter().any(|word| word == wanted);
            let kept = |word: &String| word.strip_prefix("of=").is_some_and(is_kept);
            (has("if=/dev/null") || has("count=0")) && leaf.positional.iter().any(kept)
        }
        _ => false,
    }
}

/// `rm *`, `rm src/*`: everything that is here, or there.
fn clears_here(leaf: &Leaf) -> bool {
    matches!(leaf.program.as_str(), "rm" | "grm" | "unlink")
        && leaf.argv.iter().any(|word| {
            let below = word.ends_with("/*") && !word.starts_with('/') && !word.starts_with('$');
            matches!(word.trim_start_matches("./"), "*" | ".*" | "*.*" | "**" | ".[!.]*") || below
        })
}

/// Whether a program writes every variable.
fn shows_all(leaf: &Leaf) -> bool {
    match leaf.program.as_str() {
        "env" | "printenv" => leaf.positional.is_empty(),
        "set" | "export" | "declare" | "typeset" => {
            leaf.argv.iter().all(|word| matches!(word.as_str(), "-p" | "-x" | "-px" | "-xp"))
        }
        _ => false,
    }
}

/// Whether a program shows what is kept secret.
fn credential(leaf: &Leaf) -> bool {
    let words: Vec<&str> = leaf.positional.iter().take(4).map(String::as_str).collect();
    match (leaf.program.as_str(), words.as_slice()) {
        ("vault", ["read", ..] | ["kv", "get", ..])
        | ("op", ["read", ..] | ["item" | "document" | "vault", "get", ..])
        | (
            "aws",
            ["secretsmanager", "get-secret-value", ..]
            | ["ssm", "get-parameter" | "get-parameters", ..],
        )
        | ("doppler", ["secrets", ..])
        | ("gh" | "glab", ["auth", "token", ..])
        | ("heroku", ["auth:token", ..])
        | ("sops", ["decrypt", ..])
        | (
            "gcloud",
            ["auth", "print-access-token" | "print-identity-token", ..]
            | ["secrets", "versions", "access", ..],
        )
        | ("kubectl" | "oc", ["get" | "describe", "secret" | "secrets", ..])
        | ("az", ["keyvault", "secret", "show", ..] | ["account", "get-access-token", ..])
        | ("pass", ["show" | "ls", ..])
        | ("bw", ["get", ..])
        | (
            "security",
            ["find-generic-password" | "find-internet-password" | "dump-keychain", ..],
        )
        | ("git", ["credential", ..]) => true,
        ("gpg" | "gpg2", _) => leaf
            .flags
            .iter()
            .any(|flag| flag.starts_with("export-secret") || flag == "decrypt" || flag == "d"),
        ("sops" | "age" | "rage", _) => {
            leaf.flags.iter().any(|flag| flag == "decrypt" || flag == "d")
        }
        _ => false,
    }
}
