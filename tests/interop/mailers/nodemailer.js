// Composes with nodemailer: what to say is JSON on standard input.
'use strict';
const MailComposer = require('nodemailer/lib/mail-composer');
const chunks = [];

process.stdin.on('data', (c) => chunks.push(c));
process.stdin.on('end', () => {
	const mail = JSON.parse(Buffer.concat(chunks).toString());

	new MailComposer(mail).compile().build((error, message) => {
		if (error)
			throw error;
		process.stdout.write(message);
	});
});
