-- Every visitor pays for an index that a new row must be entered in, or asked about.

-- +goose Up
-- What waits to be sent is counted from its own index, which every new row stands in anyway; the index of figures is for all others.
DROP INDEX submissions_due;
CREATE INDEX submissions_due ON submissions (account, due_at, seq, profile, state, received_at)
    WHERE owner = '' AND state IN ('queued', 'uncertain');
DROP INDEX submissions_figures;
CREATE INDEX submissions_figures ON submissions (profile, account, state)
    WHERE state <> 'queued' AND state <> 'uncertain';

-- The same rows as before, asked for by OR: for an IN of three words or more SQLite builds a table, anew for every row that is stored.
DROP INDEX submissions_steered;
CREATE INDEX submissions_steered ON submissions (state, seq)
    WHERE state = 'rejected' OR state = 'held' OR state = 'refused' OR state = 'discarded';
DROP INDEX submissions_expiring;
CREATE INDEX submissions_expiring ON submissions (state, settled_at)
    WHERE emptied_at = 0 AND (state = 'delivered' OR state = 'discarded' OR state = 'refused');
