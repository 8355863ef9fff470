"""The tables of the journal. Events are the truth; the rest follows from them.

Nothing but `spool` holds a citizen's data, and only until the job has ended.
"""

from __future__ import annotations

import re

APPLICATION_ID = 0x424C4B4F  # "BLKO": says whose file this is
VERSION = 1

BESIDE = frozenset({"meta", "events", "head", "spool", "ack"})
"""Tables that no replay of the events makes; every other table follows from them."""

_TEXT = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- The chain, as the centre gets it: no is unbroken, line is hash, JSON and newline.
CREATE TABLE events (no INTEGER PRIMARY KEY, job TEXT, line BLOB NOT NULL);
CREATE INDEX events_of_job ON events (job, no) WHERE job IS NOT NULL;
CREATE TRIGGER events_stand BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'an event is never changed'); END;
CREATE TRIGGER events_stay BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'an event is never deleted'); END;

-- The newest event, so that events missing at the end are missed.
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    no INTEGER NOT NULL,
    hash TEXT NOT NULL
);

CREATE TABLE jobs (
    job_id TEXT PRIMARY KEY,
    queue_no INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload_sha256 TEXT NOT NULL,
    accepted_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    not_before TEXT,
    blanks INTEGER NOT NULL,
    side_count INTEGER NOT NULL,
    ribbon TEXT,
    state TEXT NOT NULL,
    reasons TEXT NOT NULL,  -- JSON list: why it is held, stopped or aborted
    attempts INTEGER NOT NULL,
    spoiled INTEGER NOT NULL,
    ended INTEGER NOT NULL,  -- 0, or the number of the event that ended it
    reject_asked INTEGER NOT NULL  -- 1: a person saw its card inside the printer
) WITHOUT ROWID;
CREATE INDEX jobs_open ON jobs (queue_no, job_id) WHERE ended = 0;
CREATE INDEX jobs_ended ON jobs (ended) WHERE ended > 0;
CREATE INDEX jobs_state ON jobs (state);
CREATE INDEX jobs_first ON jobs (subject) WHERE kind = 'first';

CREATE TABLE attempts (
    job_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    stage TEXT NOT NULL,  -- the last one written before its motion
    outcome TEXT,  -- NULL while it is open
    evidence TEXT NOT NULL,  -- JSON: what was seen before the feed
    expected TEXT NOT NULL,  -- JSON: what the counters move by for a whole card
    digest TEXT NOT NULL,  -- of the panels that are sent
    destination TEXT,  -- of the stage `delivering`
    canary TEXT,  -- as it stood when evidence was written last
    broken INTEGER NOT NULL,  -- 1: a fault, a hand or a power cut was seen since
    PRIMARY KEY (job_id, attempt)
) WITHOUT ROWID;
CREATE INDEX attempts_open ON attempts (job_id) WHERE outcome IS NULL;

CREATE TABLE spool (job_id TEXT PRIMARY KEY, sealed BLOB NOT NULL);
CREATE TABLE stock (
    item TEXT NOT NULL,  -- blank or old-card
    place TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (item, place)
) WITHOUT ROWID;
-- Movements that wait for their second identity; no is that of their event.
CREATE TABLE unconfirmed (
    no INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    job TEXT,
    movement TEXT NOT NULL,  -- JSON: item, cause, source, destination, count
    reported INTEGER NOT NULL  -- 1: it is too late, and an incident says so
);
-- Wrong PINs in a row; gone with the first right one.
CREATE TABLE pins (
    person TEXT PRIMARY KEY,
    wrong INTEGER NOT NULL,
    locked_until TEXT
) WITHOUT ROWID;
-- Whose word it is that no card starts, or this job not.
CREATE TABLE pauses (owner TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE holds (
    job_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    word TEXT NOT NULL,  -- what the job's reasons say of it
    PRIMARY KEY (job_id, owner)
) WITHOUT ROWID;
-- Every document that the centre sent as a command, and its answer.
CREATE TABLE commands (
    payload_sha256 TEXT PRIMARY KEY,
    command_id TEXT NOT NULL,
    command_no INTEGER,
    command TEXT,
    result TEXT NOT NULL,
    detail TEXT NOT NULL,
    job TEXT,
    no INTEGER NOT NULL  -- of the event
) WITHOUT ROWID;
CREATE INDEX commands_of_id ON commands (command_id);
-- Jobs that were withdrawn before they came.
CREATE TABLE withdrawn (job_id TEXT PRIMARY KEY, until TEXT NOT NULL) WITHOUT ROWID;
-- Uses of the printer, as far as a rest or a test may follow from them.
CREATE TABLE wear (
    what TEXT NOT NULL,
    no INTEGER NOT NULL,
    boot TEXT NOT NULL,
    mono INTEGER NOT NULL,
    at TEXT NOT NULL,
    sure INTEGER NOT NULL,
    PRIMARY KEY (what, no)
) WITHOUT ROWID;
CREATE TABLE latest (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE faults (reason TEXT PRIMARY KEY) WITHOUT ROWID;

-- The centre's newest signed word on how much it holds.
CREATE TABLE ack (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    no INTEGER NOT NULL,
    hash TEXT NOT NULL,
    raw BLOB NOT NULL
);
"""

# SQLite keeps the text, and a journal is held against it at each start: one with a
# better comment here, or another line break, must not make every ledger damaged.
TABLES = " ".join(re.sub("--.*", "", _TEXT).split())
