-- All instants are nanoseconds since the Unix epoch, UTC.
-- `record` holds the value itself as JSON; the other columns are what is asked for.

CREATE TABLE alerts (
    id            TEXT    NOT NULL PRIMARY KEY,
    rule          TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    pending_since INTEGER NOT NULL,
    fired_at      INTEGER,
    last_updated  INTEGER NOT NULL,
    -- As text, because JSON and SQLite's REAL have no NaN.
    value         TEXT    NOT NULL,
    record        TEXT    NOT NULL
) STRICT;

CREATE INDEX alerts_open ON alerts (status) WHERE status <> 'resolved';
CREATE INDEX alerts_by_time ON alerts (COALESCE(fired_at, pending_since));

-- What must be said to whom. Written together with the alert, sent afterwards.
CREATE TABLE notifications (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- Of the alert, the transition and the receiver: nothing is said twice.
    key        TEXT    NOT NULL UNIQUE,
    receiver   TEXT    NOT NULL,
    alert_id   TEXT    NOT NULL,
    transition TEXT    NOT NULL CHECK (transition IN ('firing', 'resolved', 'test')),
    payload    TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('queued', 'sending', 'accepted', 'gave_up', 'cancelled')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    -- 1 when an attempt ended in doubt: it may have arrived.
    doubtful   INTEGER NOT NULL DEFAULT 0,
    created    INTEGER NOT NULL,
    due        INTEGER NOT NULL
) STRICT;

CREATE INDEX notifications_due ON notifications (receiver, due) WHERE state IN ('queued', 'sending');
CREATE INDEX notifications_of_alert ON notifications (alert_id, receiver);

-- What came of each attempt.
CREATE TABLE receipts (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    notification INTEGER NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    attempt      INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    outcome      TEXT    NOT NULL,
    status       INTEGER,
    reply        TEXT    NOT NULL
) STRICT;

CREATE INDEX receipts_of_notification ON receipts (notification);

CREATE TABLE recovery_runs (
    id      TEXT    NOT NULL PRIMARY KEY,
    agent   TEXT,
    outcome TEXT    NOT NULL,
    started INTEGER NOT NULL,
    record  TEXT    NOT NULL
) STRICT;

CREATE INDEX recovery_runs_by_time ON recovery_runs (started);
CREATE INDEX recovery_runs_of_agent ON recovery_runs (agent, started);

CREATE TABLE agents (
    id         TEXT    NOT NULL PRIMARY KEY,
    first_seen INTEGER NOT NULL,
    saved      INTEGER NOT NULL,
    totals     TEXT    NOT NULL,
    status     TEXT    NOT NULL
) STRICT;

CREATE TABLE users (
    name          TEXT    NOT NULL PRIMARY KEY COLLATE NOCASE,
    role          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    created       INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    token_hash BLOB    NOT NULL PRIMARY KEY,
    user       TEXT    NOT NULL COLLATE NOCASE REFERENCES users (name) ON DELETE CASCADE,
    created    INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    expires    INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_of_user ON sessions (user);

CREATE TABLE api_tokens (
    name       TEXT    NOT NULL PRIMARY KEY,
    token_hash BLOB    NOT NULL UNIQUE,
    role       TEXT    NOT NULL,
    scopes     TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    expires    INTEGER,
    last_used  INTEGER
) STRICT;

-- At most one: the link by which the first administrator is made.
CREATE TABLE setup_token (
    only       INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    token_hash BLOB    NOT NULL,
    created    INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    outcome TEXT    NOT NULL,
    address TEXT,
    detail  TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_by_time ON audit (at);
