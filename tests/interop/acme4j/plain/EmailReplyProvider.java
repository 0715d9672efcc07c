import org.shredzone.acme4j.Login;
import org.shredzone.acme4j.challenge.Challenge;
import org.shredzone.acme4j.provider.ChallengeProvider;
import org.shredzone.acme4j.provider.ChallengeType;
import org.shredzone.acme4j.toolbox.JSON;

/** Registers our own challenge with the library; found by its name. */
@ChallengeType("email-reply-00")
public class EmailReplyProvider implements ChallengeProvider {
	@Override
	public Challenge create(Login login, JSON data) {
		return new EmailReply(login, data);
	}
}
