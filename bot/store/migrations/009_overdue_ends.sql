-- A time-boxed change whose time is over and that could not be ended: how often that was tried, and when it is again.
ALTER TABLE requests ADD COLUMN end_tries integer NOT NULL DEFAULT 0 CHECK (end_tries >= 0);
ALTER TABLE requests ADD COLUMN end_again_at timestamptz;
