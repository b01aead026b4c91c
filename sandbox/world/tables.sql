-- The tables that the runbooks query, in a schema of their own, so that nobody's real table is ever touched.

CREATE SCHEMA demo;
COMMENT ON SCHEMA demo IS 'handrail demo world';
SET LOCAL search_path TO demo;

CREATE TABLE businesses (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    business_name text NOT NULL,
    phone_number text,
    retell_agent_id text,
    hubspot_company_id text,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE integration_logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    source text NOT NULL,
    operation text NOT NULL,
    level text NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error', 'critical')),
    message text NOT NULL,
    details_json jsonb NOT NULL DEFAULT '{}',
    duration_ms integer,
    business_id uuid REFERENCES businesses
);
CREATE INDEX ON integration_logs (created_at DESC);

CREATE TABLE workflow_execution_logs (
    execution_id text PRIMARY KEY,
    workflow_id text NOT NULL,
    workflow_name text NOT NULL,
    status text NOT NULL CHECK (status IN ('success', 'error', 'running', 'canceled')),
    error_message text,
    error_details_json jsonb,
    nodes_executed integer NOT NULL DEFAULT 0,
    nodes_failed integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL,
    finished_at timestamptz
);

CREATE TABLE rate_limits (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    identifier text NOT NULL,
    endpoint text NOT NULL,
    request_count integer NOT NULL DEFAULT 0,
    window_start timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON rate_limits (identifier);

CREATE TABLE ip_allow_list (
    network inet PRIMARY KEY,
    note text,
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TYPE campaign_status AS ENUM ('draft', 'active', 'paused', 'ended');

CREATE TABLE campaigns (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    channel text NOT NULL CHECK (channel IN ('email', 'sms', 'voice', 'ads')),
    status campaign_status NOT NULL,
    sent_today integer NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE toll_free_numbers (
    number text PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('available', 'assigned', 'suspended')),
    assigned_to uuid REFERENCES businesses,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_metrics (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL,
    service text NOT NULL,
    endpoint text NOT NULL,
    requests integer NOT NULL,
    errors integer NOT NULL,
    p95_ms integer NOT NULL
);

CREATE TABLE api_call_logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL,
    function_name text NOT NULL,
    status text NOT NULL,
    error_message text
);

CREATE TABLE compliance_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL,
    channel text NOT NULL,
    event_type text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}'
);

CREATE FUNCTION cleanup_old_logs(integration_days integer, workflow_days integer, metrics_days integer)
RETURNS bigint LANGUAGE sql AS $$
    WITH integration AS (
        DELETE FROM demo.integration_logs WHERE created_at < now() - make_interval(days => integration_days) RETURNING 1
    ), workflow AS (
        DELETE FROM demo.workflow_execution_logs WHERE started_at < now() - make_interval(days => workflow_days) RETURNING 1
    ), metrics AS (
        DELETE FROM demo.api_metrics WHERE created_at < now() - make_interval(days => metrics_days) RETURNING 1
    )
    SELECT (SELECT count(*) FROM integration) + (SELECT count(*) FROM workflow) + (SELECT count(*) FROM metrics)
$$;
