-- What was last read of Slack's user groups and names, so that the terminal works while Slack is down.
CREATE TABLE people (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    snapshot json NOT NULL,
    read_at timestamptz NOT NULL
);
