-- Version 3: what a memory record says beside its text can be forgotten as well: the chain covers a salted
-- hash of it. Rows of earlier versions have neither column, and their metadata stands in the chain itself.
-- Whoever changes what is stored adds a migration; this file is never edited again.
ALTER TABLE records ADD COLUMN metadata_hash BLOB;
ALTER TABLE records ADD COLUMN metadata_salt BLOB;
