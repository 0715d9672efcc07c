/*
 * One issuance with acme-client.  It knows no email-reply-00: the challenge is
 * done here, as programs that build upon it do it.  See ../clients.py for the
 * conversation, run() for the options.
 */
'use strict';

const acme = require('acme-client');
const crypto = require('crypto');
const readline = require('readline');
const x509 = require('@peculiar/x509');

x509.cryptoProvider.set(crypto.webcrypto);

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function ask(question) {
    process.stdout.write(`${JSON.stringify(question)}\n`);
    const { value } = await lines.next();
    return JSON.parse(value);
}

function check(right, text) {
    if (!right) {
        throw new Error(text);
    }
}

/* The header of a message, unfolded: names in small letters. */
function parseHeader(message) {
    const header = {};
    const text = message.toString('latin1').split(/\r?\n\r?\n/)[0];
    for (const line of text.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
        const colon = line.indexOf(':');
        const name = line.slice(0, colon).toLowerCase();
        (header[name] = header[name] || []).push(line.slice(colon + 1).trim());
    }
    return header;
}

function only(header, name) {
    const values = header[name] || [];
    check(values.length === 1, `${values.length} fields ${name}`);
    return values[0];
}

function joinTokens(part1, part2, how) {
    if (how === 'string') {
        return part1 + part2;
    }
    return Buffer.concat([part1, part2].map((p) => Buffer.from(p, 'base64url')))
        .toString('base64url');
}

/* The checks are those of the strictest program seen. */
async function readMail(challenge, mailbox) {
    const { message } = await ask({ ask: 'mail', from: challenge.from });
    const header = parseHeader(Buffer.from(message, 'base64'));
    check(only(header, 'auto-submitted') === 'auto-generated; type=acme', 'Auto-Submitted');
    check(only(header, 'from').toLowerCase() === challenge.from.toLowerCase(), 'From');
    check(only(header, 'to').toLowerCase() === mailbox.toLowerCase(), 'To');
    const subject = only(header, 'subject');
    const found = /^(?:Re: )?ACME: (.+)$/.exec(subject);
    check(found, `Subject: ${subject}`);
    return {
        subject,
        part1: found[1],
        messageId: only(header, 'message-id'),
        replyTo: (header['reply-to'] || [challenge.from])[0],
    };
}

/* What the library makes of a token is text, so it is asked for http-01's. */
async function reply(client, challenge, mailbox, join) {
    const mail = await readMail(challenge, mailbox);
    const token = joinTokens(mail.part1, challenge.token, join);
    const authorization = await client.getChallengeKeyAuthorization({ type: 'http-01', token });
    const digest = crypto.createHash('sha256').update(authorization).digest('base64url');
    const message = [
        `From: ${mailbox}`,
        `To: ${mail.replyTo}`,
        `Subject: Re: ${mail.subject}`,
        `In-Reply-To: ${mail.messageId}`,
        `References: ${mail.messageId}`,
        `Message-ID: <${crypto.randomUUID()}@user.test>`,
        `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
        'MIME-Version: 1.0',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: 7bit',
        '',
        '-----BEGIN ACME RESPONSE-----',
        digest,
        '-----END ACME RESPONSE-----',
        '',
    ].join('\r\n');
    await ask({ ask: 'send', to: mail.replyTo, message: Buffer.from(message).toString('base64') });
}

async function proveMailbox(client, url, options) {
    const { data: authz } = await client.api.getAuthorization(url);
    check(authz.identifier.type === options.type, `identifier type ${authz.identifier.type}`);
    if (authz.status === 'valid') {
        return;
    }
    const challenge = authz.challenges.find((c) => c.type === 'email-reply-00');
    check(challenge && challenge.token && challenge.from, 'no email-reply-00');
    if (options.post === 'early') {
        await client.completeChallenge(challenge);
    }
    await reply(client, challenge, options.mailbox, options.join);
    if (options.post !== 'early') {
        await client.completeChallenge(challenge);
    }
    await client.waitForValidStatus(challenge);
}

/* "san": nothing but the mailbox; "names": it is everywhere. */
async function makeCsr(key, options) {
    const names = [{ type: 'email', value: options.mailbox }];
    let subject = '';
    if (options.csr === 'names') {
        subject = `CN=${options.mailbox}, E=${options.mailbox}`;
        names.push({ type: 'dns', value: options.mailbox });
    }
    const usage = x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment;
    const request = await x509.Pkcs10CertificateRequestGenerator.create({
        name: subject,
        keys: key,
        signingAlgorithm: { name: key.privateKey.algorithm.name, hash: 'SHA-256' },
        extensions: [
            new x509.SubjectAlternativeNameExtension(names),
            new x509.KeyUsagesExtension(usage, true),
        ],
    });
    return request.toString('pem');
}

function makeKey(type) {
    const algorithm = type === 'rsa' ? {
        name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256',
    } : { name: 'ECDSA', namedCurve: 'P-256' };
    return crypto.webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

function makeAccountKey(type) {
    if (type === 'rsa') {
        return acme.crypto.createPrivateRsaKey(2048);
    }
    return acme.crypto.createPrivateEcdsaKey(type || 'P-256');
}

/* The library can only ask for host names. */
async function tryLibraryCsr(client, order, mailbox) {
    const [, csr] = await acme.crypto.createCsr({ commonName: mailbox, emailAddress: mailbox });
    let refused = null;
    try {
        await client.finalizeOrder(order, csr);
    }
    catch (e) {
        refused = e.message;
    }
    return { refused, status: (await client.getOrder(order)).status };
}

async function obtain(client, options, more) {
    const order = await client.createOrder({
        identifiers: [{ type: options.type, value: options.mailbox }],
        ...more,
    });
    check(order.identifiers[0].value === options.mailbox, order.identifiers[0].value);
    const answer = { order: order.url, profile: order.profile };
    for (const url of order.authorizations) {
        await proveMailbox(client, url, options);
    }
    if (options.csr === 'library') {
        answer.tried = await tryLibraryCsr(client, order, options.mailbox);
    }
    const key = await makeKey(options.key);
    const csr = await makeCsr(key, options);
    const finalized = await client.finalizeOrder(order, csr);
    answer.chain = await client.getCertificate({ ...finalized, url: order.url });
    const spki = await crypto.webcrypto.subtle.exportKey('spki', key.publicKey);
    answer.public = crypto.createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
        .export({ format: 'pem', type: 'spki' });
    return answer;
}

/*
 * Options: directory, type, mailbox; account (P-256, P-384, P-521, rsa),
 * key (ec, rsa), post (early, late), join (string, bytes), csr (san, names,
 * library), poll (milliseconds), profile, eab, then (revoke, rollover).
 */
async function run(options) {
    const poll = options.poll || 50;
    const client = new acme.Client({
        directoryUrl: options.directory,
        accountKey: await makeAccountKey(options.account),
        backoffAttempts: 200,
        backoffMin: poll,
        backoffMax: Math.max(poll, 1000),
        externalAccountBinding: options.eab
            ? { kid: options.eab.kid, hmacKey: options.eab.key } : undefined,
    });
    const account = await client.createAccount({
        termsOfServiceAgreed: true, contact: ['mailto:alice@user.test'],
    });
    if (options.then === 'rollover') {
        await client.updateAccountKey(await makeAccountKey('P-384'));
    }
    const answer = await obtain(client, options,
        options.profile ? { profile: options.profile } : {});
    answer.bound = 'externalAccountBinding' in account;
    if (options.then === 'revoke') {
        await client.revokeCertificate(answer.chain, { reason: 4 });
        answer.again = await client.revokeCertificate(answer.chain).then(() => null,
            (e) => e.message);
    }
    process.stdout.write(`${JSON.stringify({ ask: 'done', ...answer })}\n`);
}

run(JSON.parse(process.argv[2])).then(() => process.exit(0), (e) => {
    process.stderr.write(`${e.stack}\n`);
    process.exit(1);
});
