//! Databases: what their words, or the text that comes in, throw away.

use super::fact::Leaf;

/// Clients that take statements as words or from standard input.
const DATABASES: &[&str] = &[
    "psql",
    "pgcli",
    "mysql",
    "mycli",
    "mariadb",
    "sqlite3",
    "litecli",
    "sqlcmd",
    "isql",
    "sqlplus",
    "usql",
    "mongosh",
    "mongo",
    "clickhouse-client",
    "clickhouse",
    "cqlsh",
    "redis-cli",
    "valkey-cli",
    "keydb-cli",
    "duckdb",
    "influx",
    "bq",
    "cockroach",
    "snowsql",
    "trino",
    "presto",
    "hive",
    "beeline",
    "impala-shell",
    "spark-sql",
    "cypher-shell",
    "surreal",
    "turso",
    "spanner-cli",
    "hbase",
];

/// Programs that do nothing but throw away or stop.
const DESTROYERS: &[&str] = &["dropdb", "dropuser", "mysqladmin", "pg_resetwal", "mongorestore"];

/// Statements that throw away or change what is kept, in capitals, single spaces.
const STATEMENTS: &[&str] = &[
    "DROP ",
    "TRUNCATE",
    "DELETE FROM",
    "DETACH DELETE",
    "DROPDATABASE",
    ".DROP(",
    ".DROPINDEX",
    "DELETEMANY",
    "DELETEONE",
    "FINDANDMODIFY",
    "REMOVE(",
    "FLUSHALL",
    "FLUSHDB",
    "ALTER TABLE",
    "ALTER USER",
    "ALTER ROLE",
    "UPDATE ",
    "UPDATEMANY",
    "GRANT ",
    "REVOKE ",
    "REINDEX DATABASE",
    "SHUTDOWNSERVER",
    "DISABLE '",
    "DROP_ALL",
];

/// Commands of key-value stores that throw away or change the store itself.
const KEY_VALUE: &[&str] = &[
    "DEL",
    "UNLINK",
    "SHUTDOWN",
    "DEBUG",
    "SWAPDB",
    "FAILOVER",
    "REPLICAOF",
    "SLAVEOF",
    "MIGRATE",
    "RESTORE",
    "HDEL",
    "SREM",
    "ZREM",
    "XDEL",
    "XTRIM",
    "LTRIM",
    "GETDEL",
    "EXPIRE",
    "EVAL",
    "FUNCTION",
    "SCRIPT",
    "ACL",
    "CLUSTER",
];

/// Endings of the tasks by which frameworks throw a database away: `db:drop`, `ecto.reset`.
const TASKS: &[&str] = &[
    "db:drop",
    "db:drop:all",
    "db:reset",
    "db:purge",
    "db:wipe",
    "db:truncate",
    "db:truncate_all",
    "db:rollback",
    "db:schema:load",
    "db:migrate:reset",
    "db:migrate:undo:all",
    "db:seed:replant",
    "migrate:fresh",
    "migrate:reset",
    "migrate:refresh",
    "migrate:rollback",
    "schema:drop",
    "ecto.drop",
    "ecto.reset",
    "ecto.rollback",
    "reset_db",
    "sqlflush",
    "drop-all",
    "database:drop",
    "doctrine:database:drop",
    "doctrine:schema:drop",
];

/// Two words in a row that do the same: program or group, and verb.
const PAIRS: &[(&str, &str)] = &[
    ("manage.py", "flush"),
    ("manage.py", "reset_db"),
    ("migrate", "reset"),
    ("migrate", "undo"),
    ("db", "drop"),
    ("db", "reset"),
    ("db", "wipe"),
    ("database", "reset"),
    ("database", "drop"),
    ("schema", "drop"),
    ("alembic", "downgrade"),
    ("db", "downgrade"),
    ("db", "rollback"),
    ("flyway", "clean"),
    ("liquibase", "rollback"),
    ("goose", "reset"),
    ("goose", "down"),
    ("dbmate", "drop"),
    ("diesel", "reset"),
];

/// Whether the words of a database's client, or of a framework's tasks, throw something away.
pub(super) fn destroys(leaf: &Leaf) -> bool {
    if is_database(&leaf.program) {
        return leaf.argv.iter().any(|word| text_destroys(word)) || key_value(leaf);
    }
    let clears = leaf.program == "pg_restore" && leaf.flags.iter().any(|flag| flag == "clean");
    let stops = leaf.program == "pg_ctl"
        && leaf.positional.first().is_some_and(|verb| verb != "status" && verb != "start");
    clears || stops || DESTROYERS.contains(&leaf.program.as_str()) || task(leaf)
}

/// Whether a program takes statements from standard input.
pub(super) fn is_database(program: &str) -> bool {
    DATABASES.contains(&program)
}

/// Whether a text for a database throws something away.
pub(super) fn text_destroys(text: &str) -> bool {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase();
    // What stands in quotes of a query is a text, unless the query runs texts.
    let query = ["SELECT ", "EXPLAIN "].iter().any(|start| plain.starts_with(start));
    let runs =
        ["EXECUTE", "PREPARE", "DBLINK", "QUERY_TO_XML"].iter().any(|word| plain.contains(word));
    if query && !runs && !plain.contains(['\\', '$', '`']) {
        let code: String = plain.split('\'').step_by(2).collect();
        return STATEMENTS.iter().any(|statement| code.contains(statement));
    }
    STATEMENTS.iter().any(|statement| plain.contains(statement))
}

fn key_value(leaf: &Leaf) -> bool {
    if !matches!(leaf.program.as_str(), "redis-cli" | "valkey-cli" | "keydb-cli") {
        return false;
    }
    // Host, port and number of the database may stand before the command.
    let mut words = leaf.positional.iter().take(4).map(|word| word.to_ascii_uppercase()).peekable();
    while let Some(word) = words.next() {
        let sets = word == "CONFIG"
            && words.peek().is_some_and(|next| matches!(next.as_str(), "SET" | "REWRITE"));
        let reads = matches!(word.as_str(), "ACL" | "SCRIPT" | "FUNCTION" | "CLUSTER")
            && words.peek().is_some_and(|next| {
                matches!(next.as_str(), "LIST" | "INFO" | "NODES" | "SLOTS" | "WHOAMI" | "EXISTS")
            });
        if sets || (KEY_VALUE.contains(&word.as_str()) && !reads) {
            return true;
        }
        if matches!(word.as_str(), "GET" | "KEYS" | "SCAN" | "INFO" | "TYPE" | "TTL" | "EXISTS") {
            return false; // what follows is the name of a key
        }
    }
    false
}

/// Whether a framework is told to throw its database away.
pub(super) fn task(leaf: &Leaf) -> bool {
    if leaf.flags.iter().any(|flag| flag == "force-reset" || flag == "accept-data-loss") {
        return true;
    }
    let program = std::iter::once(leaf.program.as_str());
    let words: Vec<&str> = program
        .chain(leaf.argv.iter().map(String::as_str).filter(|word| !word.starts_with('-')))
        .take(6)
        .map(|word| word.rsplit('/').next().unwrap_or(word))
        .collect();
    // `migrate app zero` takes every table of the app away.
    let to_zero = words.contains(&"migrate") && words.last() == Some(&"zero");
    to_zero
        || words.iter().skip(1).any(|word| TASKS.contains(word))
        || words.windows(2).any(|pair| match pair {
            [first, second] => PAIRS.contains(&(*first, *second)),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_found_however_they_are_spaced() {
        for (text, expected) in [
            ("delete\n  from users", true),
            ("DROP\tTABLE x", true),
            ("select dropped from t", false),
            ("db.x.deleteMany({})", true),
            ("SELECT count(*) FROM updates", false),
        ] {
            assert_eq!(text_destroys(text), expected, "{text}");
        }
    }
}
