-- The trail: only ever inserted into, each row sealed together with the seal of the row before it.

CREATE TABLE audit (
    seq bigint PRIMARY KEY CHECK (seq > 0),
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    on_behalf_of text,
    request bigint,
    action text NOT NULL,
    target text NOT NULL,
    -- Canonical JSON, as it was sealed.
    detail json NOT NULL,
    mac text NOT NULL
);
CREATE INDEX audit_by_request ON audit (request) WHERE request IS NOT NULL;
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_action ON audit (action, seq) WHERE action <> '';
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_archived ON audit (seq) WHERE kind = 'archived';

-- One row; whoever appends holds its lock, so there is no gap and no fork.
CREATE TABLE audit_head (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    seq bigint NOT NULL,
    mac text NOT NULL,
    -- Tells one key from another without telling the key; empty until the first row is written.
    key_check text NOT NULL
) WITH (fillfactor = 10);
INSERT INTO audit_head (seq, mac, key_check) VALUES (0, repeat('0', 64), '');

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: the trail is only ever added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Rows may go only once the chain itself holds an `archived` row that names the cut.
CREATE FUNCTION refuse_audit_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM audit WHERE kind = 'archived' AND (detail ->> 'seq')::bigint >= OLD.seq) THEN
        RAISE EXCEPTION 'DELETE of audit is refused: row % is not archived', OLD.seq
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END
$$;

CREATE TRIGGER no_update BEFORE UPDATE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER no_delete BEFORE DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_delete();
CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER only_forward BEFORE UPDATE ON audit_head FOR EACH ROW
    WHEN (NEW.seq <> OLD.seq + 1 OR NOT NEW.single OR OLD.key_check NOT IN ('', NEW.key_check))
    EXECUTE FUNCTION refuse_audit_change();
ALTER TABLE audit ENABLE ALWAYS TRIGGER no_update;
ALTER TABLE audit ENABLE ALWAYS TRIGGER no_delete;
ALTER TABLE audit_head ENABLE ALWAYS TRIGGER no_delete;
ALTER TABLE audit_head ENABLE ALWAYS TRIGGER only_forward;

-- For the owner alone: forget what was exported and named by an `archived` row. Returns how many rows went.
CREATE FUNCTION audit_drop_archived() RETURNS bigint LANGUAGE sql AS $$
    WITH cut AS (
        SELECT (detail ->> 'seq')::bigint AS seq FROM audit WHERE kind = 'archived' ORDER BY audit.seq DESC LIMIT 1
    ), dropped AS (
        DELETE FROM audit USING cut WHERE audit.seq <= cut.seq RETURNING 1
    )
    SELECT count(*) FROM dropped
$$;
REVOKE EXECUTE ON FUNCTION audit_drop_archived() FROM PUBLIC;
