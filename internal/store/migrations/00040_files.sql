-- +goose Up
-- The files of submissions. One begins to move when its submission is delivered: then it gets the account and is due.
CREATE TABLE files (
    id         {{key}},
    submission BIGINT NOT NULL REFERENCES submissions (seq) ON DELETE CASCADE,
    profile    TEXT   NOT NULL,
    number     BIGINT NOT NULL, -- its place among the submission's files, from 1
    field      TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    size       BIGINT NOT NULL,
    sha256     TEXT   NOT NULL,
    upload     TEXT   NOT NULL, -- whose chunks are its content; two files may have the same

    account    TEXT   NOT NULL DEFAULT '', -- empty until the submission is delivered
    state      TEXT   NOT NULL,
    crm_file   BIGINT NOT NULL DEFAULT 0,
    error      TEXT   NOT NULL DEFAULT '',
    attempt    BIGINT NOT NULL DEFAULT 0,
    failures   BIGINT NOT NULL DEFAULT 0,
    due_at     BIGINT NOT NULL DEFAULT 0,
    broke_at   BIGINT NOT NULL DEFAULT 0,
    settled_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX files_submission ON files (submission, number);
CREATE INDEX files_upload ON files (upload);
CREATE INDEX files_figures ON files (profile, state);
CREATE INDEX files_due ON files (account, due_at, id) WHERE account <> '' AND state IN ('waiting', 'uploaded');

-- Contents. Chunks are stored while the visitor still sends, so that no more than one of them is ever in memory; an upload that no file
-- refers to was given up, and is swept away.
CREATE TABLE uploads (
    id       TEXT   NOT NULL PRIMARY KEY,
    begun_at BIGINT NOT NULL
);
CREATE TABLE file_chunks (
    upload  TEXT      NOT NULL,
    number  BIGINT    NOT NULL, -- from 0
    size    BIGINT    NOT NULL,
    content {{bytes}} NOT NULL,
    PRIMARY KEY (upload, number)
);
