-- Version 5: where the content of files came from that calls wrote, where that is not the workspace itself.
-- `path` is absolute, `labels` a JSON list. Labels are only ever added.
-- Whoever changes what is stored adds a migration; this file is never edited again.
CREATE TABLE file_labels (
    path     TEXT PRIMARY KEY,
    labels   TEXT NOT NULL,
    row_hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;
