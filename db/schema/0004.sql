-- An incident over very many certificates is opened in bites (decision 60).

-- Its set is being filled, and this is when the last bite was; 1: that is being
-- undone.  It has no effect before it is NULL.
ALTER TABLE incident ADD COLUMN opening_at BIGINT;
CREATE INDEX incident_opening ON incident (opening_at)
	WHERE opening_at IS NOT NULL;
-- Of its certificates, in the order of their ids, the last one whose people have
-- a notice waiting; NULL: all have, or it was cancelled.
ALTER TABLE incident ADD COLUMN told_to TEXT;
CREATE INDEX incident_telling ON incident (told_to)
	WHERE told_to IS NOT NULL;

-- Whose lists have ended with their key.
CREATE INDEX destroyed_key_label ON destroyed_key (ca_label);

-- What waits for a list of whatever CA: does an incident?
CREATE INDEX cert_list_due_first ON cert (list_due_at)
	WHERE list_due_at IS NOT NULL;
