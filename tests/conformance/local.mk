# Judges any ACME server for S/MIME; a folder that can be copied.  Run by
# ./run-tests, not by `make check`.
EXTRA_DIST += \
	tests/conformance/README.md \
	tests/conformance/acme-conformance \
	tests/conformance/checks_account.py \
	tests/conformance/checks_cert.py \
	tests/conformance/checks_end.py \
	tests/conformance/checks_http.py \
	tests/conformance/checks_jws.py \
	tests/conformance/checks_mail.py \
	tests/conformance/checks_order.py \
	tests/conformance/csr.py \
	tests/conformance/fake_accounts.py \
	tests/conformance/fake_certs.py \
	tests/conformance/fake_http.py \
	tests/conformance/fake_parts.py \
	tests/conformance/fake_server.py \
	tests/conformance/jose.py \
	tests/conformance/mailbox.py \
	tests/conformance/report.py \
	tests/conformance/selftest \
	tests/conformance/wire.py \
	tests/conformance/world.py
