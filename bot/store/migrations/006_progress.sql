-- The last lines of what a run says of itself while it runs.
ALTER TABLE requests ADD COLUMN progress text NOT NULL DEFAULT '';
