import static java.nio.charset.StandardCharsets.US_ASCII;

import java.security.KeyPair;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.asn1.DERIA5String;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.shredzone.acme4j.Authorization;
import org.shredzone.acme4j.Identifier;
import org.shredzone.acme4j.challenge.Challenge;
import org.shredzone.acme4j.toolbox.JSON;

/** Mail and certificate request with acme4j-client alone, done by hand. */
final class Letters {
	private final JSON options;

	Letters(JSON options) {
		this.options = options;
	}

	Identifier identifier(String mailbox) {
		return new Identifier("email", mailbox);
	}

	Challenge challenge(Authorization authorization) {
		return authorization.findChallenge(EmailReply.class).orElseThrow();
	}

	String sender(Challenge challenge) {
		return ((EmailReply) challenge).sender();
	}

	private static String field(String header, String name) {
		Matcher found = Pattern.compile("(?mi)^" + name + ": ([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)")
		                        .matcher(header);
		if (!found.find())
			throw new IllegalArgumentException("no " + name);
		return found.group(1).replaceAll("\r?\n", "");
	}

	byte[] reply(Challenge challenge, String mailbox, byte[] mail) throws Exception {
		String header = new String(mail, US_ASCII).split("\r?\n\r?\n", 2)[0];
		Matcher subject = Pattern.compile("ACME:\\s+([0-9A-Za-z_\\s-]+=?)\\s*")
		                          .matcher(field(header, "Subject"));
		if (!subject.matches())
			throw new IllegalArgumentException(field(header, "Subject"));
		String part1 = subject.group(1).replaceAll("\\s+", "");
		String join = options.get("join").optional().map(v -> v.asString()).orElse("string");
		String text = "From: " + mailbox + "\r\nTo: " + sender(challenge)
		        + "\r\nSubject: Re: ACME: " + part1 + "\r\nIn-Reply-To: "
		        + field(header, "Message-ID") + "\r\nMIME-Version: 1.0\r\n"
		        + "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
		        + "-----BEGIN ACME RESPONSE-----\r\n"
		        + ((EmailReply) challenge).digest(part1, join)
		        + "\r\n-----END ACME RESPONSE-----\r\n";
		return text.getBytes(US_ASCII);
	}

	/** csr: "san" (nothing but the mailbox) or "names" (it is everywhere). */
	byte[] request(KeyPair key, String mailbox) throws Exception {
		boolean names = options.get("csr").optional().map(v -> v.asString())
		                        .orElse("san").equals("names");
		X500NameBuilder subject = new X500NameBuilder();
		if (names)
			subject.addRDN(BCStyle.CN, mailbox)
			        .addRDN(BCStyle.EmailAddress, new DERIA5String(mailbox));
		GeneralName mail = new GeneralName(GeneralName.rfc822Name, mailbox);
		GeneralName host = new GeneralName(GeneralName.dNSName, mailbox);
		ExtensionsGenerator extensions = new ExtensionsGenerator();
		extensions.addExtension(Extension.subjectAlternativeName, false,
		        new GeneralNames(names ? new GeneralName[] {mail, host}
		                               : new GeneralName[] {mail}));
		String algorithm = key.getPrivate().getAlgorithm().startsWith("EC")
		        ? "SHA256withECDSA" : "SHA256withRSA";
		return new JcaPKCS10CertificationRequestBuilder(subject.build(), key.getPublic())
		        .addAttribute(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest,
		                extensions.generate())
		        .build(new JcaContentSignerBuilder(algorithm).build(key.getPrivate()))
		        .getEncoded();
	}
}
