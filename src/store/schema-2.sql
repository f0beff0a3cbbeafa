-- Version 2: work that waits, questions that wait, schedules, and requests that may be repeated.
-- Whoever changes what is stored adds a migration; this file is never edited again.
-- `row_hash` covers every other column of its row: a damaged row is noticed when it is read.

-- fence: the newest one given to any claim.
CREATE TABLE counters (
    name     TEXT PRIMARY KEY,
    value    INTEGER NOT NULL,
    row_hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Runs that have work, by the order in which they came. `rank` is 0 for high, 2 for low priority.
-- `again` is 1 for a claimed run that got more work since it was claimed.
CREATE TABLE queue (
    position    INTEGER PRIMARY KEY,
    run_id      TEXT NOT NULL UNIQUE REFERENCES runs (run_id),
    rank        INTEGER NOT NULL,
    playbook    TEXT NOT NULL,
    concurrency INTEGER,
    state       TEXT NOT NULL,
    again       INTEGER NOT NULL,
    fence       INTEGER,
    boot_id     TEXT,
    lease_ms    INTEGER,
    row_hash    BLOB NOT NULL
) STRICT;
CREATE INDEX queue_order ON queue (rank, position) WHERE state <> 'parked';
CREATE INDEX queue_claimed ON queue (position) WHERE state = 'claimed';

-- Every question that was ever asked: a projection of the events, kept in their transaction.
-- `entry` is JSON.
CREATE TABLE approvals (
    asked_global INTEGER PRIMARY KEY,
    approval_id  TEXT NOT NULL,
    run_id       TEXT NOT NULL REFERENCES runs (run_id),
    status       TEXT NOT NULL,
    entry        TEXT NOT NULL,
    row_hash     BLOB NOT NULL
) STRICT;
CREATE INDEX approvals_id ON approvals (approval_id);
CREATE INDEX approvals_status ON approvals (status, asked_global);
CREATE INDEX approvals_run ON approvals (run_id);

-- `entry` is JSON.
CREATE TABLE schedules (
    schedule_id TEXT PRIMARY KEY,
    entry       TEXT NOT NULL,
    row_hash    BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What became of each due time. The key is why none fires twice.
CREATE TABLE fires (
    schedule_id TEXT NOT NULL,
    due_ms      INTEGER NOT NULL,
    at_ms       INTEGER NOT NULL,
    state       TEXT NOT NULL,
    run_id      TEXT,
    reason      TEXT,
    row_hash    BLOB NOT NULL,
    PRIMARY KEY (schedule_id, due_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX fires_at ON fires (at_ms);

-- Requests that may be repeated, and what was answered, once that is known.
CREATE TABLE keys (
    scope        TEXT NOT NULL,
    key          TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    run_id       TEXT,
    status       INTEGER,
    body         TEXT,
    at_ms        INTEGER NOT NULL,
    row_hash     BLOB NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_at ON keys (at_ms);

-- Ended runs all of whose texts were forgotten.
CREATE TABLE emptied (
    run_id TEXT PRIMARY KEY REFERENCES runs (run_id)
) STRICT, WITHOUT ROWID;

-- A damaged summary must not keep anything else from being written: it is in no index.
CREATE INDEX runs_status ON runs (
    CASE WHEN json_valid(summary) THEN json_extract(summary, '$.status') END, first_global
);
CREATE INDEX runs_playbook ON runs (
    CASE WHEN json_valid(summary) THEN json_extract(summary, '$.playbook') END, first_global
);
CREATE INDEX runs_task ON runs (
    CASE WHEN json_valid(summary) THEN json_extract(summary, '$.task_id') END, first_global
);
