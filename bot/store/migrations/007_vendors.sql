-- How far each vendor's pace is booked, for all processes. Of no use after a crash, so it is not logged.
CREATE UNLOGGED TABLE vendor_turns (
    service text PRIMARY KEY,
    booked timestamptz NOT NULL
);

-- Since when each credential is in use here and when it last worked; of its value a keyed hash alone.
CREATE TABLE credentials (
    setting text NOT NULL,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    first_seen timestamptz NOT NULL,
    worked_at timestamptz,
    PRIMARY KEY (setting, fingerprint)
);
