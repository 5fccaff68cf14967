-- Moves of everything in one database to another. A database that is moved has a row with role 'source' in it, the one that it is moved
-- to a row with role 'target'; both have the same token, and done_at is 0 until every row is there.

-- +goose Up
CREATE TABLE moves (
    token    TEXT   NOT NULL PRIMARY KEY,
    role     TEXT   NOT NULL,
    other    TEXT   NOT NULL, -- the other database, for people
    begun_at BIGINT NOT NULL,
    done_at  BIGINT NOT NULL DEFAULT 0
);

-- How far a move has come, in the target.
CREATE TABLE moved_tables (
    name     TEXT   NOT NULL PRIMARY KEY,
    last_key TEXT   NOT NULL, -- the key of the last row that was copied, as JSON
    copied   BIGINT NOT NULL
);
