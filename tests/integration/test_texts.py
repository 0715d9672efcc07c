#!/usr/bin/python3
"""The texts of the challenge mail: those of an installation (ER-18), on SIGHUP
too, and `countersign mail preview` (MA-104)."""

import email
import email.policy
import os
import shutil

from acme import Client
from harness import SOURCE, case, command, edit_config, read_file, run
from letters import answer, challenge_mail

SAMPLES = f"{SOURCE}/tests/data/texts"


def preview(site, *words, status=0):
    return command(f"{site.build}/countersign", "mail", "preview", "-f",
                   site.config, *words, status=status)


def parts_of(raw):
    """Text and HTML, decoded by Python's parser."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    parts = list(message.iter_parts())
    assert [p.get_content_type() for p in parts] == \
        ["text/plain", "text/html"]
    return message, [p.get_content() for p in parts]


def edit(path, old, new):
    text = read_file(path)
    assert old in text
    with open(path, "w") as f:
        f.write(text.replace(old, new))


def test_preview(site):
    with case("mail preview: the header with words for what is secret, and "
              "the text"):
        text = preview(site, "--mailbox", "Carol@User.Test")
        lines = text.splitlines()
        assert lines[0].startswith("From:     acme+TAG@"), text
        assert lines[1] == "To:       Carol@user.test", text
        assert lines[2] == "Subject:  ACME: TOKEN" and lines[3] == "", text
        assert "single word STOP" in " ".join(lines), text
        assert "\n    Carol@user.test\n" in text, text
        assert max(map(len, lines)) <= 76, text
        assert "Nachricht" in preview(site, "--language", "de-AT")
    with case("PK-191: mail preview --renewal, in both languages"):
        text = preview(site, "--renewal", "--mailbox", "Carol@User.Test")
        assert text.startswith(
            "From:     acme@ca.test\nTo:       Carol@user.test\n"
            "Subject:  It is time to renew your certificate\n\n"), text
        assert max(map(len, text.splitlines())) <= 76, text
        raw = preview(site, "--renewal", "--source", "--language", "de")
        message, (text, page) = parts_of(raw.encode())
        assert message["Subject"] == "Ihr Zertifikat sollte erneuert werden"
        assert "alice@example.org" in text and "erneuern" in text, text
        assert page.strip() == preview(site, "--renewal", "--language", "de",
                                       "--html").strip()
    with case("mail preview --source: a message that is whole, with a token "
              "that nobody can take for one"):
        raw = preview(site, "--source", "--language", "de")
        message, (text, page) = parts_of(raw.encode())
        assert message["Subject"] == "ACME: NOT-A-REAL-TOKEN-ONLY-A-PREVIEW-"
        assert message["To"] == "alice@example.org"
        # The last line end belongs to the boundary.
        assert text.strip() == \
            preview(site, "--language", "de").split("\n\n", 1)[1].strip()
        assert page.strip() == \
            preview(site, "--language", "de", "--html").strip()
        assert page.startswith("<!DOCTYPE html>")
    with case("mail preview: neither database nor keys are needed"):
        copy = f"{site.folder}/copy"
        os.mkdir(copy)
        shutil.copyfile(site.config, f"{copy}/countersign.conf")
        assert "STOP" in command(f"{site.build}/countersign", "mail",
                                 "preview", "-f", f"{copy}/countersign.conf")
    with case("mail preview: what is wrong is said"):
        assert "--language it: there is none; there are de, en" in \
            preview(site, "--language", "it", status=1)
        assert "--mailbox nobody" in preview(site, "--mailbox", "nobody",
                                             status=1)
        assert "usage: countersign mail preview" in preview(
            site, "--html", "--source", status=1)
        assert "cannot be read: No such file" in preview(
            site, "--templates", "/nonexistent", status=1)
    with case("mail preview --templates: texts can be tried"):
        text = preview(site, "--templates", SAMPLES, "--language", "fr")
        assert "Ce message vérifie" in text and " UTC. Après" in text, text


def mail_of(site, client, who):
    order = client.order(site.env[f"{who}_ADDRESS"])
    return order, challenge_mail(site, order.challenge(), who)


def test_reload(site):
    texts = f"{site.state}/texts"
    shutil.copytree(SAMPLES, texts)
    os.chmod(texts, 0o755)
    client = Client(site).account()
    with case("SIGHUP: texts of the installation are used for the next mail, "
              "and a reply to it counts"):
        edit_config(site, sender__templates=texts,
                    sender__default_language="fr")
        assert command(f"{site.build}/countersignd", "-n", "-f",
                       site.config) == f"{site.config}: ok\n"
        site.reload()
        order, mail = mail_of(site, client, "ALICE")
        text, page = parts_of(mail.raw)[1]
        assert "Ce message vérifie" in text and "lang=\"fr\"" in page
        challenge = order.challenge()
        answer(site, challenge)
        challenge.post()
        order.wait("ready")
    with case("SIGHUP: a mistake is named with its line, and the old texts "
              "stay in use"):
        mark = site.mark()
        edit(f"{texts}/fr.txt", "Ce message", "Le message {nouveau}")
        edit(f"{texts}/fr.html", "<hr>", "<img src=\"x\">")
        site.reload()
        said = [e["error"] for e in site.events("configuration", mark)]
        assert any("fr.txt:6: {nouveau} is no placeholder" in s
                   for s in said), said
        assert any("<img> is not allowed" in s for s in said), said
        assert site.events("configuration not reloaded", mark)
        assert not site.events("configuration reloaded", mark)
        text, page = parts_of(mail_of(site, client, "BOB")[1].raw)[1]
        assert "Ce message vérifie" in text and "<hr>" in page
    with case("countersignd -n, check and preview name it too, and nothing "
              "starts with it"):
        for words in (("countersignd", "-n"), ("countersign", "check"),
                      ("countersign", "mail", "preview")):
            said = command(f"{site.build}/{words[0]}", *words[1:], "-f",
                           site.config, status=1)
            assert f"{texts}/fr.txt:6: {{nouveau}} is no" in said, said
        site.stop()
        said = command(site.program, "-f", site.config, status=1)
        assert f"{texts}/fr.txt:6: {{nouveau}} is no" in said, said
        assert "event=ready" not in said, said
    edit(f"{texts}/fr.txt", "Le message {nouveau}", "Ce message")
    edit(f"{texts}/fr.html", "<img src=\"x\">", "<hr>")
    if os.getuid() == 0:
        with case("texts that only root can read are refused at the start, "
                  "not on the first SIGHUP"):
            os.chmod(texts, 0o700)
            said = command(site.program, "-f", site.config, status=1)
            assert f"{texts}: cannot be read: Permission denied" in said, said
            os.chmod(texts, 0o755)
    site.start()


run({}, test_preview, test_reload)
