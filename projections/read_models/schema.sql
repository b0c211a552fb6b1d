-- The read models of one server: disposable, the log is the truth.
-- Every time is a whole number of microseconds since 1970, UTC.
-- Measured: an index on "user", service or time makes no query faster (the columns
-- are scanned by zone maps) and every flush slower, so there is none. `events` has no
-- index at all: its rows lie in the order of their positions.

CREATE TABLE checkpoint (
    name VARCHAR NOT NULL, -- a projection; all of them move together
    position BIGINT NOT NULL,
    sha256 VARCHAR NOT NULL, -- of the message at the position
    digest VARCHAR NOT NULL, -- running, over every message
    log_created_at BIGINT
);

CREATE TABLE events (
    position BIGINT NOT NULL,
    "at" BIGINT NOT NULL,
    by_ VARCHAR NOT NULL,
    command_id VARCHAR NOT NULL,
    type VARCHAR NOT NULL,
    job_id VARCHAR, -- these four where the event itself names one
    service VARCHAR,
    "user" VARCHAR,
    client_id VARCHAR,
    data VARCHAR NOT NULL -- the whole message, as the log holds it: JSON
);

CREATE TABLE jobs (
    job_id VARCHAR PRIMARY KEY,
    number BIGINT NOT NULL,
    service VARCHAR NOT NULL,
    "user" VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    client_id VARCHAR,
    incarnation VARCHAR,
    submitted_position BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    assigned_at BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    cancel_requested BOOLEAN NOT NULL,
    reason VARCHAR,
    line INTEGER,
    exit_code INTEGER,
    signal INTEGER,
    labels VARCHAR[] NOT NULL,
    bundle_id VARCHAR NOT NULL,
    bundle_sha256 VARCHAR NOT NULL,
    bundle_size BIGINT NOT NULL,
    results_manifest_sha256 VARCHAR,
    results_size BIGINT,
    results_files BIGINT,
    wall_ms BIGINT,
    user_cpu_ms BIGINT,
    system_cpu_ms BIGINT,
    max_rss_kib BIGINT,
    body_digest VARCHAR NOT NULL,
    outcome_digest VARCHAR NOT NULL,
    position BIGINT NOT NULL, -- of its last event
    original_number BIGINT, -- of an imported job
    warnings VARCHAR[] NOT NULL -- each rule:line, of the script policy
);

CREATE INDEX jobs_number ON jobs (number);

CREATE TABLE services (
    name VARCHAR PRIMARY KEY,
    runs_per_user INTEGER NOT NULL,
    max_runs INTEGER NOT NULL,
    source VARCHAR NOT NULL,
    retired BOOLEAN NOT NULL,
    position BIGINT NOT NULL
);

CREATE TABLE clients (
    client_id VARCHAR PRIMARY KEY,
    name VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    incarnation VARCHAR NOT NULL,
    slots INTEGER NOT NULL,
    services VARCHAR[] NOT NULL,
    status VARCHAR NOT NULL,
    joined_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    position BIGINT NOT NULL
);
