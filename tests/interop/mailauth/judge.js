// mailauth's verdict on each case of standard input (see
// tests/integration/dkim_case.h), or, with "sign KEY SELECTOR CANON", each
// message signed: its length, a line end, and it.
'use strict';

const fs = require('node:fs');
const { domainToASCII } = require('node:url');
const { dkimVerify } = require('mailauth/lib/dkim/verify');
const { dkimSign } = require('mailauth/lib/dkim/sign');

function* cases(input) {
    const line = at => input.indexOf(0x0a, at);
    for (let at = 0; at < input.length;) {
        let end = line(at);
        const [, domain, now, count, length] =
            input.toString('utf8', at, end).split(' ');
        const records = new Map();
        at = end + 1;
        for (let i = 0; i < Number(count); i++) {
            end = line(at);
            const [name, text] = input.toString('latin1', at, end).split('\t');
            const key = name.toLowerCase();
            records.set(key, [...(records.get(key) || []), text]);
            at = end + 1;
        }
        yield {
            domain, records, now: Number(now),
            message: input.subarray(at, at + Number(length))
        };
        at += Number(length);
    }
}

async function judge(c) {
    const resolver = async name => {
        const texts = c.records.get(name.toLowerCase());
        if (!texts) {
            const error = new Error('no record');
            error.code = 'ENOTFOUND';
            throw error;
        }
        return texts.map(text => [text]);
    };
    const { results } = await dkimVerify(c.message, {
        resolver, strict: true, minBitLength: 1024,
        curTime: new Date(c.now * 1000)
    });
    const same = r => domainToASCII(r.signingDomain) === c.domain;
    if (results.some(r => same(r) && r.status.result === 'pass'))
        return 'pass';
    return 'fail ' + results.map(r => r.status.result + ' ' +
        (r.status.comment || '')).join(', ');
}

async function sign(c, [key, selector, canonicalization]) {
    const { signatures, errors } = await dkimSign(c.message, {
        canonicalization, signTime: new Date(c.now * 1000),
        signatureData: [{
            signingDomain: c.domain, selector,
            privateKey: fs.readFileSync(key, 'utf8')
        }]
    });
    if (errors.length)
        throw errors[0];
    const all = Buffer.concat([Buffer.from(signatures, 'latin1'), c.message]);
    return Buffer.concat([Buffer.from(all.length + '\n'), all]);
}

async function main() {
    const out = [];
    for (const c of cases(fs.readFileSync(0))) {
        if (process.argv[2] === 'sign') {
            out.push(await sign(c, process.argv.slice(3)));
        } else {
            const said = await judge(c).catch(e => 'fault ' + e.message);
            out.push(Buffer.from(said.replace(/[^ -~]/g, ' ') + '\n'));
        }
    }
    fs.writeSync(1, Buffer.concat(out));
}

main();
