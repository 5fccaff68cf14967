-- Moments are microseconds since 1970 in UTC, 0 for none; lengths of time are microseconds too.
-- The words in double braces are types that SQLite and PostgreSQL call by different names; the store puts them in.

-- +goose Up
CREATE TABLE revisions (
    hash    TEXT      NOT NULL,
    profile TEXT      NOT NULL,
    number  BIGINT    NOT NULL, -- counts from 1 in each profile, for people
    text    {{bytes}} NOT NULL,
    used_at BIGINT    NOT NULL, -- when submissions began to be taken by it, for the last time
    PRIMARY KEY (hash, profile)
);

CREATE TABLE submissions (
    seq         {{key}}, -- the order of arrival
    id          TEXT   NOT NULL,
    profile     TEXT   NOT NULL,
    account     TEXT   NOT NULL,
    revision    TEXT   NOT NULL,
    received_at BIGINT NOT NULL,

    pairs   TEXT NOT NULL, -- [["name","value"],…] in the order posted
    charset TEXT NOT NULL,
    raw     {{bytes}},
    visitor TEXT NOT NULL,

    kind        TEXT   NOT NULL,
    entity      {{bytes}},
    source_id   BIGINT NOT NULL,
    source_uuid TEXT   NOT NULL,
    mark        TEXT   NOT NULL,
    mark_field  TEXT   NOT NULL,

    state  TEXT NOT NULL,
    reason TEXT NOT NULL,
    error  TEXT NOT NULL,
    faults TEXT NOT NULL,

    attempt    BIGINT NOT NULL DEFAULT 0,
    failures   BIGINT NOT NULL DEFAULT 0,
    due_at     BIGINT NOT NULL,
    sent_at    BIGINT NOT NULL DEFAULT 0,
    first_sent BIGINT NOT NULL DEFAULT 0,
    broke_at   BIGINT NOT NULL DEFAULT 0,
    settled_at BIGINT NOT NULL,
    crm_id     BIGINT NOT NULL DEFAULT 0,

    owner       TEXT   NOT NULL DEFAULT '', -- who has claimed it; empty: nobody
    lease_until BIGINT NOT NULL DEFAULT 0,
    under_way   BIGINT NOT NULL DEFAULT 0,  -- 1 from the begin of a call to its settlement
    tried_at    BIGINT NOT NULL DEFAULT 0   -- when its last call of either kind began
);

-- Only rows that something is still to be done about stand in the indexes below, so a finished one costs nothing but its place.
CREATE UNIQUE INDEX submissions_id ON submissions (id);
CREATE INDEX submissions_due ON submissions (account, due_at, seq) WHERE owner = '' AND state IN ('queued', 'uncertain');
CREATE INDEX submissions_uncertain ON submissions (account, tried_at, seq) WHERE state = 'uncertain';
CREATE INDEX submissions_leased ON submissions (account, lease_until) WHERE owner <> '';
CREATE INDEX submissions_uuid ON submissions (account, source_uuid) WHERE source_uuid <> id AND source_uuid <> '';

CREATE TABLE attempts (
    submission BIGINT NOT NULL REFERENCES submissions (seq) ON DELETE CASCADE,
    number     BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL DEFAULT 0,
    outcome    TEXT   NOT NULL DEFAULT '',
    status     BIGINT NOT NULL DEFAULT 0,
    text       TEXT   NOT NULL DEFAULT '',
    messages   TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (submission, number)
);

CREATE TABLE slots (
    id          {{key}},
    account     TEXT   NOT NULL,
    started_at  BIGINT NOT NULL,
    ended_at    BIGINT NOT NULL DEFAULT 0,
    pace_window BIGINT NOT NULL
);
CREATE INDEX slots_account ON slots (account);

CREATE TABLE accounts (
    name          TEXT   NOT NULL PRIMARY KEY,
    paused        TEXT   NOT NULL DEFAULT '',
    limited_until BIGINT NOT NULL DEFAULT 0,
    broken        BIGINT NOT NULL DEFAULT 0,
    create_broke  BIGINT NOT NULL DEFAULT 0, -- 1 when one of the broken calls was a create
    probe_step    BIGINT NOT NULL DEFAULT 0, -- which probe of an outage's round is next
    probe_at      BIGINT NOT NULL DEFAULT 0,
    probe_pause   BIGINT NOT NULL DEFAULT 0
);

-- One row that is written to find out whether anything can be.
CREATE TABLE heartbeat (
    id         BIGINT NOT NULL PRIMARY KEY,
    written_at BIGINT NOT NULL
);
INSERT INTO heartbeat (id, written_at) VALUES (1, 0);
