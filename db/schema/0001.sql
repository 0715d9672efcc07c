-- The store, first version.  One text for SQLite and PostgreSQL: only TEXT,
-- BIGINT and BYTEA; no expression that the two read differently.
--
-- Moments are seconds since 1970 and 0 while they have not happened.  Only
-- due_at columns can be NULL instead: NULL means that no work waits, so the
-- indexes over them hold nothing but waiting work.

CREATE TABLE schema_version (
	version BIGINT NOT NULL PRIMARY KEY,
	applied_at BIGINT NOT NULL
);

CREATE TABLE account (
	id TEXT NOT NULL PRIMARY KEY,
	thumbprint TEXT NOT NULL UNIQUE,
	jwk TEXT NOT NULL,
	contact TEXT NOT NULL,
	client_address TEXT,
	created_at BIGINT NOT NULL,
	tos_agreed_at BIGINT NOT NULL,
	tos_url TEXT,
	deactivated_at BIGINT NOT NULL,
	revoked_at BIGINT NOT NULL
);

CREATE TABLE orders (
	id TEXT NOT NULL PRIMARY KEY,
	account_id TEXT NOT NULL REFERENCES account (id),
	profile TEXT NOT NULL,
	language TEXT,
	created_at BIGINT NOT NULL,
	life_until BIGINT NOT NULL,
	identifier_count BIGINT NOT NULL,
	csr_at BIGINT NOT NULL DEFAULT 0,
	csr BYTEA,
	csr_jws BYTEA,
	csr_refused_count BIGINT NOT NULL DEFAULT 0,
	failed_at BIGINT NOT NULL DEFAULT 0,
	error TEXT,
	cert_id TEXT,
	cert_not_after BIGINT NOT NULL DEFAULT 0,
	issue_due_at BIGINT,
	issue_attempts BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX orders_created ON orders (created_at);
CREATE INDEX orders_unfinished ON orders (created_at)
	WHERE failed_at = 0 AND cert_id IS NULL;
CREATE INDEX orders_issue_due ON orders (issue_due_at)
	WHERE issue_due_at IS NOT NULL;

CREATE TABLE authz (
	id TEXT NOT NULL PRIMARY KEY,
	account_id TEXT NOT NULL REFERENCES account (id),
	order_id TEXT NOT NULL REFERENCES orders (id),
	mailbox TEXT NOT NULL,
	ident_type TEXT NOT NULL,
	ident_value TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	valid_at BIGINT NOT NULL DEFAULT 0,
	valid_until BIGINT NOT NULL DEFAULT 0,
	failed_at BIGINT NOT NULL DEFAULT 0,
	deactivated_at BIGINT NOT NULL DEFAULT 0,
	revoked_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX authz_valid ON authz (account_id, mailbox, valid_until)
	WHERE valid_at > 0;

CREATE TABLE order_identifier (
	order_id TEXT NOT NULL REFERENCES orders (id),
	place BIGINT NOT NULL,
	type TEXT NOT NULL,
	value TEXT NOT NULL,
	authz_id TEXT NOT NULL REFERENCES authz (id),
	PRIMARY KEY (order_id, place)
);
CREATE INDEX order_identifier_authz ON order_identifier (authz_id);

-- What of a challenge stays.  No value is ever offered twice: the hashes of
-- both halves are unique (PK-6).
CREATE TABLE challenge (
	id TEXT NOT NULL PRIMARY KEY,
	authz_id TEXT NOT NULL UNIQUE REFERENCES authz (id),
	token_part1_sha256 BYTEA NOT NULL UNIQUE,
	token_part2 TEXT NOT NULL,
	token_part2_sha256 BYTEA NOT NULL UNIQUE,
	thumbprint TEXT NOT NULL,
	from_address TEXT NOT NULL,
	message_id TEXT NOT NULL UNIQUE,
	posted_at BIGINT NOT NULL DEFAULT 0,
	proven_at BIGINT NOT NULL DEFAULT 0,
	failed_at BIGINT NOT NULL DEFAULT 0,
	error TEXT,
	soft_count BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX challenge_from ON challenge (from_address);

-- What of a challenge goes (ER-7, AC-113): two tables whose rows are written
-- once and deleted, so that pages with secrets empty and are overwritten.
CREATE TABLE part1 (
	challenge_id TEXT NOT NULL PRIMARY KEY REFERENCES challenge (id),
	expires_at BIGINT NOT NULL,
	octets BYTEA NOT NULL
);
CREATE INDEX part1_expires ON part1 (expires_at);

CREATE TABLE spool (
	challenge_id TEXT NOT NULL PRIMARY KEY REFERENCES challenge (id),
	message BYTEA NOT NULL
);

-- One row per challenge, ever (AC-117).  due_at NULL and not closed: held
-- until the mail of the place before it lets it go (AC-116).
CREATE TABLE outbox (
	challenge_id TEXT NOT NULL PRIMARY KEY REFERENCES challenge (id),
	order_id TEXT NOT NULL REFERENCES orders (id),
	place BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	due_at BIGINT,
	attempts BIGINT NOT NULL DEFAULT 0,
	sent_at BIGINT NOT NULL DEFAULT 0,
	failed_at BIGINT NOT NULL DEFAULT 0,
	closed_at BIGINT NOT NULL DEFAULT 0,
	relay_answer TEXT,
	code TEXT,
	error TEXT,
	UNIQUE (order_id, place)
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE due_at IS NOT NULL;

-- Every message read, once (ER-21).
CREATE TABLE reply (
	id TEXT NOT NULL PRIMARY KEY,
	source TEXT NOT NULL,
	uidvalidity BIGINT NOT NULL,
	uid BIGINT NOT NULL,
	challenge_id TEXT REFERENCES challenge (id),
	arrival BIGINT NOT NULL,
	recorded_at BIGINT NOT NULL,
	verdict TEXT NOT NULL,
	code TEXT,
	detail TEXT,
	evidence TEXT,
	raw BYTEA,
	raw_sha256 BYTEA,
	covered_hash BYTEA,
	seal BYTEA,
	error TEXT,
	due_at BIGINT,
	disposed_at BIGINT NOT NULL DEFAULT 0,
	UNIQUE (source, uidvalidity, uid)
);
CREATE INDEX reply_challenge ON reply (challenge_id, covered_hash);
CREATE INDEX reply_undisposed ON reply (source, uidvalidity, uid)
	WHERE disposed_at = 0;
CREATE INDEX reply_due ON reply (due_at) WHERE due_at IS NOT NULL;
-- The one match of a challenge (AC-114).
CREATE UNIQUE INDEX reply_match ON reply (challenge_id)
	WHERE verdict = 'match';

CREATE TABLE caa (
	id TEXT NOT NULL PRIMARY KEY,
	authz_id TEXT NOT NULL REFERENCES authz (id),
	account_id TEXT NOT NULL REFERENCES account (id),
	mailbox TEXT NOT NULL,
	domain TEXT NOT NULL,
	requested_at BIGINT NOT NULL,
	due_at BIGINT,
	attempts BIGINT NOT NULL DEFAULT 0,
	checked_at BIGINT NOT NULL DEFAULT 0,
	result TEXT,
	reason TEXT,
	detail TEXT,
	trace TEXT,
	br_version TEXT,
	ttl BIGINT NOT NULL DEFAULT 0,
	seal BYTEA,
	-- PK-1: no answer without the version of the requirements
	CHECK (checked_at = 0 OR (result IS NOT NULL AND br_version IS NOT NULL))
);
CREATE UNIQUE INDEX caa_open ON caa (authz_id) WHERE checked_at = 0;
CREATE INDEX caa_answered ON caa (authz_id, checked_at) WHERE checked_at > 0;
CREATE INDEX caa_due ON caa (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE cert (
	id TEXT NOT NULL PRIMARY KEY,
	order_id TEXT NOT NULL UNIQUE REFERENCES orders (id),
	account_id TEXT NOT NULL REFERENCES account (id),
	ca_label TEXT NOT NULL,
	serial TEXT NOT NULL,
	profile TEXT NOT NULL,
	profile_sha256 BYTEA NOT NULL,
	tbs BYTEA NOT NULL,
	signature_alg BYTEA NOT NULL,
	lint_report TEXT NOT NULL,
	evidence TEXT NOT NULL,
	br_version TEXT NOT NULL,
	spki_sha256 BYTEA NOT NULL,
	not_before BIGINT NOT NULL,
	not_after BIGINT NOT NULL,
	reserved_at BIGINT NOT NULL,
	issued_at BIGINT NOT NULL DEFAULT 0,
	der BYTEA,
	sha256 BYTEA,
	revoked_at BIGINT NOT NULL DEFAULT 0,
	reason BIGINT NOT NULL DEFAULT 0,
	UNIQUE (ca_label, serial)
);
CREATE INDEX cert_reserved ON cert (reserved_at);
CREATE INDEX cert_revoked ON cert (ca_label, serial) WHERE revoked_at > 0;

-- A number is taken when its row is committed, list or no list (PK-153).
CREATE TABLE crl (
	ca_label TEXT NOT NULL,
	number BIGINT NOT NULL,
	this_update BIGINT NOT NULL,
	next_update BIGINT NOT NULL,
	der BYTEA,
	PRIMARY KEY (ca_label, number)
);
CREATE INDEX crl_published ON crl (ca_label, number) WHERE der IS NOT NULL;

-- Append-only, hash-chained (PK-19 to PK-21).  Who appends first changes the
-- one row of audit_head, which makes the others wait.
CREATE TABLE audit (
	seq BIGINT NOT NULL PRIMARY KEY,
	at_ms BIGINT NOT NULL,
	actor TEXT NOT NULL,
	event TEXT NOT NULL,
	object TEXT NOT NULL,
	result TEXT NOT NULL,
	detail TEXT,
	hash BYTEA NOT NULL
);
CREATE INDEX audit_object ON audit (object, seq);

CREATE TABLE audit_head (
	id BIGINT NOT NULL PRIMARY KEY,
	seq BIGINT NOT NULL,
	hash BYTEA
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, NULL);
