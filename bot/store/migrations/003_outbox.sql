-- What is owed to Slack: cards, drawn again whenever their request changed, and messages, sent once.

CREATE TABLE postings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request bigint REFERENCES requests,
    is_card boolean NOT NULL,
    kind text NOT NULL CHECK (kind IN ('mention', 'result', 'news')),
    -- NULL: wherever the request's card stands.
    channel text,
    thread text,
    -- The message's name in Slack, once it stands.
    ts text,
    key text NOT NULL DEFAULT '',
    text text NOT NULL DEFAULT '',
    people text[] NOT NULL DEFAULT '{}',
    report json,
    -- Owed while drawn < wanted. Of a card: versions of its request. Of a message: 0 or 1.
    wanted integer NOT NULL,
    drawn integer NOT NULL DEFAULT 0,
    drawn_at timestamptz,
    owed_since timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    lease_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    error text NOT NULL DEFAULT '',
    given_up_at timestamptz,
    CHECK (NOT is_card OR (request IS NOT NULL AND channel IS NOT NULL)),
    CHECK (request IS NOT NULL OR channel IS NOT NULL)
);
CREATE INDEX postings_owed ON postings (owed_since) WHERE drawn < wanted AND given_up_at IS NULL;
CREATE INDEX postings_cards ON postings (request) WHERE is_card;
CREATE UNIQUE INDEX postings_one_row_per_card ON postings (channel, ts) WHERE is_card AND ts IS NOT NULL;
CREATE UNIQUE INDEX postings_told_once ON postings (request, key) WHERE NOT is_card AND request IS NOT NULL;
CREATE UNIQUE INDEX postings_posted_once ON postings (key) WHERE NOT is_card AND request IS NULL;

CREATE TRIGGER tell AFTER INSERT ON postings FOR EACH ROW EXECUTE FUNCTION tell_listeners();
