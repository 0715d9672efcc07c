import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.StringWriter;
import java.security.KeyPair;
import java.security.KeyStore;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.shredzone.acme4j.Account;
import org.shredzone.acme4j.AccountBuilder;
import org.shredzone.acme4j.Authorization;
import org.shredzone.acme4j.Certificate;
import org.shredzone.acme4j.Order;
import org.shredzone.acme4j.OrderBuilder;
import org.shredzone.acme4j.RenewalInfo;
import org.shredzone.acme4j.RevocationReason;
import org.shredzone.acme4j.Session;
import org.shredzone.acme4j.Status;
import org.shredzone.acme4j.challenge.Challenge;
import org.shredzone.acme4j.exception.AcmeException;
import org.shredzone.acme4j.toolbox.JSON;
import org.shredzone.acme4j.toolbox.JSONBuilder;
import org.shredzone.acme4j.util.KeyPairUtils;

/**
 * One issuance with acme4j.  Letters, of which there are two, knows the mail
 * and the certificate request.  See ../clients.py for the conversation.
 *
 * Options: directory, mailbox; account and key (secp256r1, secp384r1,
 * secp521r1, rsa); post (late, early); poll (library, or milliseconds);
 * profile, eab, then (rollover, preauthz, revoke, renew, follow); those of
 * Letters.
 */
public final class Issue {
	private static final Duration PATIENCE = Duration.ofSeconds(300);
	private static final BufferedReader ANSWERS =
	        new BufferedReader(new InputStreamReader(System.in));

	private final JSON options;
	private final Letters letters;
	private final String mailbox;
	private final JSONBuilder done = new JSONBuilder();
	private Account account;

	private Issue(JSON options) {
		this.options = options;
		this.letters = new Letters(options);
		this.mailbox = options.get("mailbox").asString();
	}

	private String option(String name, String otherwise) {
		return options.get(name).optional().map(v -> v.asString()).orElse(otherwise);
	}

	private static JSON ask(JSONBuilder question) throws Exception {
		System.out.println(question);
		return JSON.parse(ANSWERS.readLine());
	}

	private static KeyPair key(String kind) {
		return kind.equals("rsa") ? KeyPairUtils.createKeyPair(2048)
		                          : KeyPairUtils.createECKeyPair(kind);
	}

	private void open() throws Exception {
		AccountBuilder builder = new AccountBuilder()
		        .agreeToTermsOfService().addEmail("alice@user.test")
		        .useKeyPair(key(option("account", "secp256r1")));
		if (options.contains("eab")) {
			JSON eab = options.get("eab").asObject();
			builder.withKeyIdentifier(eab.get("kid").asString(), eab.get("key").asString());
		}
		account = builder.create(new Session(options.get("directory").asString()));
		done.put("bound", account.hasExternalAccountBinding());
	}

	private void reply(Challenge challenge) throws Exception {
		JSON mail = ask(new JSONBuilder().put("ask", "mail")
		        .put("from", letters.sender(challenge)));
		byte[] message = letters.reply(challenge, mailbox,
		        Base64.getDecoder().decode(mail.get("message").asString()));
		ask(new JSONBuilder().put("ask", "send").put("to", letters.sender(challenge))
		        .put("message", Base64.getEncoder().encodeToString(message)));
	}

	private void prove(Authorization authorization) throws Exception {
		if (authorization.getStatus() == Status.VALID)
			return;
		Challenge challenge = letters.challenge(authorization);
		if (option("post", "late").equals("early")) {
			challenge.trigger();
			reply(challenge);
		} else {
			reply(challenge);
			challenge.trigger();
		}
		String poll = option("poll", "library");
		if (poll.equals("library")) {
			challenge.waitForCompletion(PATIENCE);
		} else {
			while (challenge.getStatus() == Status.PENDING
			        || challenge.getStatus() == Status.PROCESSING) {
				Thread.sleep(Long.parseLong(poll));
				challenge.fetch();
			}
		}
		if (challenge.getStatus() != Status.VALID)
			throw new AcmeException(challenge.getError().map(Object::toString)
			        .orElse("no reason given"));
	}

	private Certificate obtain(KeyPair key, Certificate old) throws Exception {
		OrderBuilder builder = account.newOrder().identifier(letters.identifier(mailbox));
		if (options.contains("profile"))
			builder.profile(options.get("profile").asString());
		if (old != null)
			builder.replaces(old.getCertificate());
		Order order = builder.create();
		for (Authorization authorization : order.getAuthorizations())
			prove(authorization);
		order.waitUntilReady(PATIENCE);
		order.execute(letters.request(key, mailbox));
		if (order.waitForCompletion(PATIENCE) != Status.VALID)
			throw new AcmeException(order.getError().map(Object::toString)
			        .orElse("no reason given"));
		return order.getCertificate();
	}

	private void before() throws Exception {
		switch (option("then", "")) {
		case "rollover":
			account.changeKey(key("secp384r1"));
			break;
		case "preauthz":
			prove(account.preAuthorize(letters.identifier(mailbox)));
			break;
		default:
			break;
		}
	}

	private static String chain(Certificate certificate) throws Exception {
		StringWriter chain = new StringWriter();
		certificate.writeCertificate(chain);
		return chain.toString();
	}

	/** Renews if the server asks for it: before and after the operator did. */
	private Certificate follow(KeyPair key, Certificate certificate) throws Exception {
		RenewalInfo info = certificate.getRenewalInfo();
		done.put("before", !info.renewalIsNotRequired(Instant.now()));
		ask(new JSONBuilder().put("ask", "issued").put("chain", chain(certificate)));
		info.fetch();
		done.put("after", !info.renewalIsNotRequired(Instant.now()));
		return !info.renewalIsNotRequired(Instant.now()) ? obtain(key, certificate) : certificate;
	}

	private Certificate after(KeyPair key, Certificate certificate) throws Exception {
		switch (option("then", "")) {
		case "revoke":
			certificate.revoke(RevocationReason.SUPERSEDED);
			try {
				certificate.revoke(RevocationReason.SUPERSEDED);
			} catch (AcmeException e) {
				done.put("again", e.toString());
			}
			return certificate;
		case "renew":
			RenewalInfo info = certificate.getRenewalInfo();
			done.put("start", info.getSuggestedWindowStart());
			done.put("end", info.getSuggestedWindowEnd());
			return obtain(key, certificate);
		case "follow":
			return follow(key, certificate);
		default:
			return certificate;
		}
	}

	private void run() throws Exception {
		open();
		before();
		KeyPair key = key(option("key", "secp256r1"));
		Certificate certificate = after(key, obtain(key, null));
		StringWriter publicKey = new StringWriter();
		KeyPairUtils.writePublicKey(key.getPublic(), publicKey);
		done.put("ask", "done").put("chain", chain(certificate))
		        .put("public", publicKey.toString());
		System.out.println(done);
	}

	/** Connections trust the laboratory and nobody else. */
	private static void trust(String path) throws Exception {
		KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
		store.load(null, null);
		try (InputStream in = new FileInputStream(path)) {
			store.setCertificateEntry("laboratory", CertificateFactory
			        .getInstance("X.509").generateCertificate(in));
		}
		TrustManagerFactory factory = TrustManagerFactory
		        .getInstance(TrustManagerFactory.getDefaultAlgorithm());
		factory.init(store);
		SSLContext context = SSLContext.getInstance("TLS");
		context.init(null, factory.getTrustManagers(), null);
		SSLContext.setDefault(context);
	}

	public static void main(String[] arguments) {
		try {
			Security.addProvider(new BouncyCastleProvider());
			trust(System.getenv("LAB_CA"));
			new Issue(JSON.parse(arguments[0])).run();
			System.exit(0);
		} catch (Exception e) {
			e.printStackTrace();
			System.exit(1);
		}
	}
}
