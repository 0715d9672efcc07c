-- Certificate status: shards of the revocation list, OCSP answers.

-- PK-154: chosen when the certificate is made, and never changed.
ALTER TABLE cert ADD COLUMN shard BIGINT NOT NULL DEFAULT 0;
DROP INDEX cert_revoked;
CREATE INDEX cert_revoked_shard ON cert (ca_label, shard, serial)
	WHERE revoked_at > 0;
DROP INDEX cert_list_due;
CREATE INDEX cert_list_due_shard ON cert (ca_label, shard, list_due_at)
	WHERE list_due_at IS NOT NULL;

-- Numbers are counted per CA, so they grow in each shard too (PK-153).
ALTER TABLE crl ADD COLUMN shard BIGINT NOT NULL DEFAULT 0;
DROP INDEX crl_published;
CREATE INDEX crl_published_shard ON crl (ca_label, shard, number)
	WHERE der IS NOT NULL;

-- The shards that certificates name, and by which URL (PK-155).
CREATE TABLE crl_shard (
	ca_label TEXT NOT NULL,
	shard BIGINT NOT NULL,
	url TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (ca_label, shard)
);

-- Revoked, or for another reason than before: since when the OCSP answer waits
-- for it (PK-169).
ALTER TABLE cert ADD COLUMN ocsp_due_at BIGINT;
CREATE INDEX cert_ocsp_due ON cert (ca_label, ocsp_due_at)
	WHERE ocsp_due_at IS NOT NULL;
CREATE INDEX cert_ocsp_due_octet ON cert
	(ca_label, substr(serial, length(serial) - 1), ocsp_due_at)
	WHERE ocsp_due_at IS NOT NULL;
-- All numbers that end with the same octet
CREATE INDEX cert_last_octet ON cert
	(ca_label, substr(serial, length(serial) - 1), not_after);

-- Answers signed in advance, for numbers that end with the same octet
-- (pki/ocsp_segment.h); each change makes the next generation.
CREATE TABLE ocsp_segment (
	ca_label TEXT NOT NULL,
	segment BIGINT NOT NULL,
	generation BIGINT NOT NULL,
	refresh_at BIGINT NOT NULL,
	octets BYTEA NOT NULL,
	PRIMARY KEY (ca_label, segment)
);

-- Delegated responder certificates: the number is committed before the
-- signature, as for others (PK-144).
CREATE TABLE responder (
	ca_label TEXT NOT NULL,
	serial TEXT NOT NULL,
	tbs BYTEA NOT NULL,
	lint_report TEXT NOT NULL,
	br_version TEXT NOT NULL,
	not_after BIGINT NOT NULL,
	reserved_at BIGINT NOT NULL,
	issued_at BIGINT NOT NULL DEFAULT 0,
	der BYTEA,
	-- Who has the key: the issuer, or the responder (PK-177).
	holder TEXT NOT NULL,
	PRIMARY KEY (ca_label, serial)
);

-- Since when the issuer has failed to sign it by faults of its own (AC-145).
ALTER TABLE orders ADD COLUMN issue_fault_at BIGINT NOT NULL DEFAULT 0;

-- Issuance that was stopped (PK-45), incidents (PK-185 to PK-194).

-- What is stopped now: a handful of rows; what was, is in the audit chain.
CREATE TABLE issuance_stop (
	scope TEXT NOT NULL, -- all, profile, domain, issuer, signing
	value TEXT NOT NULL, -- empty with all
	reason TEXT NOT NULL,
	stopped_by TEXT NOT NULL,
	stopped_at BIGINT NOT NULL,
	PRIMARY KEY (scope, value)
);

-- A set of certificates that must go by a deadline.  It is frozen in the
-- transaction that opens the incident; due_at is the next moment at which the
-- issuer looks at it, NULL once it has ended.
CREATE TABLE incident (
	id TEXT NOT NULL PRIMARY KEY,
	cause TEXT NOT NULL,
	selector TEXT NOT NULL, -- JSON, as it was asked for
	reason BIGINT NOT NULL,
	known_at BIGINT NOT NULL,
	deadline BIGINT NOT NULL,
	opened_by TEXT NOT NULL,
	opened_at BIGINT NOT NULL,
	cert_count BIGINT NOT NULL DEFAULT 0,
	cancel_asked_by TEXT,
	cancelled_by TEXT,
	cancelled_at BIGINT NOT NULL DEFAULT 0,
	finished_at BIGINT NOT NULL DEFAULT 0,
	due_at BIGINT
);
CREATE INDEX incident_due ON incident (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX incident_opened ON incident (opened_at, id);

CREATE TABLE incident_cert (
	incident_id TEXT NOT NULL REFERENCES incident (id),
	cert_id TEXT NOT NULL REFERENCES cert (id),
	done_at BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (incident_id, cert_id)
);
CREATE INDEX incident_cert_cert ON incident_cert (cert_id);
CREATE INDEX incident_cert_waiting ON incident_cert (incident_id, cert_id)
	WHERE done_at = 0;

-- Mails that tell subscribers of an incident (PK-185), reporters and subscribers
-- of what became of a problem report (PK-184), and whoever must answer a mail
-- that a certificate can be renewed (PK-191): one for each address.  message is
-- what every attempt sends.
CREATE TABLE notice (
	-- An incident's id, report:N:answer or :decision, renewal:CERT.
	about TEXT NOT NULL,
	mailbox TEXT NOT NULL,
	language TEXT, -- as the client of an order asked for, or NULL
	words TEXT, -- of a report: what the operator says
	deadline BIGINT NOT NULL DEFAULT 0, -- of the incident, or notAfter
	expires_at BIGINT NOT NULL,
	due_at BIGINT, -- NULL once it has ended
	attempts BIGINT NOT NULL DEFAULT 0,
	sent_at BIGINT NOT NULL DEFAULT 0,
	failed_at BIGINT NOT NULL DEFAULT 0,
	answer TEXT, -- the relay's last word, or ours
	message BYTEA,
	message_id TEXT, -- with <>, once it was rendered
	bounced_at BIGINT NOT NULL DEFAULT 0,
	bounce TEXT, -- what the report of delivery said
	PRIMARY KEY (about, mailbox)
);
CREATE INDEX notice_due ON notice (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX notice_message ON notice (message_id)
	WHERE message_id IS NOT NULL;

-- Requests that another CA answers (pki.md section 17).

-- id is the idempotency key (PK-217).  The request and its seal are the
-- issuer's, token and token_seal the upstream role's.
CREATE TABLE handoff (
	id TEXT NOT NULL PRIMARY KEY,
	order_id TEXT NOT NULL UNIQUE REFERENCES orders (id),
	created_at BIGINT NOT NULL,
	request TEXT NOT NULL,
	seal BYTEA NOT NULL,
	stage TEXT NOT NULL,
	token TEXT,
	token_seal BYTEA,
	attempts BIGINT NOT NULL DEFAULT 0,
	due_at BIGINT,
	-- what the other CA asked us to wait
	retry_secs BIGINT NOT NULL DEFAULT 0,
	answer BYTEA,
	error TEXT
);
CREATE INDEX handoff_created ON handoff (created_at);
CREATE INDEX handoff_due ON handoff (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX handoff_held ON handoff (created_at) WHERE stage = 'held';

-- Certificates that the other CA is to revoke: ours (cert_id), or what it sent
-- in place of what was asked for (PK-216, PK-220).
CREATE TABLE withdrawal (
	id TEXT NOT NULL PRIMARY KEY,
	cert_id TEXT UNIQUE REFERENCES cert (id),
	der BYTEA NOT NULL,
	reason BIGINT NOT NULL,
	asked_at BIGINT NOT NULL,
	due_at BIGINT,
	attempts BIGINT NOT NULL DEFAULT 0,
	confirmed_at BIGINT NOT NULL DEFAULT 0,
	-- to whoever asked for it
	told_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX withdrawal_due ON withdrawal (due_at) WHERE due_at IS NOT NULL;

-- When the other CA wants its certificates renewed (PK-220); end_at 0: it has
-- not said.
CREATE TABLE upstream_window (
	cert_id TEXT NOT NULL PRIMARY KEY REFERENCES cert (id),
	due_at BIGINT,
	start_at BIGINT NOT NULL DEFAULT 0,
	end_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX upstream_window_due ON upstream_window (due_at)
	WHERE due_at IS NOT NULL;

-- SHA-256 of the terms that the account agreed to, in hexadecimal (PK-10).
ALTER TABLE account ADD COLUMN tos_sha256 TEXT;

-- The daily look at all unexpired certificates (PK-188): one row, made by the
-- issuer, and what it has found, once for each certificate.
CREATE TABLE recheck (
	id BIGINT NOT NULL PRIMARY KEY, -- 1
	rules TEXT NOT NULL, -- what they are checked against
	due_at BIGINT NOT NULL,
	started_at BIGINT NOT NULL, -- 0: not under way
	after_id TEXT NOT NULL, -- certificates up to here are done
	checked BIGINT NOT NULL,
	unlinted BIGINT NOT NULL,
	-- whose row contradicts them
	spoiled BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE recheck_finding (
	cert_id TEXT NOT NULL PRIMARY KEY REFERENCES cert (id),
	cause TEXT NOT NULL, -- of an incident
	detail TEXT NOT NULL,
	found_at BIGINT NOT NULL,
	incident_id TEXT REFERENCES incident (id)
);
CREATE INDEX recheck_finding_new ON recheck_finding (cause)
	WHERE incident_id IS NULL;
CREATE INDEX incident_draft ON incident (id)
	WHERE due_at IS NULL AND finished_at = 0 AND cancelled_at = 0;

-- CAA checks that are one round of questions (MP-9), and those in which remote
-- perspectives saw the key that authenticated the reply (PK-47).
ALTER TABLE caa ADD COLUMN order_id TEXT;
CREATE INDEX caa_of_order ON caa (order_id) WHERE checked_at = 0;
ALTER TABLE caa ADD COLUMN key_agreed BIGINT NOT NULL DEFAULT 0;
CREATE INDEX caa_key_agreed ON caa (authz_id, checked_at)
	WHERE key_agreed = 1;

-- What was found out in an attempt that was followed by another one, since it
-- could not be looked up or too few perspectives answered (PK-17, PK-55): as
-- in caa, under the validator's seal.
CREATE TABLE caa_round (
	caa_id TEXT NOT NULL REFERENCES caa (id),
	attempt BIGINT NOT NULL,
	checked_at BIGINT NOT NULL,
	result TEXT NOT NULL,
	reason TEXT NOT NULL,
	detail TEXT,
	trace TEXT NOT NULL,
	br_version TEXT NOT NULL,
	ttl BIGINT NOT NULL,
	seal BYTEA NOT NULL,
	PRIMARY KEY (caa_id, attempt)
);

-- How long records are kept (PK-22, db/store_purge.h).  keep_from: the moment
-- from which the retention of the row counts, as far as it was known when the
-- row was made or looked at last; 0: never looked at.  It says when to look
-- again, not when to delete: before a row goes, its date is worked out from
-- what stands on it by then.
ALTER TABLE orders ADD COLUMN keep_from BIGINT DEFAULT 0;
-- NULL: all but the bare row is gone; it stands for the sake of validations
-- that others used too.
CREATE INDEX orders_keep_issued ON orders (keep_from, id)
	WHERE cert_id IS NOT NULL;
CREATE INDEX orders_keep_other ON orders (keep_from, id)
	WHERE cert_id IS NULL;
ALTER TABLE authz ADD COLUMN keep_from BIGINT NOT NULL DEFAULT 0;
CREATE INDEX authz_keep_valid ON authz (keep_from, id) WHERE valid_at > 0;
CREATE INDEX authz_keep_other ON authz (keep_from, id) WHERE valid_at = 0;
CREATE INDEX authz_order ON authz (order_id);
-- Of one account, for its erasure (PK-23)
CREATE INDEX orders_other_account ON orders (account_id, keep_from, id)
	WHERE cert_id IS NULL;
CREATE INDEX authz_other_account ON authz (account_id, keep_from, id)
	WHERE valid_at = 0;
ALTER TABLE incident ADD COLUMN keep_from BIGINT NOT NULL DEFAULT 0;
CREATE INDEX incident_keep ON incident (keep_from, id);
CREATE INDEX recheck_finding_incident ON recheck_finding (incident_id)
	WHERE incident_id IS NOT NULL;
-- As caa_open did, this lets one check of each authorization be open.
DROP INDEX caa_open;
CREATE UNIQUE INDEX caa_authz ON caa
	(authz_id, (CASE WHEN checked_at = 0 THEN '' ELSE id END));
CREATE INDEX crl_old ON crl (next_update) WHERE der IS NOT NULL;
CREATE INDEX crl_old_number ON crl (next_update) WHERE der IS NULL;
CREATE INDEX ocsp_segment_old ON ocsp_segment (refresh_at);
CREATE INDEX responder_old ON responder (not_after);

-- Numbers whose certificates were purged: none is given again (PK-143).
CREATE TABLE used_serial (
	ca_label TEXT NOT NULL,
	serial TEXT NOT NULL,
	PRIMARY KEY (ca_label, serial)
);

-- Hashes of token halves whose challenges were purged before the retention
-- time was over: none is offered again until then (PK-6).
CREATE TABLE used_token (
	sha256 BYTEA NOT NULL PRIMARY KEY,
	keep_from BIGINT NOT NULL
);
CREATE INDEX used_token_keep ON used_token (keep_from);

-- When to look at an audit record again, as keep_from elsewhere; no field of
-- it is hashed.
ALTER TABLE audit ADD COLUMN keep_from BIGINT NOT NULL DEFAULT 0;
CREATE INDEX audit_keep ON audit (keep_from, seq);
-- What stands in the chain for records that were purged: all from one to the
-- other, the hash before them and that of the last, under the issuer's seal and,
-- with a key for it, under its signature (PK-21).
CREATE TABLE audit_gap (
	from_seq BIGINT NOT NULL PRIMARY KEY,
	to_seq BIGINT NOT NULL UNIQUE,
	before_hash BYTEA NOT NULL,
	after_hash BYTEA NOT NULL,
	newest_at BIGINT NOT NULL, -- when the newest of them was written
	purged_at BIGINT NOT NULL, -- the last of them
	seal BYTEA NOT NULL,
	spki_sha256 BYTEA, -- of the key that signed it
	signature BYTEA
);
-- What the newest record was, once a day, under the issuer's seal and, with a
-- key for it, under a signature that no other role can make (PK-21).
CREATE TABLE audit_mark (
	seq BIGINT NOT NULL PRIMARY KEY,
	at BIGINT NOT NULL,
	hash BYTEA NOT NULL,
	seal BYTEA NOT NULL,
	spki_sha256 BYTEA, -- of the key that signed it
	signature BYTEA
);
-- CA keys that have ended: since the later of their destruction and the end of
-- the last CA certificate (PK-22).
CREATE TABLE ca_key_end (
	ca_label TEXT NOT NULL PRIMARY KEY,
	ended_at BIGINT NOT NULL
);
-- How many of the last hour (PK-204).
CREATE INDEX responder_reserved ON responder (ca_label, reserved_at);

-- PK-23: raw is a CMS structure that only the holder of a key elsewhere can
-- open.  wrap_at: when to see whether it may become one; NULL: it is one, or
-- there is nothing to encrypt.
-- PK-1: br_version is written with the verdict; a row without one is refused,
-- which no column that is added can do.  What stands there of former rows is
-- what all versions implemented that made them.
-- is_disposed: whether, no longer when: SQLite stores 0 and 1 in the same room,
-- so that a message that is put away changes no more of its row than this.
CREATE TABLE reply_now (
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
	br_version TEXT NOT NULL,
	raw BYTEA,
	raw_sha256 BYTEA,
	covered_hash BYTEA,
	seal BYTEA,
	error TEXT,
	due_at BIGINT,
	is_disposed BIGINT NOT NULL DEFAULT 0,
	is_wrapped BIGINT NOT NULL DEFAULT 0,
	wrap_at BIGINT DEFAULT 0,
	UNIQUE (source, uidvalidity, uid)
);
INSERT INTO reply_now (id, source, uidvalidity, uid, challenge_id, arrival,
	recorded_at, verdict, code, detail, evidence, br_version, raw, raw_sha256,
	covered_hash, seal, error, due_at, is_disposed)
SELECT id, source, uidvalidity, uid, challenge_id, arrival,
	recorded_at, verdict, code, detail, evidence, 'SBR 1.0.16, TBR 2.2.7', raw,
	raw_sha256, covered_hash, seal, error, due_at,
	CASE WHEN disposed_at > 0 THEN 1 ELSE 0 END
FROM reply;
DROP TABLE reply;
ALTER TABLE reply_now RENAME TO reply;
CREATE INDEX reply_challenge ON reply (challenge_id, covered_hash);
CREATE INDEX reply_undisposed ON reply (source, uidvalidity, uid)
	WHERE is_disposed = 0;
CREATE INDEX reply_due ON reply (due_at) WHERE due_at IS NOT NULL;
CREATE UNIQUE INDEX reply_match ON reply (challenge_id)
	WHERE verdict = 'match';
CREATE INDEX reply_stray ON reply (challenge_id, recorded_at, id)
	WHERE challenge_id IS NULL;
CREATE INDEX reply_wrap ON reply (wrap_at, id) WHERE wrap_at IS NOT NULL;

-- Admins (PK-206).  No login of a role may use these tables (db/grants.c): the
-- commands log in as the database's owner.
CREATE TABLE admin (
	name TEXT NOT NULL PRIMARY KEY,
	role TEXT NOT NULL, -- auditor, operator, approver
	scrypt_n BIGINT NOT NULL,
	scrypt_r BIGINT NOT NULL,
	scrypt_p BIGINT NOT NULL,
	salt BYTEA NOT NULL,
	hash BYTEA NOT NULL,
	asked_by TEXT, -- NULL: the first
	asked_at BIGINT NOT NULL,
	approved_by TEXT,
	approved_at BIGINT NOT NULL DEFAULT 0,
	disabled_by TEXT,
	disabled_at BIGINT NOT NULL DEFAULT 0
);
-- Their client keys: of each at most one that has signed a command and has not
-- ended, and one that takes its place with the first command that it signs.
-- One key is one person's, for ever: else one could approve what one asked for,
-- and records could not be verified later.
CREATE TABLE admin_key (
	spki BYTEA NOT NULL PRIMARY KEY,
	name TEXT NOT NULL REFERENCES admin (name),
	not_after BIGINT NOT NULL DEFAULT 0, -- 0: no certificate
	set_by TEXT, -- NULL: with the first admin
	set_at BIGINT NOT NULL,
	proven_at BIGINT NOT NULL DEFAULT 0, -- 0: has not signed anything yet
	ended_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX admin_key_used ON admin_key (name)
	WHERE proven_at > 0 AND ended_at = 0;
CREATE UNIQUE INDEX admin_key_waiting ON admin_key (name)
	WHERE proven_at = 0 AND ended_at = 0;
-- Wrong tries in a row, of names that exist or not, and until when the next
-- one must wait.
CREATE TABLE admin_try (
	name TEXT NOT NULL PRIMARY KEY,
	failures BIGINT NOT NULL,
	until_at BIGINT NOT NULL,
	told_until BIGINT NOT NULL DEFAULT 0 -- the pause that is on record
);
CREATE INDEX admin_try_until ON admin_try (until_at);
-- What an admin is to sign, once.
CREATE TABLE admin_nonce (
	nonce TEXT NOT NULL PRIMARY KEY,
	name TEXT NOT NULL,
	made_at BIGINT NOT NULL
);
CREATE INDEX admin_nonce_made ON admin_nonce (made_at);

-- Keys of the CA that were destroyed, or are about to be (PK-207): the issuer
-- refuses them.  destroyed_at is where the retention of PK-22 counts from.
CREATE TABLE destroyed_key (
	spki_sha256 BYTEA NOT NULL PRIMARY KEY,
	spki BYTEA NOT NULL,
	ca_label TEXT NOT NULL,
	method TEXT NOT NULL,
	witnesses TEXT NOT NULL, -- JSON
	is_compromised BIGINT NOT NULL,
	asked_by TEXT NOT NULL,
	asked_at BIGINT NOT NULL,
	approved_by TEXT,
	begun_at BIGINT NOT NULL DEFAULT 0,
	destroyed_at BIGINT NOT NULL DEFAULT 0
);
-- Reports to the contacts that the CAA records of a refusal name (PK-37).
CREATE TABLE caa_report (
	id TEXT NOT NULL PRIMARY KEY,
	caa_id TEXT NOT NULL REFERENCES caa (id),
	domain TEXT NOT NULL, -- of the mailbox
	found_at TEXT NOT NULL, -- whose records they were
	reason TEXT NOT NULL,
	refused_at BIGINT NOT NULL,
	recipient TEXT NOT NULL,
	expires_at BIGINT NOT NULL,
	due_at BIGINT, -- NULL once it has ended
	attempts BIGINT NOT NULL DEFAULT 0,
	sent_at BIGINT NOT NULL DEFAULT 0,
	failed_at BIGINT NOT NULL DEFAULT 0,
	answer TEXT, -- the relay's last word, or ours
	message BYTEA
);
CREATE INDEX caa_report_caa ON caa_report (caa_id);
CREATE INDEX caa_report_due ON caa_report (due_at) WHERE due_at IS NOT NULL;

-- Proven, but other networks are asked whether they see the same, until then:
-- valid when this is 0 again, and invalid when the time has come before.
ALTER TABLE authz ADD COLUMN held_until BIGINT NOT NULL DEFAULT 0;

-- Problem reports (PK-184), and the last number given.
CREATE TABLE report_head (
	id BIGINT NOT NULL PRIMARY KEY, -- 1
	last BIGINT NOT NULL
);
INSERT INTO report_head (id, last) VALUES (1, 0);
CREATE TABLE report (
	number BIGINT NOT NULL PRIMARY KEY,
	reporter TEXT, -- a mailbox, or NULL
	text TEXT NOT NULL, -- a stranger's
	-- What shows that the key is compromised (PK-77), to be verified again:
	-- "request" and its DER, or "signature" with the SubjectPublicKeyInfo.
	-- "private key" has no octets: it is not kept.
	proof_kind TEXT,
	proof BYTEA,
	proof_spki BYTEA,
	-- What it is about: one certificate, or all with a key; both may be NULL.
	cert_id TEXT,
	spki_sha256 BYTEA,
	bare_sha256 BYTEA, -- of the key that was proven
	received_at BIGINT NOT NULL,
	entered_at BIGINT NOT NULL,
	entered_by TEXT NOT NULL,
	alarm_at BIGINT, -- the next one; NULL once it is answered and decided
	answered_at BIGINT NOT NULL DEFAULT 0,
	answered_by TEXT,
	decided_at BIGINT NOT NULL DEFAULT 0,
	decided_by TEXT,
	decision TEXT, -- revoke, none
	cause TEXT, -- of revoke
	deadline BIGINT NOT NULL DEFAULT 0, -- of revoke
	incident_id TEXT, -- that revokes
	closed_at BIGINT NOT NULL DEFAULT 0,
	closed_by TEXT
);
CREATE INDEX report_alarm ON report (alarm_at) WHERE alarm_at IS NOT NULL;
CREATE INDEX report_open ON report (received_at) WHERE closed_at = 0;
CREATE INDEX report_key ON report (spki_sha256)
	WHERE spki_sha256 IS NOT NULL;
CREATE INDEX report_bare ON report (bare_sha256)
	WHERE bare_sha256 IS NOT NULL;

-- The last one's end ends the lists of a former CA (PK-156).
CREATE INDEX cert_end ON cert (ca_label, not_after);

-- URLs that certificates of a CA carry, and since when each is known to have
-- been answered as it must be (PK-133).
CREATE TABLE url_check (
	ca_label TEXT NOT NULL,
	url TEXT NOT NULL,
	passed_at BIGINT NOT NULL,
	PRIMARY KEY (ca_label, url)
);

-- More dates of PK-22.  not_after: of a certificate that another CA made and
-- nobody got (cert_id IS NULL).
ALTER TABLE report ADD COLUMN keep_from BIGINT NOT NULL DEFAULT 0;
CREATE INDEX report_keep ON report (keep_from, number);
CREATE INDEX caa_report_old ON caa_report (expires_at) WHERE due_at IS NULL;
ALTER TABLE withdrawal ADD COLUMN not_after BIGINT NOT NULL DEFAULT 0;
CREATE INDEX withdrawal_old ON withdrawal (not_after) WHERE cert_id IS NULL;

-- When it was found that the deadline had passed and a list or an answer still
-- missed a certificate of the set (PK-157); 0: never.
ALTER TABLE incident ADD COLUMN late_at BIGINT NOT NULL DEFAULT 0;

-- What each role was when it started last, so that the next start knows what
-- has changed, and whether the one before it ended (PK-19).
CREATE TABLE role_life (
	host TEXT NOT NULL,
	role TEXT NOT NULL, -- and a validator's way in
	version TEXT NOT NULL,
	conf_sha256 TEXT NOT NULL,
	is_running BIGINT NOT NULL,
	started_at BIGINT NOT NULL,
	told_at BIGINT NOT NULL, -- when the audit was told of a start,
	crash_told_at BIGINT NOT NULL, -- and of a crash
	crashes BIGINT NOT NULL, -- that it was not told of
	seen_at BIGINT NOT NULL, -- alive, where machines share a database
	trouble TEXT, -- what keeps it from its work; NULL: nothing
	trouble_at BIGINT NOT NULL DEFAULT 0, -- since when
	PRIMARY KEY (host, role)
);

-- Whether the configuration file says what is in use, and how the last SIGHUP
-- ended: of each host, by its supervisor.
CREATE TABLE conf_use (
	host TEXT PRIMARY KEY,
	file TEXT NOT NULL,
	used_sha256 TEXT NOT NULL,
	file_sha256 TEXT NOT NULL, -- '': it cannot be read
	restart TEXT NOT NULL, -- options that count after one only
	looked_at BIGINT NOT NULL,
	refused_at BIGINT NOT NULL, -- 0: it was taken
	refused TEXT NOT NULL -- why
);

-- Profiles that the issuer had, in full: a certificate names its own by the
-- hash (PK-18, PK-19).
CREATE TABLE profile_text (
	name TEXT NOT NULL,
	sha256 BYTEA NOT NULL,
	text TEXT NOT NULL,
	introduced_at BIGINT NOT NULL,
	retired_at BIGINT NOT NULL DEFAULT 0, -- or changed
	PRIMARY KEY (name, sha256)
);
CREATE INDEX profile_text_now ON profile_text (name) WHERE retired_at = 0;

-- PK-76: also by the bare key, the modulus or the point, so that another
-- encoding does not slip through; NULL where only the other hash is known.
ALTER TABLE blocked_key ADD COLUMN bare_sha256 BYTEA;
CREATE INDEX blocked_key_bare ON blocked_key (bare_sha256)
	WHERE bare_sha256 IS NOT NULL;
ALTER TABLE cert ADD COLUMN bare_sha256 BYTEA;
-- What is not revoked stands together: of a key with very many certificates
-- the next ones are found without a look at those that are done.
CREATE INDEX cert_bare ON cert (bare_sha256, revoked_at, not_after)
	WHERE bare_sha256 IS NOT NULL;
DROP INDEX cert_spki;
CREATE INDEX cert_spki ON cert (spki_sha256, revoked_at, not_after);

-- Compromised keys of more certificates than one transaction revokes (AC-158):
-- the issuer goes on until none is left.
CREATE TABLE key_sweep (
	id TEXT NOT NULL PRIMARY KEY,
	spki_sha256 BYTEA NOT NULL,
	bare_sha256 BYTEA, -- as in blocked_key
	revoked_by TEXT NOT NULL,
	revocation BYTEA,
	begun_at BIGINT NOT NULL
);
CREATE INDEX key_sweep_key ON key_sweep (spki_sha256);
CREATE INDEX key_sweep_first ON key_sweep (begun_at, id);

-- How many mails were asked for in place of a certificate (PK-194).
CREATE INDEX orders_replacing ON orders (replaces_cert_id)
	WHERE replaces_cert_id IS NOT NULL;

-- When the sender looks whether somebody must be told that it can be renewed
-- (PK-191); 0: it has not yet found out when, NULL: not any more.
ALTER TABLE cert ADD COLUMN notice_at BIGINT DEFAULT 0;
CREATE INDEX cert_notice ON cert (notice_at) WHERE notice_at IS NOT NULL;

-- PK-65: keys of this installation's CAs and OCSP responders, those of before
-- as well: no certificate is made for any of them.
CREATE TABLE own_key (
	spki_sha256 BYTEA NOT NULL PRIMARY KEY,
	bare_sha256 BYTEA, -- NULL: of a type that subscribers cannot have
	owner TEXT NOT NULL, -- for people
	recorded_at BIGINT NOT NULL
);
CREATE INDEX own_key_bare ON own_key (bare_sha256)
	WHERE bare_sha256 IS NOT NULL;

-- Nonces that were redeemed, where machines share a database (AC-59); they
-- begin with the moment when they were made.
CREATE TABLE nonce (
	octets BYTEA NOT NULL PRIMARY KEY
);

-- Admins turn pages of orders, and look for those of a mailbox or an account.
DROP INDEX orders_created;
CREATE INDEX orders_created ON orders (created_at, id);
DROP INDEX orders_unfinished;
CREATE INDEX orders_unfinished ON orders (created_at, id)
	WHERE failed_at = 0 AND cert_id IS NULL;
CREATE INDEX orders_ended_of_account ON orders (account_id, created_at, id)
	WHERE failed_at <> 0 OR is_preauth <> 0;
CREATE INDEX authz_mailbox ON authz (mailbox, created_at, id);

-- Numbers and lists of a moment to come that were set aside, since the clock was
-- wrong when they were made (PK-147); 0: not.  And who has asked for that, of
-- up to which moment, and who has done it.
ALTER TABLE cert ADD COLUMN aside_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE crl ADD COLUMN aside_at BIGINT NOT NULL DEFAULT 0;
-- The newest number that counts, however many are set aside.
CREATE INDEX cert_newest ON cert (reserved_at) WHERE aside_at = 0;
CREATE TABLE clock_aside (
	moment BIGINT NOT NULL PRIMARY KEY,
	reason TEXT NOT NULL,
	asked_by TEXT NOT NULL,
	asked_at BIGINT NOT NULL,
	done_by TEXT,
	done_at BIGINT NOT NULL DEFAULT 0
);
