-- +goose Up
-- What speaks against a submission, or what could not be told about it: [{"reason":…,"text":…},…]; empty: nothing.
ALTER TABLE submissions ADD COLUMN signals TEXT NOT NULL DEFAULT '';

-- The captcha's answer, as JSON, from the post until its provider was asked; empty: there is nothing to ask. No courier takes a row that
-- has one.
ALTER TABLE submissions ADD COLUMN captcha TEXT NOT NULL DEFAULT '';
CREATE INDEX submissions_unchecked ON submissions (seq) WHERE captcha <> '';

-- Keys that the relay makes for itself, once, and that all replicas share.
CREATE TABLE own_keys (
    name    TEXT      NOT NULL PRIMARY KEY,
    value   {{bytes}} NOT NULL,
    made_at BIGINT    NOT NULL
);
