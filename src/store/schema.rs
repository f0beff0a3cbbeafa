//! The tables, and how a database of an older version becomes one of this version: forward, in one
//! transaction, after a copy was put aside. A newer one is refused.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::{Context, StoreError};
use super::layout::{private_file, sync_dir};

/// Fills new tables from what is there.
type Fill = fn(&Transaction<'_>) -> Result<(), StoreError>;

/// One version to the next.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    sql: &'a str,
    fill: Option<Fill>,
}

impl<'a> Step<'a> {
    /// Statements alone.
    pub(super) const fn sql(sql: &'a str) -> Self {
        Self { sql, fill: None }
    }
}

/// Each step leads from the version that is its position to the next.
pub(super) const MIGRATIONS: &[Step<'_>] = &[
    Step::sql(include_str!("schema.sql")),
    Step { sql: include_str!("schema-2.sql"), fill: Some(super::migrate_2::fill) },
    Step::sql(include_str!("schema-3.sql")),
    Step::sql(include_str!("schema-4.sql")),
    Step::sql(include_str!("schema-5.sql")),
];

/// The version `migrations` lead to.
fn newest(migrations: &[Step<'_>]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

/// The newest version that this program writes.
pub(super) fn newest_known() -> i64 {
    newest(MIGRATIONS)
}

/// The version of a database; 0 for an empty one.
pub(super) fn version(db: &Connection) -> Result<i64, StoreError> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0)).doing("could not read the version")
}

/// Refuses a database that a newer version of the program wrote.
pub(super) fn refuse_newer(found: i64) -> Result<(), StoreError> {
    let known = newest(MIGRATIONS);
    if found > known { Err(StoreError::NewerSchema { found, known }) } else { Ok(()) }
}

/// The version since which there are lists of work, questions, schedules and keys.
const LISTS_SINCE: i64 = 2;
/// The version since which there are proposals of what memories may become.
pub(super) const PROPOSALS_SINCE: i64 = 4;
/// The version since which it is kept where the content of files came from.
pub(super) const FILE_LABELS_SINCE: i64 = 5;

/// Refuses to read lists from a database that is too old to have them.
pub(super) fn refuse_older(db: &Connection) -> Result<(), StoreError> {
    let (found, known) = (version(db)?, LISTS_SINCE);
    if found < known { Err(StoreError::OlderSchema { found, known }) } else { Ok(()) }
}

/// Brings the database at `path` to the newest version. `first` fills a database that was empty.
/// An older one is copied to `<path>.v<version>` before.
pub(super) fn migrate(
    db: &mut Connection,
    path: &Path,
    migrations: &[Step<'_>],
    first: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (found, known) = (version(db)?, newest(migrations));
    if found == known {
        return Ok(());
    }
    let done = usize::try_from(found).ok().filter(|done| *done < migrations.len());
    let Some(done) = done else { return Err(StoreError::NewerSchema { found, known }) };
    if done > 0 {
        keep_copy(db, path, found)?;
    }
    let change = db
        .transaction_with_behavior(TransactionBehavior::Exclusive)
        .doing("could not begin the migration")?;
    for step in migrations.iter().skip(done) {
        change.execute_batch(step.sql).doing("could not migrate the database")?;
        step.fill.map_or(Ok(()), |fill| fill(&change))?;
    }
    if done == 0 {
        first(&change)?;
    }
    change.pragma_update(None, "user_version", known).doing("could not set the version")?;
    change.commit().doing("could not commit the migration")
}

/// Copies the database as it is now, durably, before anything is changed.
fn keep_copy(db: &Connection, path: &Path, found: i64) -> Result<(), StoreError> {
    use super::error::PathContext;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".v{found}"));
    let copy = std::path::PathBuf::from(name);
    private_file()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&copy)
        .at("could not make", &copy)?;
    let progress: Option<fn(rusqlite::backup::Progress)> = None;
    db.backup(rusqlite::MAIN_DB, &copy, progress).doing("could not copy the database")?;
    let file = private_file().write(true).open(&copy).at("could not open", &copy)?;
    file.sync_all().at("could not sync", &copy)?;
    match path.parent() {
        Some(dir) => sync_dir(dir),
        None => Ok(()),
    }
}

/// Whether tables, indexes, triggers and views are exactly those of the database's version. A
/// planted trigger or a flipped bit in a definition would make the database lie.
pub(super) fn holds(db: &Connection) -> Result<(), StoreError> {
    let mut blank = Connection::open_in_memory().doing("could not open a database in memory")?;
    let steps = usize::try_from(version(db)?).ok().and_then(|version| MIGRATIONS.get(..version));
    migrate(&mut blank, Path::new(""), steps.unwrap_or(MIGRATIONS), |_| Ok(()))?;
    if definitions(db)? == definitions(&blank)? {
        return Ok(());
    }
    Err(StoreError::corrupt("the database", "its tables are not those that were made"))
}

fn definitions(db: &Connection) -> Result<Vec<(String, String, Option<String>)>, StoreError> {
    let action = "could not read the schema";
    let mut query =
        db.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name").doing(action)?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.doing(action)?.collect::<Result<_, _>>().doing(action)
}
