-- Version 1. Whoever changes what is stored adds a migration; this file is never edited again.

-- instance_id, anchored_line, audit_mark
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A summary of each run, kept in the transaction of its events. `summary` is JSON, `row_hash`
-- covers every other column: a damaged row is noticed when it is read.
CREATE TABLE runs (
    run_id       TEXT PRIMARY KEY,
    first_global INTEGER NOT NULL UNIQUE,
    unfinished   INTEGER NOT NULL,
    last_seq     INTEGER NOT NULL,
    last_hash    BLOB NOT NULL,
    summary      TEXT NOT NULL,
    row_hash     BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_unfinished ON runs (first_global) WHERE unfinished = 1;

CREATE TABLE events (
    run_id     TEXT NOT NULL REFERENCES runs (run_id),
    seq        INTEGER NOT NULL,
    global_seq INTEGER NOT NULL,
    at_ms      INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    payload    TEXT NOT NULL,
    prev_hash  BLOB NOT NULL,
    hash       BLOB NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX events_global ON events (global_seq);

-- Texts beside the journal. `content` is NULL where it is a file under blobs/.
CREATE TABLE blobs (
    blob        TEXT PRIMARY KEY,
    salted_hash BLOB NOT NULL,
    salt        BLOB NOT NULL,
    bytes       INTEGER NOT NULL,
    content     BLOB
) STRICT;

-- Texts that were forgotten on purpose. `file_pending` is 1 until the file is known to be gone.
CREATE TABLE forgotten (
    blob         TEXT PRIMARY KEY,
    salted_hash  BLOB NOT NULL,
    at_ms        INTEGER NOT NULL,
    file_pending INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The log of memory records: the newest row of an id counts. `content_hash` is not part of the
-- chain and is emptied when the text is forgotten, since an unsalted hash would betray it.
CREATE TABLE records (
    record_seq   INTEGER PRIMARY KEY,
    id           TEXT NOT NULL,
    area         TEXT NOT NULL,
    blob         TEXT NOT NULL,
    salted_hash  BLOB NOT NULL,
    bytes        INTEGER NOT NULL,
    metadata     TEXT NOT NULL,
    created_ms   INTEGER NOT NULL,
    updated_ms   INTEGER NOT NULL,
    content_hash BLOB,
    hash         BLOB NOT NULL
) STRICT;
CREATE INDEX records_id ON records (id, record_seq);
CREATE INDEX records_content ON records (content_hash);
CREATE INDEX records_blob ON records (blob);

CREATE TABLE audit (
    audit_seq INTEGER PRIMARY KEY,
    entry     TEXT NOT NULL,
    hash      BLOB NOT NULL UNIQUE
) STRICT;

-- What was found wrong, and who acknowledged it, chained. `entry` is JSON.
CREATE TABLE findings (
    finding_seq INTEGER PRIMARY KEY,
    at_ms       INTEGER NOT NULL,
    entry       TEXT NOT NULL,
    hash        BLOB NOT NULL
) STRICT;
