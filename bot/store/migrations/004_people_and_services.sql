-- What people declared and hold, and what the services were last seen doing.

CREATE TABLE freezes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    reason text NOT NULL,
    until timestamptz,
    by text,
    declared_at timestamptz NOT NULL,
    lifted_at timestamptz
);
CREATE INDEX freezes_standing ON freezes (id) WHERE lifted_at IS NULL;

CREATE TABLE follows (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action text NOT NULL,
    params json NOT NULL,
    by text NOT NULL,
    channel text NOT NULL,
    thread text,
    cursor text NOT NULL,
    until timestamptz NOT NULL,
    looked_at timestamptz,
    ended_at timestamptz
);
CREATE INDEX follows_going_on ON follows (looked_at) WHERE ended_at IS NULL;

-- The token itself is shown once and kept nowhere.
CREATE TABLE tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person text NOT NULL CHECK (person <> ''),
    sha256 bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    last_used_at timestamptz
);
CREATE INDEX tokens_by_person ON tokens (person) WHERE revoked_at IS NULL;

-- One row a period in which a service stayed the same.
CREATE TABLE health (
    service text NOT NULL,
    since timestamptz NOT NULL,
    health text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (service, since)
);
