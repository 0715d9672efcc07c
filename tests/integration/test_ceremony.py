#!/usr/bin/python3
"""The ceremony: a root, an issuing CA, renewal, rollover and the root's list,
with two persons at a terminal; openssl and certtool judge what comes out."""

import os
import shutil
import sys
import tempfile

import harness
import hsm
from harness import case, command, read_file

FIRST, SECOND = "first secret of Ann", "second secret of Bob"
URLS = ["--crl-url", "http://crl.example.com/root.crl",
        "--root-url", "http://ca.example.com/root.cer"]
PEOPLE = ["--first", "Ann", "--second", "Bob", "--private", "--online-root"]
NEW = [FIRST, FIRST, SECOND, SECOND]
OLD = [FIRST, SECOND]
YES = ["yes", "yes"]
# What the persons type: the script, the secrets, the subject, the transcript.
MAKE_ROOT = YES + NEW + YES + YES
ROOT_ACT = YES + OLD + YES + YES

here = tempfile.mkdtemp(prefix="ceremony-")
program = f"{harness.find_build()}/countersign"


def ca(*words, typed=(), status=0, before=()):
    return command(*before, program, "ca", *words, status=status,
                   input="".join(f"{line}\n" for line in typed))


def names(name):
    return ["--name", name, "--organization", "Example Mail GmbH",
            "--country", "DE"]


def make_root(folder, typed=MAKE_ROOT, people=PEOPLE, status=0, **more):
    return ca("init-root", "--dir", folder, *names("Example Mail Root CA"),
              *people, typed=typed, status=status, **more)


def sign(root, request, out, *more, typed=ROOT_ACT, status=0, urls=URLS):
    return ca("sign", "--dir", root, "--request", request, "--out", out,
              *urls, *PEOPLE, *more, typed=typed, status=status)


def request(folder, name, *more, status=0):
    return ca("request", "--dir", folder, *names(name), "--private", *more,
              status=status)


def make_issuing(root, folder, name, *more):
    request(folder, name)
    sign(root, f"{folder}/issuing.csr", f"{folder}/signed.pem", *more)
    take(root, folder)


def take(root, folder, status=0):
    return ca("import", "--dir", folder, "--certificate",
              f"{folder}/signed.pem", "--root", f"{root}/root.pem",
              "--private", status=status)


def verify_chain(root, folder):
    command("openssl", "verify", "-x509_strict", "-CAfile",
            f"{root}/root.pem", f"{folder}/issuing.pem")
    command("openssl", "crl", "-inform", "DER", "-in", f"{root}/root.crl",
            "-CAfile", f"{root}/root.pem", "-noout")
    command("openssl", "crl", "-inform", "DER", "-in",
            f"{folder}/issuing.crl", "-CAfile", f"{folder}/issuing.pem",
            "-noout")
    if shutil.which("certtool"):
        with open(f"{here}/chain.pem", "w") as f:
            f.write(read_file(f"{folder}/issuing.pem")
                    + read_file(f"{root}/root.pem"))
        said = command("certtool", "--verify-chain", "--infile",
                       f"{here}/chain.pem")
        assert "Chain verification output: Verified." in said, said


def read_bytes(path):
    with open(path, "rb") as f:
        return f.read()


def text_of(path):
    return command("openssl", "x509", "-in", path, "-noout", "-text")


def list_of(root):
    return command("openssl", "crl", "-inform", "DER", "-in",
                   f"{root}/root.crl", "-noout", "-text")


def test_persons():
    root = f"{here}/persons"
    with case("PK-208: one person is not enough, but in private mode"):
        said = make_root(root, people=["--first", "Ann"], status=1)
        assert "PK-208" in said, said
        said = make_root(root, people=["--first", "Ann", "--single-operator"],
                         status=1)
        assert "private mode" in said, said
        # Who forgets the other one has not said that there is none.
        said = make_root(root, status=1, people=[
            "--first", "Ann", "--private", "--online-root"])
        assert "or say --single-operator" in said, said
        said = make_root(root, status=1, people=[
            "--first", "Ann", "--second", "Ann", "--private",
            "--online-root"])
        assert "must not be the same" in said, said
        said = make_root(root, status=1, people=[
            "--first", "Ann", "--second", "", "--private", "--online-root"])
        assert "has no name" in said, said
        assert not os.path.exists(f"{root}/root-key.pem")
    with case("PK-208: the same secret twice is one secret"):
        said = make_root(root, typed=YES + [FIRST] * 4, status=1)
        assert "both secrets are the same" in said, said
        assert not os.path.exists(f"{root}/root-key.pem")
    with case("PK-209: the root stays away from the network"):
        said = make_root(root, people=PEOPLE[:4] + ["--online-root"],
                         status=1)
        assert "PK-195" in said and "--private" in said, said
        up = f"{here}/up"
        said = make_root(up, people=PEOPLE[:4] + ["--private"], status=1,
                         before=[
            "unshare", "-rn", "sh", "-c",
            'ip link add wire type veth && ip link set wire up && "$@"',
            "sh"])
        assert "the network interface wire is up" in said, said
        down = f"{here}/down"
        make_root(down, people=PEOPLE[:4] + ["--private"],
                  before=["unshare", "-rn"])
        assert "no interface is up" in read_file(f"{down}/transcript")
    with case("PK-208: a single operator is written into the transcript"):
        alone = f"{here}/alone"
        make_root(alone, people=["--first", "Ann", "--single-operator",
                                 "--private", "--online-root"],
                  typed=["yes", FIRST, FIRST, "yes", "yes"])
        assert "A SINGLE OPERATOR" in read_file(f"{alone}/transcript")


def test_resume():
    root = f"{here}/resumed"
    with case("PK-209: stopped at each step and taken up, one root only"):
        keys, certificates = set(), set()
        typed = MAKE_ROOT
        for length in range(len(MAKE_ROOT) - 2):
            has_key = os.path.exists(f"{root}/root-key.pem")
            typed = YES + (OLD if has_key else NEW) + YES + YES
            if length >= len(typed) - 2:
                break
            make_root(root, typed=typed[:length], status=1)
            ca("verify", "--dir", root)
            for path, seen in [("root-key.pem", keys),
                               ("root.pem", certificates)]:
                if os.path.exists(f"{root}/{path}"):
                    seen.add(read_file(f"{root}/{path}"))
        assert len(keys) == 1 and not certificates, (keys, certificates)
        make_root(root, typed=typed)
        assert keys == {read_file(f"{root}/root-key.pem")}
        certificate = read_file(f"{root}/root.pem")
        said = make_root(root, status=1)
        assert "holds a whole root" in said, said
        assert certificate == read_file(f"{root}/root.pem")
    with case("PK-209: the list is made again where it is missing"):
        os.unlink(f"{root}/root.crl")
        for words, wanted in (
                (names("Another Root CA"), "holds the root"),
                (names("Example Mail Root CA") + ["--key-type", "rsa4096"],
                 "another type")):
            said = ca("init-root", "--dir", root, *words, *PEOPLE,
                      typed=YES + OLD + YES, status=1)
            assert wanted in said, said
            assert not os.path.exists(f"{root}/root.crl")
        make_root(root, typed=YES + OLD + YES)
        assert certificate == read_file(f"{root}/root.pem")
    with case("PK-208: without the other's secret the key stays shut"):
        for secrets in [[FIRST, "not the secret of Bob"], [SECOND, FIRST]]:
            said = ca("root-crl", "--dir", root, *PEOPLE, status=1,
                      typed=YES + secrets + YES + YES)
            assert "these secrets do not open it" in said, said
    with case("PK-209: a changed transcript is found, and stops"):
        said = ca("verify", "--dir", root)
        kept = read_file(f"{root}/transcript")
        assert kept.splitlines()[-1][-64:] in said, said
        lines = kept.splitlines(True)
        for broken in ["".join(lines[1:]), kept.replace("Ann", "Eve", 1),
                       "".join(lines[:3] + lines[4:]), kept[:-5],
                       kept + "more\n"]:
            with open(f"{root}/transcript", "w") as f:
                f.write(broken)
            said = ca("verify", "--dir", root, status=1)
            assert "was changed" in said, said
            said = ca("root-crl", "--dir", root, *PEOPLE, typed=ROOT_ACT,
                      status=1)
            assert "was changed" in said, said
        os.unlink(f"{root}/transcript")
        said = ca("root-crl", "--dir", root, *PEOPLE, typed=ROOT_ACT,
                  status=1)
        assert "put the transcript back" in said, said
        with open(f"{root}/transcript", "w") as f:
            f.write(kept)
        for secret in (FIRST, SECOND):
            assert secret not in kept


def test_hierarchy():
    root, one, two = (f"{here}/{name}" for name in ("root", "one", "two"))
    make_root(root)
    with case("PK-116, PK-117: root and issuing CA satisfy other programs"):
        make_issuing(root, one, "Example Mail Issuing CA 1")
        verify_chain(root, one)
        text = text_of(f"{one}/issuing.pem")
        assert "ecdsa-with-SHA384" in text and "pathlen:0" in text, text
    with case("PK-209: the first list of the issuing CA is number 1, empty, "
              "and made once"):
        first = read_bytes(f"{one}/issuing.crl")
        said = command("openssl", "crl", "-inform", "DER", "-in",
                       f"{one}/issuing.crl", "-noout", "-text")
        assert "CRL Number: \n                1\n" in said, said
        assert "No Revoked Certificates" in said, said
        take(root, one)
        assert read_bytes(f"{one}/issuing.crl") == first
    with case("PK-116: RSA with 4096 bits, and nothing weaker"):
        request(f"{here}/rsa", "Example Mail RSA CA", "--key-type",
                "rsa4096")
        sign(root, f"{here}/rsa/issuing.csr", f"{here}/rsa/signed.pem",
             "--permit", "example.org", "--permit", ".example.org")
        take(root, f"{here}/rsa")
        verify_chain(root, f"{here}/rsa")
        said = request(f"{here}/weak", "Weak CA", "--key-type", "p256",
                       status=1)
        assert "PK-116" in said, said
        command("openssl", "req", "-new", "-newkey", "rsa:3072", "-nodes",
                "-keyout", f"{here}/weak.key", "-out", f"{here}/weak.csr",
                "-utf8", "-subj", "/C=DE/O=Example/CN=Weak CA")
        said = sign(root, f"{here}/weak.csr", f"{here}/weak.pem", status=1)
        assert "L-50" in said, said
        assert not os.path.exists(f"{here}/weak.pem")
    with case("PK-128: name constraints"):
        text = text_of(f"{here}/rsa/issuing.pem")
        assert "Name Constraints: critical" in text and \
            "email:.example.org" in text, text
        said = sign(root, f"{one}/issuing.csr", f"{here}/x.pem", "--permit",
                    "alice@example.org", status=1)
        assert "PK-128" in said, said
    with case("PK-133: URLs"):
        request(two, "Example Mail Issuing CA 2")
        said = ca("sign", "--dir", root, "--request", f"{two}/issuing.csr",
                  "--out", f"{two}/signed.pem", "--crl-url",
                  "https://crl.example.com/x", "--root-url", URLS[3], *PEOPLE,
                  typed=ROOT_ACT, status=1)
        assert "PK-133" in said, said
        assert not os.path.exists(f"{two}/signed.pem")
    with case("PK-135: a name is not used for a second key"):
        other = f"{here}/other"
        request(other, "Example Mail Issuing CA 1")
        said = sign(root, f"{other}/issuing.csr", f"{other}/signed.pem",
                    status=1)
        assert "PK-135" in said, said
    with case("PK-119: a CN is not used in a second name, nor the root's"):
        for number, name in enumerate(("Example Mail ISSUING CA 1",
                                       "Example Mail Root CA")):
            folder = f"{here}/shared{number}"
            words = names(name)
            words[words.index("Example Mail GmbH")] = "Example Letters GmbH"
            ca("request", "--dir", folder, *words, "--private")
            said = sign(root, f"{folder}/issuing.csr",
                        f"{folder}/signed.pem", status=1)
            assert "PK-119" in said, said
            assert not os.path.exists(f"{folder}/signed.pem")
    with case("PK-135: a key is not used under a second name"):
        request(one, "Example Mail Issuing CA 9")
        said = sign(root, f"{one}/issuing.csr", f"{here}/x.pem", status=1)
        assert "PK-135" in said, said
        assert not os.path.exists(f"{here}/x.pem")
    with case("PK-209: a certificate is signed once and delivered again"):
        request(one, "Example Mail Issuing CA 1")
        first = read_file(f"{one}/signed.pem")
        sign(root, f"{one}/issuing.csr", f"{one}/signed.pem",
             typed=YES + OLD + YES)
        assert first == read_file(f"{one}/signed.pem")
        # Asked for with a constraint that it does not have: not delivered.
        other = ["--crl-url", "http://crl.example.com/other.crl", *URLS[2:]]
        for more, urls in ((["--permit", "example.org"], URLS),
                           (["--client-auth"], URLS),
                           (["--policy", "1.3.6.1.4.1.32473.1"], URLS),
                           ([], other)):
            said = sign(root, f"{one}/issuing.csr", f"{here}/x.pem", *more,
                        typed=YES + OLD + YES, status=1, urls=urls)
            assert "other URLs, name constraints" in said, said
            assert not os.path.exists(f"{here}/x.pem")
    with case("PK-209: what is there and no certificate for the request is "
              "not written over"):
        kept = {name: read_bytes(name) for name in (
            f"{root}/root-key.pem", f"{root}/root.pem", f"{root}/root.crl",
            f"{root}/transcript", f"{one}/issuing-key.pem",
            f"{one}/issuing.csr")}
        for name in kept:
            said = sign(root, f"{one}/issuing.csr", name, typed=[], status=1)
            assert "give --out the name of a new file" in said, said
        said = sign(root, f"{one}/issuing.csr", f"{root}/issued/x.pem",
                    typed=[], status=1)
        assert "in another folder" in said, said
        said = sign(root, f"{one}/issuing.csr", f"{here}/none/x.pem",
                    typed=[], status=1)
        assert "No such file or directory): give --out" in said, said
        assert kept == {name: read_bytes(name) for name in kept}
    with case("PK-135: a renewal keeps name and key"):
        shutil.copy(f"{one}/signed.pem", f"{here}/first.pem")
        sign(root, f"{one}/issuing.csr", f"{one}/signed.pem", "--renew")
        renewed = read_file(f"{one}/signed.pem")
        assert renewed != first
        take(root, one)
        assert read_file(f"{one}/issuing.pem") == renewed
        verify_chain(root, one)
    with case("PK-135: the certificate before it does not come back"):
        said = ca("import", "--dir", one, "--certificate",
                  f"{here}/first.pem", "--root", f"{root}/root.pem",
                  "--private", status=1)
        assert "give the renewed one" in said, said
        assert read_file(f"{one}/issuing.pem") == renewed
    with case("PK-135: a second issuing CA beside the first"):
        sign(root, f"{two}/issuing.csr", f"{two}/signed.pem")
        take(root, two)
        verify_chain(root, two)
    with case("an import that does not fit changes nothing"):
        shutil.copy(f"{two}/signed.pem", f"{one}/signed.pem")
        said = take(root, one, status=1)
        assert "not for the key in this folder" in said, said
        assert read_file(f"{one}/issuing.pem") == renewed
        ca("import", "--dir", two, "--certificate", f"{two}/signed.pem",
           "--root", f"{here}/alone/root.pem", "--private", status=1)
    with case("PK-132: a root that signs with SHA-1 is not imported"):
        command("openssl", "req", "-x509", "-new", "-sha1", "-newkey",
                "rsa:4096", "-nodes", "-keyout", f"{here}/sha1.key", "-out",
                f"{here}/sha1.pem", "-utf8", "-subj",
                "/C=DE/O=Example/CN=Old Root")
        said = ca("import", "--dir", two, "--certificate",
                  f"{two}/signed.pem", "--root", f"{here}/sha1.pem",
                  "--private", status=1)
        assert "PK-132" in said, said
    with case("PK-212, PK-158: the root's list is made by hand, in the same "
              "ceremony"):
        # Before anybody is asked for anything.
        for code in ["0", "1", "6", "7", "8", "10", "x", ""]:
            said = ca("root-crl", "--dir", root, *PEOPLE, "--revoke",
                      f"{one}/issuing.pem", "--reason", code, status=1)
            assert "--reason: 2 for" in said and "secret" not in said, said
        said = ca("root-crl", "--dir", root, *PEOPLE, "--reason", "4",
                  status=1)
        assert "that --revoke names" in said, said
        ca("root-crl", "--dir", root, *PEOPLE, "--revoke",
           f"{one}/issuing.pem", "--reason", "4", typed=ROOT_ACT)
        text = list_of(root)
        assert "Superseded" in text, text
        said = ca("root-crl", "--dir", root, *PEOPLE, "--revoke",
                  f"{one}/issuing.pem", "--reason", "4", typed=ROOT_ACT,
                  status=1)
        assert "is on the list already" in said, said
        shutil.copy(f"{root}/root.crl", f"{here}/second.crl")
        ca("root-crl", "--dir", root, *PEOPLE, typed=ROOT_ACT)
        text = list_of(root)
        assert "Superseded" in text and text.count("Serial Number:") == 1
        number = text.split("X509v3 CRL Number:")[1].split()[0]
        assert number == "3", text
        said = command("openssl", "verify", "-crl_check", "-CAfile",
                       f"{root}/root.pem", "-CRLfile", pem_list(root),
                       f"{one}/issuing.pem", status=2)
        assert "certificate revoked" in said, said
        command("openssl", "verify", "-crl_check", "-CAfile",
                f"{root}/root.pem", "-CRLfile", pem_list(root),
                f"{two}/issuing.pem")
    with case("PK-153: an older list, put back in the place of the last one, "
              "is not gone on from"):
        kept = read_bytes(f"{root}/root.crl")
        shutil.copy(f"{here}/second.crl", f"{root}/root.crl")
        said = ca("root-crl", "--dir", root, *PEOPLE, typed=ROOT_ACT,
                  status=1)
        assert "is older than the root's last list; put back" in said, said
        with open(f"{root}/root.crl", "wb") as f:
            f.write(kept)
    with case("PK-209: all of it is in the transcripts"):
        for folder in (root, one, two):
            ca("verify", "--dir", folder)


def pem_list(root):
    command("openssl", "crl", "-inform", "DER", "-in", f"{root}/root.crl",
            "-out", f"{here}/crl.pem")
    return f"{here}/crl.pem"


def test_init():
    everything = f"{here}/everything"
    words = ["init", "--dir", everything, *names("Example Mail"), *URLS,
             *PEOPLE]
    with case("PK-209: root and issuing CA in one go, taken up in between"):
        ca(*words, typed=MAKE_ROOT, status=1)
        ca(*words, typed=ROOT_ACT)
        verify_chain(f"{everything}/root", f"{everything}/issuing")
        said = ca(*words, typed=MAKE_ROOT + ROOT_ACT, status=1)
        assert "holds a whole CA" in said, said
    with case("PK-214: the bundle of it, checked from the file alone"):
        bundle = f"{here}/bundle.tar"
        made = ca("bundle", "--dir", everything, "--out", bundle)
        said = command(program, "ca", "verify-bundle", bundle)
        assert made.split()[-1] == said.split()[-1], (made, said)
        assert "root/root.pem: root: pass" in said, said
        assert "issuing/issuing.pem: issuing CA: pass" in said, said
        held = command("tar", "-tf", bundle).split()
        assert held[0] == "manifest" and "root/transcript" in held, held
        assert "issuing/issuing.crl" in held, held
        assert not [n for n in held if "key" in n or "pass" in n], held
        again = f"{here}/again"
        os.mkdir(again)
        command("tar", "-C", again, "-xf", bundle)
        for name in held[1:]:
            if name != "lints":
                assert read_bytes(f"{again}/{name}") == \
                    read_bytes(f"{everything}/{name}"), name
        # What another tar makes of the same files is not taken.
        command("tar", "-C", again, "-cf", f"{here}/other.tar", *held)
        said = command(program, "ca", "verify-bundle", f"{here}/other.tar",
                       status=1)
        assert "no plain file" in said, said
    with case("PK-214: nothing is bundled that the transcript does not say"):
        os.chmod(f"{everything}/root/root.crl", 0o644)
        data = read_bytes(f"{everything}/root/root.crl")
        with open(f"{everything}/root/root.crl", "wb") as f:
            f.write(data[:-1] + bytes([data[-1] ^ 1]))
        said = ca("bundle", "--dir", everything, "--out", f"{here}/no.tar",
                  status=1)
        assert "root/root.crl is not what the transcript says" in said, said
        assert not os.path.exists(f"{here}/no.tar")
        with open(f"{everything}/root/root.crl", "wb") as f:
            f.write(data)
    with case("PK-213: a rehearsal says so in every name"):
        trial = f"{here}/trial"
        ca("init", "--dir", trial, *names("Example Mail"), *URLS, *PEOPLE,
           "--rehearse", typed=MAKE_ROOT + ROOT_ACT)
        for name in ("root/root.pem", "issuing/issuing.pem"):
            text = text_of(f"{trial}/{name}")
            assert "CN = REHEARSAL Example Mail" in text, text
        said = sign(f"{here}/root", f"{trial}/issuing/issuing.csr",
                    f"{here}/x.pem", status=1)
        assert "PK-213" in said, said


PARTS = ["part1", "part2"]
PIN = "".join(PARTS)


def make_tokens(*labels):
    os.mkdir(f"{here}/tokens")
    with open(f"{here}/softhsm2.conf", "w") as f:
        f.write(f"directories.tokendir = {here}/tokens\n"
                "objectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = f"{here}/softhsm2.conf"
    for label in labels:
        command("softhsm2-util", "--init-token", "--free", "--label", label,
                "--so-pin", "so-secret", "--pin", PIN)


def test_tokens():
    if hsm.missing():
        with case(f"PK-195: keys in tokens # SKIP no {hsm.missing()}"):
            pass
        return
    make_tokens("root", "issuing")
    everything = f"{here}/in-tokens"
    pin = f"{here}/pin"
    with open(pin, "w") as f:
        f.write(PIN + "\n")
    os.chmod(pin, 0o400)
    words = ["init", "--dir", everything, *names("Example Mail"), *URLS,
             "--root-key-module", hsm.SOFTHSM, "--root-key-token", "root",
             "--key-module", hsm.SOFTHSM, "--key-token", "issuing",
             "--key-pin", pin, "--no-backup", "a test"]
    with case("PK-195: in public mode no SoftHSM, and nothing is made"):
        said = ca(*words, *PEOPLE[:4], "--root-key-module-certificate",
                  "FIPS 140-3 level 3, number 1", typed=YES + PARTS, status=1,
                  before=["unshare", "-rn"])
        assert "SoftHSM is not a device" in said, said
        assert os.listdir(f"{everything}/root") == ["transcript"]
        shutil.rmtree(everything)
    with case("PK-199: the PIN is not on the command line, nor one person's"):
        said = ca(*words, *PEOPLE, "--root-key-pin", pin, status=1)
        assert "--root-key-quorum" in said, said
        said = ca(*words, *PEOPLE, "--root-key-pin", PIN, "--root-key-quorum",
                  "two cards", typed=YES, status=1)
        assert "cannot open" in said, said
        shutil.rmtree(everything)
    with case("PK-209: each key in its own token, taken up in between"):
        typed = YES + PARTS + YES + YES
        ca(*words, *PEOPLE, typed=typed[:5], status=1)
        ca(*words, *PEOPLE, typed=typed, status=1)
        place = read_file(f"{everything}/root/root-key.token")
        ca(*words, *PEOPLE, typed=YES + PARTS + YES + YES)
        assert place == read_file(f"{everything}/root/root-key.token")
        verify_chain(f"{everything}/root", f"{everything}/issuing")
        held = command("pkcs11-tool", "--module", hsm.SOFTHSM,
                       "--token-label", "root", "--login", "--pin", PIN,
                       "--list-objects", "--type", "privkey")
        assert held.count("Private Key Object") == 1, held
        for folder in "root", "issuing":
            text = read_file(f"{everything}/{folder}/transcript")
            assert "CKA_EXTRACTABLE false" in text, text
            assert "no backup, as the operator states: a test" in text, text
            assert PIN not in text and PARTS[0] not in text, text
    with case("PK-199: a PIN from an open descriptor; PK-208: the quorum"):
        said = command(
            "sh", "-c", 'exec 3<"$0"; exec "$@"', pin, program, "ca",
            "root-crl", "--dir", f"{everything}/root", *PEOPLE,
            "--root-key-pin", "fd:3", "--root-key-quorum", "two cards",
            input="yes\n" * 6)
        text = read_file(f"{everything}/root/transcript")
        assert "asks for two persons: two cards" in text, text
    with case("PK-214: the bundle says where the keys are"):
        bundle = f"{here}/tokens.tar"
        ca("bundle", "--dir", everything, "--out", bundle)
        ca("verify-bundle", bundle)
        listed = command("tar", "-tf", bundle)
        assert "root/root-key.token" in listed, listed
        assert "issuing/issuing-key.token" in listed, listed
    with case("an option that an act does not use is refused"):
        said = ca("root-crl", "--dir", f"{everything}/root", *PEOPLE,
                  "--key-token", "issuing", status=1)
        assert "--key-token is not for ca root-crl" in said, said


LINTERS = """%slinter lab {
  exec = { "%s" }
  lints = { ca, root-crl }
  version = { /bin/echo, "lab 1.0" }
}
"""


def write_linter(path, script):
    with open(f"{path}.new", "w") as f:
        f.write(f"#!/bin/sh\n{script}\n")
    os.chmod(f"{path}.new", 0o755)
    os.rename(f"{path}.new", path)


def says(result):
    return ('case $(cat) in *BEGIN*) echo \'{"e_a":{"result":"%s"}}\';; esac'
            % result)


def test_linters():
    root, issuing = f"{here}/linted", f"{here}/linted-issuing"
    # Their parent is somebody else, where we are root.
    away = tempfile.mkdtemp(prefix="linters-")
    os.chmod(away, 0o755)
    linter, conf = f"{away}/linter", f"{away}/linters.conf"
    with open(conf, "w") as f:
        f.write(LINTERS % ("user = nobody\n" if os.geteuid() == 0 else "",
                           linter))
    more = ["--linters", conf]
    people = PEOPLE + more
    again = YES + OLD + YES + YES
    with case("PK-136: without a linter's verdict no root is signed"):
        said = make_root(root, people=people, status=1)
        assert "linter lab: " in said and "no such program" in said, said
        write_linter(linter, "exit 1")
        said = make_root(root, people=people, typed=again, status=1)
        assert "no verdict" in said, said
        write_linter(linter, says("error"))
        said = make_root(root, people=people, typed=again, status=1)
        assert "nothing was signed" in said and "lint lab:e_a" in said, said
        assert not os.path.exists(f"{root}/root.pem")
        assert not os.path.exists(f"{root}/linted")
        said = ca("verify", "--dir", root, *more, status=1)
        assert "--linters is not for ca verify" in said, said
    with case("PK-136: with it there is one, and the transcript says so"):
        write_linter(linter, says("pass"))
        make_root(root, people=people, typed=again)
        text = read_file(f"{root}/transcript")
        assert "others' linters, ca: lab (lab 1.0): pass" in text, text
        assert "others' linters, root-crl: lab (lab 1.0): pass" in text, text
    with case("PK-136: and no issuing CA, also in a rehearsal"):
        request(issuing, "Example Mail Issuing CA")
        csr, out = f"{issuing}/issuing.csr", f"{issuing}/signed.pem"
        write_linter(linter, says("fatal"))
        sign(root, csr, out, *more, status=1)
        assert not os.path.exists(out)
        assert os.listdir(f"{root}/issued") == []
        rehearsed = f"{here}/linted-rehearsal"
        make_root(rehearsed, people=people + ["--rehearse"], status=1)
        assert not os.path.exists(f"{rehearsed}/root.pem")
        write_linter(linter, says("pass"))
        sign(root, csr, out, *more)
        take(root, issuing)
        verify_chain(root, issuing)
    with case("PK-141: a root's list that a linter refuses is not signed"):
        before = read_bytes(f"{root}/root.crl")
        write_linter(linter, says("error"))
        ca("root-crl", "--dir", root, *people, typed=ROOT_ACT, status=1)
        assert read_bytes(f"{root}/root.crl") == before
        write_linter(linter, says("pass"))
        ca("root-crl", "--dir", root, *people, typed=ROOT_ACT)
        assert read_bytes(f"{root}/root.crl") != before
    with case("PK-214: what the linters said is in the bundle"):
        ca("bundle", "--dir", root, "--out", f"{here}/linted.tar")
        ca("verify-bundle", f"{here}/linted.tar")
        listed = command("tar", "-tf", f"{here}/linted.tar")
        assert listed.count("linted/") == 4, listed
    shutil.rmtree(away)


def main():
    for test in (test_persons, test_resume, test_linters, test_hierarchy,
                 test_init, test_tokens):
        try:
            test()
        except Exception as e:
            with case(test.__name__):
                raise e
    print(f"1..{harness.count}")
    if not harness.failed:
        shutil.rmtree(here)
    sys.exit(1 if harness.failed else 0)


main()
