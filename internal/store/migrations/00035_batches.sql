-- +goose Up
-- 1: the order goes to KeyCRM by itself. A batch has carried it before, or none can.
ALTER TABLE submissions ADD COLUMN alone BIGINT NOT NULL DEFAULT 0;

-- How many orders the call was about; 0: one submission alone.
ALTER TABLE attempts ADD COLUMN batch BIGINT NOT NULL DEFAULT 0;

-- Whose batch of orders is under way and until when at the latest, when the next may begin, and the rest that led to that.
ALTER TABLE accounts ADD COLUMN batch_owner TEXT   NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN batch_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN batch_at    BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN batch_rest  BIGINT NOT NULL DEFAULT 0;
