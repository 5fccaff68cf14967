-- +goose Up
-- By what a post is known for one that came before. All of it is made by SHA-256, and taken out with what the visitor sent.
ALTER TABLE submissions ADD COLUMN double_data {{bytes}};                     -- the whole SHA-256 of what was posted; NULL: never compared
ALTER TABLE submissions ADD COLUMN double_key BIGINT NOT NULL DEFAULT 0;      -- 64 bits of profile and key; 0: it came without
ALTER TABLE submissions ADD COLUMN double_keyed BIGINT NOT NULL DEFAULT 0;    -- 64 bits of profile, key and data; 0: it came without a key
ALTER TABLE submissions ADD COLUMN double_sender BIGINT NOT NULL DEFAULT 0;   -- 64 bits of profile, address, user agent and data; 0: guard.dedupe is off

-- How often it was posted again, and when for the last time.
ALTER TABLE submissions ADD COLUMN repeats BIGINT NOT NULL DEFAULT 0;
ALTER TABLE submissions ADD COLUMN repeated_at BIGINT NOT NULL DEFAULT 0;

-- Numbers and no texts: each post adds an entry at a random place, and so twice as many stand on a page. With the time in it a post that
-- a monitor makes every minute is compared with the last one alone.
CREATE INDEX submissions_keyed ON submissions (double_keyed, received_at) WHERE double_keyed <> 0;
CREATE INDEX submissions_sender ON submissions (double_sender, received_at) WHERE double_sender <> 0;
