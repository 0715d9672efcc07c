import jakarta.mail.Session;
import jakarta.mail.internet.MimeMessage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.security.KeyPair;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Properties;
import org.shredzone.acme4j.Authorization;
import org.shredzone.acme4j.Identifier;
import org.shredzone.acme4j.challenge.Challenge;
import org.shredzone.acme4j.smime.EmailIdentifier;
import org.shredzone.acme4j.smime.challenge.EmailReply00Challenge;
import org.shredzone.acme4j.smime.csr.KeyUsageType;
import org.shredzone.acme4j.smime.csr.SMIMECSRBuilder;
import org.shredzone.acme4j.smime.email.EmailProcessor;
import org.shredzone.acme4j.toolbox.JSON;

/** Mail and certificate request by acme4j-smime. */
final class Letters {
	private final JSON options;

	Letters(JSON options) {
		this.options = options;
	}

	Identifier identifier(String mailbox) {
		return EmailIdentifier.email(mailbox);
	}

	Challenge challenge(Authorization authorization) {
		return authorization.findChallenge(EmailReply00Challenge.class).orElseThrow();
	}

	String sender(Challenge challenge) {
		return ((EmailReply00Challenge) challenge).getFrom();
	}

	/** mail: "plain" (believed), or "strict" or "relaxed": it must be signed
	 * with S/MIME below the certificate in the file `root`. */
	private EmailProcessor.Builder processor() throws Exception {
		String mode = options.get("mail").optional().map(v -> v.asString()).orElse("plain");
		EmailProcessor.Builder builder = EmailProcessor.builder();
		if (mode.equals("plain"))
			return builder.skipVerification();
		try (FileInputStream in = new FileInputStream(options.get("root").asString())) {
			builder.certificate((X509Certificate) CertificateFactory
			        .getInstance("X.509").generateCertificate(in));
		}
		return mode.equals("strict") ? builder.strict() : builder.relaxed();
	}

	byte[] reply(Challenge challenge, String mailbox, byte[] mail) throws Exception {
		Session session = Session.getInstance(new Properties());
		MimeMessage message = new MimeMessage(session, new ByteArrayInputStream(mail));
		ByteArrayOutputStream out = new ByteArrayOutputStream();
		processor().build(message)
		        .expectedIdentifier(EmailIdentifier.email(mailbox))
		        .withChallenge((EmailReply00Challenge) challenge)
		        .respond().generateResponse(session).writeTo(out);
		return out.toByteArray();
	}

	/** csr: "sign", "encrypt" or both. */
	byte[] request(KeyPair key, String mailbox) throws Exception {
		SMIMECSRBuilder builder = new SMIMECSRBuilder();
		builder.addIdentifier(EmailIdentifier.email(mailbox));
		switch (options.get("csr").optional().map(v -> v.asString()).orElse("both")) {
		case "sign":
			builder.setKeyUsageType(KeyUsageType.SIGNING_ONLY);
			break;
		case "encrypt":
			builder.setKeyUsageType(KeyUsageType.ENCRYPTION_ONLY);
			break;
		default:
			break;
		}
		builder.sign(key);
		return builder.getEncoded();
	}
}
