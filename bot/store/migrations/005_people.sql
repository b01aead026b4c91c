-- What was last read of Slack's user groups and names, so that the terminal works while Slack is down.
CREATE TABLE people (
    only boolean PRIMARY KEY DEFAULT true CHECK (only),
    snapshot json NOT NULL,
    read_at timestamptz NOT NULL
);
