-- The rest of the protocol: external account binding, key change, former
-- validations without an order, replacement, revocation, limits.

ALTER TABLE account ADD COLUMN eab_kid TEXT;
-- externalAccountBinding as it was received (AC-64)
ALTER TABLE account ADD COLUMN eab TEXT;
CREATE INDEX account_eab ON account (eab_kid) WHERE eab_kid IS NOT NULL;
CREATE INDEX account_created ON account (created_at);
CREATE INDEX account_deactivated ON account (created_at)
	WHERE deactivated_at > 0;
CREATE INDEX account_revoked ON account (created_at) WHERE revoked_at > 0;

-- Keys that an account had before (AC-81, AC-135).  The request that replaced
-- one is signed by it and by its successor, so the row proves itself: place
-- counts from 0, and the successor of the last one is the account's key.
CREATE TABLE account_key (
	account_id TEXT NOT NULL REFERENCES account (id),
	place BIGINT NOT NULL,
	thumbprint TEXT NOT NULL,
	jwk TEXT NOT NULL,
	request BYTEA NOT NULL,
	retired_at BIGINT NOT NULL,
	PRIMARY KEY (account_id, place)
);
CREATE INDEX account_key_thumbprint ON account_key (thumbprint);

-- Keys for external account binding (AC-76 to AC-79).  The secret is sealed
-- with a key that is not in the database.
CREATE TABLE eab_key (
	kid TEXT NOT NULL PRIMARY KEY,
	secret BYTEA NOT NULL,
	comment TEXT,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	withdrawn_at BIGINT NOT NULL DEFAULT 0,
	is_reusable BIGINT NOT NULL,
	bound_at BIGINT NOT NULL DEFAULT 0,
	-- JSON: arrays of texts, and limits by name; NULL: the server's own
	allow TEXT,
	profiles TEXT,
	limits TEXT
);
CREATE INDEX eab_key_created ON eab_key (created_at);

-- A validation that was asked for by newAuthz stands on a row of its own in
-- orders, which no client ever sees: mail, language and life are an order's.
ALTER TABLE orders ADD COLUMN is_preauth BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN not_after BIGINT NOT NULL DEFAULT 0;
-- As sent, and the certificate that it names (AC-170)
ALTER TABLE orders ADD COLUMN replaces TEXT;
ALTER TABLE orders ADD COLUMN replaces_cert_id TEXT;
CREATE INDEX orders_of_account ON orders (account_id, created_at, id)
	WHERE failed_at = 0 AND is_preauth = 0;

-- What of an account still waits for a reply (AC-183)
CREATE INDEX authz_pending ON authz (account_id, expires_at)
	WHERE valid_at = 0 AND failed_at = 0
	AND deactivated_at = 0 AND revoked_at = 0;
CREATE INDEX authz_pending_mailbox ON authz (account_id, mailbox, expires_at)
	WHERE valid_at = 0 AND failed_at = 0
	AND deactivated_at = 0 AND revoked_at = 0;

-- The order that replaces the certificate, while it is not invalid (AC-171);
-- the signed request that revoked it, or who did.
ALTER TABLE cert ADD COLUMN replaced_by TEXT;
ALTER TABLE cert ADD COLUMN revoked_by TEXT;
ALTER TABLE cert ADD COLUMN revocation BYTEA;
-- Revoked, or for another reason than before: since when the next list waits
-- for it.  NULL again when that list is published (PK-156, PK-182).
ALTER TABLE cert ADD COLUMN list_due_at BIGINT;
CREATE INDEX cert_list_due ON cert (ca_label, list_due_at)
	WHERE list_due_at IS NOT NULL;
CREATE INDEX cert_sha256 ON cert (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX cert_serial ON cert (serial);
CREATE INDEX cert_spki ON cert (spki_sha256, not_after);

-- Keys that get no certificate and no account (AC-44, AC-158): for everybody
-- (account_id empty), or for one account.
CREATE TABLE blocked_key (
	spki_sha256 BYTEA NOT NULL,
	account_id TEXT NOT NULL,
	blocked_at BIGINT NOT NULL,
	source TEXT NOT NULL,
	PRIMARY KEY (spki_sha256, account_id)
);

CREATE INDEX blocked_key_at ON blocked_key (blocked_at);

-- Limits (AC-180 to AC-191): when the bucket is full again, in milliseconds,
-- says how full it is now; takes: the moments themselves, where no window may
-- hold more.
CREATE TABLE bucket (
	name TEXT NOT NULL,
	subject TEXT NOT NULL,
	full_at_ms BIGINT NOT NULL,
	takes TEXT,
	PRIMARY KEY (name, subject)
);
CREATE INDEX bucket_full ON bucket (full_at_ms);

-- Mailboxes that asked not to be written to (AC-90, AC-189), as they are
-- counted: domain and local part in lower case, without +suffix.
CREATE TABLE suppressed (
	mailbox TEXT NOT NULL PRIMARY KEY,
	since BIGINT NOT NULL,
	until BIGINT NOT NULL,
	source TEXT NOT NULL
);

-- Random octets that all processes of this database share and no client
-- knows; made when the database is migrated.
CREATE TABLE secret (
	name TEXT NOT NULL PRIMARY KEY,
	octets BYTEA NOT NULL
);
