-- Version 4: proposals of what memories may become, and what came of them. `entry` is JSON; texts are blobs.
-- Whoever changes what is stored adds a migration; this file is never edited again.
CREATE TABLE proposals (
    proposal_id TEXT PRIMARY KEY,
    state       TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    entry       TEXT NOT NULL,
    row_hash    BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX proposals_created ON proposals (created_ms);
