//! What a program does to the world beyond files, as far as its words say.

use super::fact::{Deed, Leaf};
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
    let dry = ["dry-run", "dryrun", "list-only", "help"].iter().any(|flag| sorted.has(flag));
    if named && !OWN_RULES.contains(&leaf.program.as_str()) && !dry && destroys(leaf) {
        leaf.note(Deed::Destroy);
    }
    if named && destroys_data(leaf) {
        leaf.note(Deed::Destroy);
    }
    if credential(leaf) || shows_all(leaf) {
        leaf.note(Deed::Credential);
    }
}

fn destroys(leaf: &Leaf) -> bool {
    let words = leaf.positional.iter().take(VERB_WORDS).map(String::as_str);
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
    cleared
        || in_name
        || words.filter(|word| word.len() < 40).any(is_destroying)
        || leaf.flags.iter().any(|flag| {
            is_destroying(flag)
                && !matches!(flag.as_str(), "rm" | "archive" | "del" | "rb" | "disable" | "detach")
                || flag == "unsafe-allow-remove-all"
                || flag.starts_with("delete")
        })
}

fn is_destroying(word: &str) -> bool {
    DESTROYS.contains(&word)
        || REPLACES.contains(&word)
        || DESTROYS_BEGINNINGS.iter().any(|start| word.starts_with(start))
        || (word.ends_with("-delete")
            || word.ends_with("_delete")
            || word.ends_with(":delete")
            || word.ends_with(":destroy")
            || word.ends_with("-rm"))
}

/// SQL and the like in the words of database programs.
fn destroys_data(leaf: &Leaf) -> bool {
    const DATABASES: [&str; 12] = [
        "psql",
        "mysql",
        "mariadb",
        "sqlite3",
        "sqlcmd",
        "mongosh",
        "mongo",
        "clickhouse-client",
        "cqlsh",
        "redis-cli",
        "duckdb",
        "influx",
    ];
    if !DATABASES.contains(&leaf.program.as_str()) {
        return matches!(
            leaf.program.as_str(),
            "dropdb" | "dropuser" | "mysqladmin" | "pg_resetwal"
        );
    }
    leaf.argv.iter().any(|word| {
        let word = word.to_ascii_uppercase();
        [
            "DROP ",
            "TRUNCATE",
            "DELETE FROM",
            "DROPDATABASE",
            ".DROP(",
            "DELETEMANY",
            "REMOVE(",
            "FLUSHALL",
            "FLUSHDB",
            "ALTER TABLE",
            "UPDATE ",
        ]
        .iter()
        .any(|verb| word.contains(verb))
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
        | ("gh", ["auth", "token", ..])
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
        ("gpg" | "gpg2", _) => {
            leaf.flags.iter().any(|flag| flag.starts_with("export-secret") || flag == "decrypt")
        }
        _ => false,
    }
}
