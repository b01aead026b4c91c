-- Requests, their votes, and the keys of deliveries already acted on.

CREATE TABLE requests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version integer NOT NULL DEFAULT 1,
    state text NOT NULL CHECK (state IN (
        'asked', 'denied', 'waiting', 'cleared', 'rejected', 'expired', 'withdrawn', 'stale',
        'running', 'done', 'failed', 'unknown', 'undoing', 'undone'
    )),
    -- The version at which this state was entered: a card drawn before it shows another state.
    state_version integer NOT NULL DEFAULT 1,
    action text NOT NULL,
    typed text NOT NULL,
    -- json and not jsonb, here and below: approval binds a digest of the text, which must come back unchanged.
    params json NOT NULL,
    -- As asked, before its plan settled them: the same asked again is known by these.
    asked_params json NOT NULL,
    risk text NOT NULL CHECK (risk IN ('read', 'change', 'destructive')),
    requester text NOT NULL CHECK (requester <> ''),
    on_behalf_of text,
    via text NOT NULL,
    channel text,
    thread text,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    override text NOT NULL DEFAULT '',
    break_glass text NOT NULL DEFAULT '',
    target text NOT NULL DEFAULT '',
    plan json,
    digest text NOT NULL DEFAULT '',
    needs json,
    escalated text[] NOT NULL DEFAULT '{}',
    reminded boolean NOT NULL DEFAULT false,
    self_approved boolean NOT NULL DEFAULT false,
    outcome text NOT NULL DEFAULT '',
    ended_by text,
    differences text[] NOT NULL DEFAULT '{}',
    receipt json,
    undo_receipt json,
    ends_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    review text NOT NULL DEFAULT 'none' CHECK (review IN ('none', 'open', 'reviewed')),
    reviewed_by text,
    note text NOT NULL DEFAULT '',
    -- Until when somebody is believed to be planning it.
    planning_until timestamptz NOT NULL,
    fence uuid,
    lease_until timestamptz,
    CHECK ((state IN ('running', 'undoing')) = (fence IS NOT NULL)),
    CHECK ((fence IS NULL) = (lease_until IS NULL))
);

-- One run on a target at a time. Of a longer target the first 600 characters count: an index row has its limit.
CREATE UNIQUE INDEX one_run_per_target ON requests (left(target, 600))
    WHERE state IN ('running', 'undoing') AND target <> '';

CREATE INDEX requests_unplanned ON requests (planning_until) WHERE state = 'asked';
CREATE INDEX requests_expiring ON requests (expires_at) WHERE state IN ('waiting', 'cleared');
CREATE INDEX requests_leased ON requests (lease_until) WHERE state IN ('running', 'undoing');
CREATE INDEX requests_ending ON requests (ends_at) WHERE state = 'done' AND ends_at IS NOT NULL;
CREATE INDEX requests_open ON requests (id)
    WHERE state IN ('asked', 'waiting', 'cleared', 'running', 'undoing', 'unknown');
CREATE INDEX requests_in_review ON requests (id) WHERE review = 'open';
CREATE INDEX requests_by_person ON requests (requester, asked_at);
CREATE INDEX requests_by_action ON requests (action, finished_at) WHERE finished_at IS NOT NULL;

-- The same table as bot.request.MOVES; a test compares the two.
CREATE FUNCTION refuse_illegal_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'asked' THEN
            RAISE EXCEPTION 'a request begins as asked, not as %', NEW.state USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NEW.state <> OLD.state AND NOT (CASE OLD.state
            WHEN 'asked' THEN NEW.state IN ('denied', 'waiting', 'cleared')
            WHEN 'waiting' THEN NEW.state IN ('cleared', 'rejected', 'expired', 'withdrawn')
            WHEN 'cleared' THEN NEW.state IN ('running', 'stale', 'expired')
            WHEN 'running' THEN NEW.state IN ('done', 'failed', 'unknown', 'stale')
            WHEN 'done' THEN NEW.state = 'undoing'
            WHEN 'undoing' THEN NEW.state IN ('undone', 'failed', 'unknown', 'done')
            WHEN 'unknown' THEN NEW.state IN ('done', 'failed')
            ELSE false
        END) THEN
        RAISE EXCEPTION 'a request cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER legal_moves BEFORE INSERT OR UPDATE OF state ON requests
    FOR EACH ROW EXECUTE FUNCTION refuse_illegal_move();
ALTER TABLE requests ENABLE ALWAYS TRIGGER legal_moves;

-- The payload is the request's number, or empty for what belongs to none.
CREATE FUNCTION tell_listeners() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('handrail', CASE TG_TABLE_NAME WHEN 'requests' THEN NEW.id::text ELSE '' END);
    RETURN NULL;
END
$$;
CREATE TRIGGER tell AFTER INSERT OR UPDATE OF version ON requests
    FOR EACH ROW EXECUTE FUNCTION tell_listeners();

CREATE TABLE votes (
    request bigint NOT NULL REFERENCES requests,
    person text NOT NULL CHECK (person <> ''),
    approve boolean NOT NULL,
    at timestamptz NOT NULL,
    digest text NOT NULL,
    typed boolean NOT NULL,
    note text NOT NULL,
    via text NOT NULL,
    PRIMARY KEY (request, person)
);

CREATE TABLE deliveries (
    key text PRIMARY KEY,
    at timestamptz NOT NULL,
    request bigint NOT NULL REFERENCES requests
);
CREATE INDEX deliveries_by_age ON deliveries (at);
