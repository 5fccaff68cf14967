-- +goose Up
-- When retention or ops took away what a visitor had sent; 0: it is all there.
ALTER TABLE submissions ADD COLUMN emptied_at BIGINT NOT NULL DEFAULT 0;

-- 1 while a person has the account paused: nothing that happens resumes it then.
ALTER TABLE accounts ADD COLUMN by_ops BIGINT NOT NULL DEFAULT 0;

-- What people decided about submissions, and what was there before.
CREATE TABLE changes (
    id         {{key}},
    submission BIGINT NOT NULL REFERENCES submissions (seq) ON DELETE CASCADE,
    made_at    BIGINT NOT NULL,
    who        TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    field      TEXT   NOT NULL DEFAULT '',
    old_value  TEXT   NOT NULL DEFAULT '',
    new_value  TEXT   NOT NULL DEFAULT '',
    other      TEXT   NOT NULL DEFAULT '', -- the id of another submission
    entity     {{bytes}}                   -- the entity before
);
CREATE INDEX changes_submission ON changes (submission, id);

-- Few rows wait for ops or were discarded, and ops ask for them often.
CREATE INDEX submissions_steered ON submissions (state, seq) WHERE state IN ('rejected', 'held', 'refused', 'discarded');
-- What retention may empty, the oldest first.
CREATE INDEX submissions_expiring ON submissions (state, settled_at)
    WHERE emptied_at = 0 AND state IN ('delivered', 'discarded', 'refused');
