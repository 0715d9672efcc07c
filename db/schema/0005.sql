-- Challenge mails may ask for the answer at another address (decision 64).

-- Reply-To of the mail, where replies and bounces come to; NULL: its From.
ALTER TABLE challenge ADD COLUMN reply_to TEXT;
CREATE INDEX challenge_reply_to ON challenge (reply_to)
	WHERE reply_to IS NOT NULL;
-- Behind a Reply-To they all may come from one address.
DROP INDEX challenge_from;
CREATE INDEX challenge_from ON challenge (from_address)
	WHERE reply_to IS NULL;
