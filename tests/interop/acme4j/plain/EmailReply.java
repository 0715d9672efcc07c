import static java.nio.charset.StandardCharsets.US_ASCII;

import java.security.MessageDigest;
import java.util.Base64;
import org.shredzone.acme4j.Login;
import org.shredzone.acme4j.challenge.TokenChallenge;
import org.shredzone.acme4j.toolbox.JSON;

/** email-reply-00 on top of what the library does with tokens. */
public class EmailReply extends TokenChallenge {
	private static final long serialVersionUID = 1;

	public EmailReply(Login login, JSON data) {
		super(login, data);
	}

	public String sender() {
		return getJSON().get("from").asString();
	}

	/** `join`: "string" or "bytes". */
	public String digest(String part1, String join) throws Exception {
		String token = part1 + getToken();
		if (join.equals("bytes")) {
			byte[] first = Base64.getUrlDecoder().decode(part1);
			byte[] second = Base64.getUrlDecoder().decode(getToken());
			byte[] both = new byte[first.length + second.length];
			System.arraycopy(first, 0, both, 0, first.length);
			System.arraycopy(second, 0, both, first.length, second.length);
			token = Base64.getUrlEncoder().withoutPadding().encodeToString(both);
		}
		byte[] hash = MessageDigest.getInstance("SHA-256")
		        .digest(keyAuthorizationFor(token).getBytes(US_ASCII));
		return Base64.getUrlEncoder().withoutPadding().encodeToString(hash);
	}

	@Override
	protected boolean acceptable(String type) {
		return type.equals("email-reply-00");
	}
}
