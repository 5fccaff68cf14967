-- When a revision was first and last taken up, and who wrote it; empty: the folder.
-- +goose Up
ALTER TABLE revisions ADD COLUMN made_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE revisions ADD COLUMN served_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE revisions ADD COLUMN author TEXT NOT NULL DEFAULT '';

-- Profiles that lie here and not in a folder.
CREATE TABLE profiles (
    name       TEXT   NOT NULL PRIMARY KEY,
    hash       TEXT   NOT NULL, -- of the revision that serves
    enabled    BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    author     TEXT   NOT NULL
);

-- One row that counts every change of them, so that replicas see by one number that there is one.
CREATE TABLE profile_changes (
    id    BIGINT NOT NULL PRIMARY KEY,
    count BIGINT NOT NULL
);
INSERT INTO profile_changes (id, count) VALUES (1, 0);
