# Other people's ACME clients, and mail programs, against countersignd in the laboratory; run by
# ./run-tests, not by `make check`.

EXTRA_DIST += \
	tests/interop/README.md \
	tests/interop/acme-client/issue.js \
	tests/interop/acme-client/package-lock.json \
	tests/interop/acme-client/package.json \
	tests/interop/acme4j/Issue.java \
	tests/interop/acme4j/plain/EmailReply.java \
	tests/interop/acme4j/plain/EmailReplyProvider.java \
	tests/interop/acme4j/plain/Letters.java \
	tests/interop/acme4j/plain/services \
	tests/interop/acme4j/pom-client.xml \
	tests/interop/acme4j/pom-smime.xml \
	tests/interop/acme4j/smime/Letters.java \
	tests/interop/acmez/go.mod \
	tests/interop/acmez/go.sum \
	tests/interop/acmez/main.go \
	tests/interop/certbot/issue.py \
	tests/interop/certbot/requirements.txt \
	tests/interop/clients.py \
	tests/interop/lego/go.mod \
	tests/interop/lego/go.sum \
	tests/interop/lego/main.go \
	tests/interop/linters/go.mod \
	tests/interop/linters/go.sum \
	tests/interop/linters/requirements.txt \
	tests/interop/linters/tools.go \
	tests/interop/mailers.py \
	tests/interop/mailers/edit \
	tests/interop/mailers/html \
	tests/interop/mailers/nodemailer.js \
	tests/interop/mailers/perl \
	tests/interop/mailers/sendmail \
	tests/interop/test_acme4j.py \
	tests/interop/test_acme_client.py \
	tests/interop/test_acmez.py \
	tests/interop/mailauth/judge.js \
	tests/interop/mailauth/package-lock.json \
	tests/interop/mailauth/package.json \
	tests/interop/test_certbot.py \
	tests/interop/test_host_clients.py \
	tests/interop/test_lego.py \
	tests/interop/test_linters.py \
	tests/interop/test_mailauth.py \
	tests/interop/test_mailers.py \
	tests/interop/test_own_client.py \
	tests/interop/test_thunderbird.py \
	tests/interop/thunderbird.py \
	tests/interop/thunderbird/desk.js
