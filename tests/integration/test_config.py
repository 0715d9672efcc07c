#!/usr/bin/python3
"""Mistakes in the configuration: each is named with file, line, option and
what would be right, all at once, and nothing starts. Then what `countersign
check` says when the world does not fit the configuration."""

import contextlib
import json
import os
import re
import shlex
import subprocess

from acme import Client
from harness import SOURCE, case, command, edit_config, read_file, run

#   what is wrong             how                               what is said
MISTAKES = [
    ("a word that is no number", {"web__threads": "many"},
     "web.threads: many is not a number; give 1 to 64"),
    ("a number out of range", {"sender__relay_port": "70000"},
     "sender.relay_port: 70000 is out of range; give 1 to 65535"),
    ("a unit that does not exist", {"policy__order_life": "3w"},
     "policy.order_life: 3w is not a number (seconds, or with s, m, h, d)"),
    ("a choice that does not exist", {"validator__disposal": "burn"},
     "validator.disposal: must be one of move|flag|delete"),
    ("neither yes nor no", {"policy__caa_enforce": "maybe"},
     "policy.caa_enforce: must be yes or no"),
    ("no https", {"base_url": "http://acme.ca.test"},
     "base_url: must begin with https://"),
    ("a slash at the end", {"base_url": "https://acme.ca.test/"},
     "base_url: must be https:// and a lower-case host"),
    ("no port", {"web__listen": '{ "127.0.0.1" }'},
     "web.listen: 127.0.0.1 is not an address and a port"),
    ("a name in place of an address", {"web__listen": '{ "localhost:443" }'},
     "web.listen: localhost:443 is not an address and a port; write "
     "\"127.0.0.1:443\""),
    ("PK-133: an https URL in certificates",
     {"issuer__crl_url": "https://crl.ca.test/x.crl"},
     "issuer.crl_url: not http; certificates take URLs such as http://"),
    ("ER-19: a DKIM key without a selector",
     {"sender__dkim_rsa_selector": None},
     "sender.dkim_rsa_selector is not; set both or neither"),
    ("ER-19: no DKIM key at all",
     {"sender__dkim_rsa_selector": None, "sender__dkim_rsa_key": None},
     "sender.dkim_rsa_key: is missing"),
    ("a relay elsewhere without TLS",
     {"sender__relay_tls": "none", "sender__relay_host": "mx.ca.test"},
     "sender.relay_tls: none is allowed for a relay on this host only"),
    ("IMAP without TLS", {"validator__imap_tls": "none"},
     "validator.imap_tls: none would send the password in clear"),
    ("a sender that is no address", {"sender__from": "acme"},
     "sender.from: "),
    ("ER-15: no room for the tag", {"sender__from": "acme+x@ca.test"},
     "sender.from: holds a +"),
    ("an option that is needed", {"validator__imap_user": None},
     "validator.imap_user: is missing"),
    ("a database by a relative name", {"database": "sqlite:x.db"},
     "database: must be sqlite: and an absolute file name"),
    ("AC-102: an authorization that lives too long",
     {"policy__authz_valid_life": "31d"},
     "policy.authz_valid_life: 31d is out of range"),
    ("PK-5: token halves that live too long",
     {"policy__authz_pending_life": "25h"},
     "policy.authz_pending_life: 25h is out of range"),
    ("PK-195: public mode with the key in a file", {"mode": "public"},
     "issuer.ca_key: a key in a file cannot be used in public mode"),
]

#   text added at the end     what is said of its last line
LINES = [
    ("web { lissten = \"127.0.0.1:1\" }",
     "lissten: there is no such option; did you mean web.listen?"),
    ("wrold = 7", "wrold: there is no such option"),
    ("base_url = \"https://x.test\"", "base_url: is set already in line"),
    ("web {", "the { of this line has no }"),
    ("}", "a } without its {"),
    ("mode = \"private", "the quotation mark of this line is not closed"),
]


@contextlib.contextmanager
def unchanged(site):
    """The configuration is as before when the block ends."""
    text = read_file(site.config)
    try:
        yield
    finally:
        with open(site.config, "w") as f:
            f.write(text)


def check_config(site):
    return command(f"{site.build}/countersignd", "-n", "-f", site.config,
                   status=1)


def line_of(site, name):
    """Where an option stands, not as a comment."""
    section, _, option = name.rpartition("__")
    inside = ""
    for i, line in enumerate(read_file(site.config).splitlines(), 1):
        if found := re.match(r"(\w+) \{", line):
            inside = found[1]
        elif line == "}":
            inside = ""
        elif inside == section and re.match(rf"\s*{option} =", line):
            return i
    return None


def test_good(site):
    with case("what init wrote is good"):
        said = command(f"{site.build}/countersignd", "-n", "-f", site.config)
        assert said == f"{site.config}: ok\n", said


def test_mistakes(site):
    for name, changes, said in MISTAKES:
        with case(f"{name}: named, with what would be right"):
            with unchanged(site):
                edit_config(site, **changes)
                text = check_config(site)
                assert said in text, text
                line = line_of(site, next(iter(changes)))
                if line is not None and not changes.keys() & {"mode"}:
                    assert re.search(
                        rf"(?m)^{re.escape(site.config)}:{line}: ", text), \
                        (line, text)
    for text, said in LINES:
        with case(f"{text}: named with its line"):
            with unchanged(site):
                with open(site.config, "a") as f:
                    f.write(text + "\n")
                line = read_file(site.config).count("\n")
                found = check_config(site)
                assert f"{site.config}:{line}: {said}" in found, found


def test_all_at_once(site):
    with case("several mistakes are named at once"), unchanged(site):
        edit_config(site, web__threads="many", policy__caa_enforce="maybe",
                    issuer__serial_octet="0", validator__imap_user=None)
        with open(site.config, "a") as f:
            f.write("wrold = 7\nweb { lissten = 8 }\n")
        text = check_config(site)
        for option in ("web.threads", "policy.caa_enforce", "wrold",
                       "issuer.serial_octet", "validator.imap_user",
                       "lissten"):
            assert f"{option}: " in text, (option, text)
    with case("a file that is not there"):
        text = command(f"{site.build}/countersignd", "-n", "-f", "/nowhere",
                       status=1)
        assert "/nowhere: cannot open: No such file" in text, text


def start_in_vain(site):
    """countersignd ends by itself; what it said."""
    return command(f"{site.build}/countersignd", "-f", site.config, status=1)


def test_nothing_starts(site):
    site.stop()
    with case("with a mistake nothing starts"), unchanged(site):
        edit_config(site, web__threads="many")
        text = start_in_vain(site)
        assert "web.threads" in text and "nothing was started" in text, text
        assert "event=" not in text, text
    rsa = f"{site.state}/dkim-rsa.pem"
    lost = f"{site.folder}/no-such-file"
    taken = f'{{ "127.0.0.1:{site.port("LAB_DNS")}" }}'
    for name, changes, said in (
            ("a key that is not there", {"web__tls_key": lost}, lost),
            ("a key of something else", {"web__tls_key": rsa}, rsa),
            ("a port that is taken", {"web__listen": taken},
             "another program has it"),
            ("a CA key that does not open",
             {"issuer__ca_key_passphrase": f"{site.state}/seal.key"},
             "issuing-key.pem"),
            ("a database in no folder", {"database": f"sqlite:{lost}/x.db"},
             f"make the folder {lost}"),
            ("no password", {"validator__imap_password": lost}, lost),
            ("a resolver configuration with a mistake",
             {"validator__dns_config": rsa}, rsa),
            ("no place for OCSP answers", {
                "issuer__ocsp_url": "http://ocsp.ca.test",
                "issuer__ocsp_folder": f"{lost}/ocsp"},
             f"issuer.ocsp_folder: there is no folder {lost}"),
            ("OCSP answers below what is no folder", {
                "issuer__ocsp_url": "http://ocsp.ca.test",
                "issuer__ocsp_folder": f"{rsa}/ocsp"},
             "issuer.ocsp_folder: ")):
        with case(f"with {name} nothing stays started, and a line says why"):
            with unchanged(site):
                edit_config(site, **changes)
                text = start_in_vain(site)
                assert re.search(rf'error="[^"]*{re.escape(said)}', text), \
                    text
                assert "event=ready" not in text, text
    with case("with too few open files nothing stays started, and a line says "
              "why"):
        text = command("prlimit", "--nofile=16", site.program, "-f",
                       site.config, status=1)
        assert "Too many open files" in text and "LimitNOFILE=" in text, text
        assert "event=ready" not in text, text
    site.start()


def init(site, folder, *words, country="XX", status=0):
    """A CA in a folder of its own; what was said."""
    settings = [word for name, value in site.wanted_settings().items()
                for word in ("--set", f"{name}={value}")]
    return command(f"{site.build}/countersign", "init", "--dir", folder,
                   "--name", "X", "--organization", "X", "--country", country,
                   *settings, *words, status=status)


def left_in(folder):
    return sorted(os.path.relpath(f"{at}/{name}", folder)
                  for at, folders, files in os.walk(folder)
                  for name in folders + files)


def init_on_disk(site, options):
    """On a disk of its own, with a folder and a file of somebody else: how it
    ended, and what is there afterwards."""
    there = f"{site.folder}/disk"
    os.makedirs(there, exist_ok=True)
    settings = " ".join(f"--set {shlex.quote(f'{name}={value}')}" for
                        name, value in site.wanted_settings().items())
    said = command(
        "unshare", "-m", "sh", "-c",
        f"mount -t tmpfs -o {options} none {there} || exit 1\n"
        f"mkdir {there}/ca {there}/state && : >{there}/ca/mine || exit 1\n"
        f"{site.build}/countersign init --dir {there} --name X "
        f"--organization X --country XX --key-type p256 {settings} >&2\n"
        f"echo =$? && cd {there} && find . -mindepth 1 | sort")
    status, *left = said.split("\n=")[-1].split()
    return int(status.lstrip("=")), left, said


def init_in_vain(site):
    folder = f"{site.folder}/vain"
    init(site, folder, country="Germany", status=1)
    assert not os.path.exists(folder)
    os.makedirs(f"{folder}/ca")
    open(f"{folder}/dkim-rsa.pem", "w").close()
    text = init(site, folder, status=1)
    assert "dkim-rsa.pem: exists" in text, text
    assert left_in(folder) == ["ca", "dkim-rsa.pem"]
    if os.getuid() != 0:
        return  # who cannot mount has no full disk
    # A disk that is full after each number of files, or of octets.
    for option, numbers in (("nr_inodes", range(4, 60)),
                            ("size", range(4096, 60 * 4096, 4096))):
        failed = 0
        for n in numbers:
            status, left, said = init_on_disk(site, f"{option}={n}")
            if status == 0:
                assert "./countersign.conf" in left, said
                break
            assert left == ["./ca", "./ca/mine", "./state"], said
            failed += 1
        assert status == 0 and failed > 5, (option, failed, said)


def test_init(site):
    with case("init refuses options that do not exist, and bad values, and "
              "makes nothing"):
        for setting, said in (("web.lissten=x", "there is no such option"),
                              ("web.threads=many", "web.threads: ")):
            folder = f"{site.folder}/other"
            text = command(
                f"{site.build}/countersign", "init", "--dir", folder,
                "--name", "X", "--organization", "X", "--country", "XX",
                "--set", setting, status=1)
            assert said in text, text
            assert not os.path.exists(f"{folder}/ca"), text
    with case("init with a wrong country or kind of key can be given again, "
              "right"):
        folder = f"{site.folder}/again"
        text = init(site, folder, country="Germany", status=1)
        assert "two capital letters" in text, text
        text = init(site, folder, "--key-type", "rsa1024", status=1)
        assert "must be p256" in text, text
        init(site, folder)
    with case("init that fails leaves nothing that it made, and what was "
              "there"):
        init_in_vain(site)
    with case("init: of an option that is given twice the last one counts"):
        folder = f"{site.folder}/twice"
        init(site, folder, "--set", "web.threads=3", "--set", "web.threads=5")
        assert re.search(r'(?m)^\s*threads = "5"$',
                         read_file(f"{folder}/countersign.conf"))
    with case("init does not touch a folder that has a CA"):
        before = read_file(site.config)
        text = command(f"{site.build}/countersign", "init", "--dir",
                       site.state, "--name", "X", "--organization", "X",
                       "--country", "XX", status=1)
        assert "nothing was changed" in text, text
        assert read_file(site.config) == before
    with case("init makes no key for the audit beside one that is elsewhere"):
        folder = f"{site.folder}/with-audit-key"
        key = f"{site.state}/audit-key.pem"
        init(site, folder, "--set", f"issuer.audit_key={key}", "--set",
             f"issuer.audit_public_keys={site.state}/audit-public.pem")
        assert os.path.exists(f"{folder}/ca/issuing.pem")
        assert "audit" not in " ".join(os.listdir(folder))
        assert key in read_file(f"{folder}/countersign.conf")
    with case("PK-201: secret files are for nobody else"):
        for name in ("seal.key", "eab.key", "dkim-rsa.pem", "dkim-ed25519.pem",
                     "ca/issuing-key.pem", "ca/ca-passphrase",
                     "audit-key.pem"):
            mode = os.stat(f"{site.state}/{name}").st_mode & 0o777
            assert mode & 0o077 == 0, (name, oct(mode))


def checks(site, status):
    """{"database": "ok", "mail relay": "WRONG ..."}"""
    text = site.countersign("check", status=status)
    found = {}
    for line in text.splitlines():
        verdict, _, rest = line.partition(" ")
        if verdict in ("ok", "WRONG"):
            found[rest.strip().partition(":")[0]] = line
    return found, text


def test_check(site):
    with case("check: everything is ok"):
        found, text = checks(site, 0)
        assert all(line.startswith("ok") for line in found.values()), text
        for what in ("configuration", "database", "seal key", "audit key",
                     "EAB key file",
                     "issuing CA",
                     "HTTPS certificate", "DNS", "DKIM record (RSA)",
                     "DKIM record (Ed25519)", "mail relay", "IMAP mailbox",
                     "disk space"):
            assert what in found, text
    with case("a rule that is switched off: said at the start, on SIGHUP, and "
              "by check"):
        off = [e["option"] for e in site.events("rule switched off")]
        # Once for each start; the laboratory is in .test.
        assert off and set(off) == {"policy.allow_reserved_domains"}, off
        assert len(off) == len(site.events("ready")), off
        warned = "warn  policy.allow_reserved_domains is yes: "
        assert warned in text and "caa_enforce" not in text, text
        with unchanged(site):
            edit_config(site, policy__caa_enforce="no")
            mark = site.mark()
            site.reload()
            found = site.events("rule switched off", mark)
            assert [(e["option"], e["value"]) for e in found] == [
                ("policy.caa_enforce", "no"),
                ("policy.allow_reserved_domains", "yes")], found
            assert {e["role"] for e in found} == {"supervisor"}, found
            text = checks(site, 0)[1]
            assert "warn  policy.caa_enforce is no: " in text, text
        site.reload()


def test_check_open(site):
    """Files that others may write, or replace."""
    cert = site.env["LAB_HTTPS_CERT"]
    folder = os.path.dirname(cert)
    for path, mode, said in (
            (cert, 0o646, f"web.tls_certificate: group or others may write "
                          f"{cert}, and so change it: chmod go-w {cert}"),
            (folder, 0o777, f"may write the folder {folder}, and so put "
                            f"another file in its place")):
        with case(f"check: {os.path.basename(path)} is open to others: a "
                  f"warning, and what to do"):
            with with_mode(path, mode):
                text = checks(site, 0)[1]
            assert re.search(
                rf"(?m)^warn  files that it names: .*{re.escape(said)}",
                text), text
    with case("check: open no more, no warning"):
        named = re.findall("(?m)^.*files that it names.*$", checks(site, 0)[1])
        assert named and not any(folder in line for line in named), named


def test_cps_tables(site):
    lost = f"{site.folder}/no-such-file"
    with case("PK-26: cps-tables prints what the directory shows, without "
              "database and key"):
        with unchanged(site):
            edit_config(site, policy__caa_identities='{ "ca.test", "x.test" }')
            site.reload()
            meta = Client(site).url_of("meta")
            edit_config(site, database=f"sqlite:{lost}", issuer__ca_key=lost,
                        seal_key=lost)
            tables = json.loads(site.countersign("cps-tables", "--json"))
            text = site.countersign("cps-tables")
        site.reload()
        assert meta["caaIdentities"] == ["ca.test", "x.test"], meta
        assert tables["caa"]["issuer_domains"] == meta["caaIdentities"], tables
        assert {p["name"]: p["description"] for p in tables["profiles"]} \
            == meta["profiles"], (tables, meta)
        assert "  issuer domains: ca.test; x.test\n" in text, text
    with case("cps-tables: without the CA's certificate an error, no table"):
        with unchanged(site):
            edit_config(site, issuer__ca_certificate=lost)
            said = site.countersign("cps-tables", status=1)
        assert lost in said and "issuer domains" not in said, said


@contextlib.contextmanager
def changed_file(path, text):
    before = read_file(path)
    with open(path, "w") as f:
        f.write(text)
    try:
        yield
    finally:
        with open(path, "w") as f:
            f.write(before)


@contextlib.contextmanager
def with_mode(path, mode):
    """Of another mode while the block runs."""
    before = os.stat(path).st_mode & 0o777
    os.chmod(path, mode)
    try:
        yield
    finally:
        os.chmod(path, before)


def test_check_broken(site):
    rsa = f"{site.state}/dkim-rsa.pem"
    name = "cs-rsa._domainkey.ca.test"
    records = read_file(f"{site.state}/dkim-records.txt")
    ours = re.search(rf"(?m)^{name}\. TXT (.*)$", records)[1]

    @contextlib.contextmanager
    def record(*data):
        site.lab("dns-del", name, "TXT")
        if data:
            site.dns_set(name, "TXT", *data)
        try:
            yield
        finally:
            site.dns_set(name, "TXT", ours)

    @contextlib.contextmanager
    def config(**changes):
        with unchanged(site):
            edit_config(site, **changes)
            yield

    lost = f"{site.folder}/no-such-file"
    password = site.env["CA_IMAP_PASSWORD_FILE"]
    broken = [
        ("the relay is down", site.without("ca-postfix"), ["mail relay"]),
        ("IMAP is down", site.without("ca-dovecot"),
         ["IMAP mailbox", "mail relay"]),   # Postfix asks Dovecot
        ("a wrong password", changed_file(password, "wrong\n"),
         ["IMAP mailbox", "mail relay"]),
        ("MA-101: the DKIM record is missing", record(),
         ["DKIM record (RSA)"]),
        ("MA-101: the DKIM record is of another key",
         record(ours[:60] + ("A" if ours[60] != "A" else "B") + ours[61:]),
         ["DKIM record (RSA)"]),
        ("MA-101: the DKIM record says that it is a test",
         record(ours.replace("v=DKIM1;", "v=DKIM1; t=y;")),
         ["DKIM record (RSA)"]),
        ("the DKIM key is gone", config(sender__dkim_rsa_key=lost),
         ["DKIM record (RSA)"]),
        ("the passphrase of the CA key is wrong",
         changed_file(f"{site.state}/ca/ca-passphrase", "wrong\n"),
         ["issuing CA"]),
        ("the HTTPS key does not fit", config(web__tls_key=rsa),
         ["HTTPS certificate"]),
        ("the seal key is no key",
         changed_file(f"{site.state}/seal.key", "short\n"), ["seal key"]),
        ("the trust of the IMAP server is missing",
         config(validator__imap_ca_file=f"{site.state}/ca/root.pem"),
         ["IMAP mailbox"]),
        ("the database is elsewhere",
         config(database=f"sqlite:{site.folder}/no/such.db"),
         ["database", "disk space", "places to write",
          "addresses to listen on"]),    # the server that runs has them
        ("there is no such user", config(user="nosuchuser"),
         ["user of the roles"]),
        ("the roles cannot run as root", config(user="root"),
         ["user of the roles"]),
        ("lists have no folder",
         config(issuer__crl_file=f"{site.folder}/no/issuing.crl"),
         ["places to write"]),
        ("the roles may not enter a ceremony's folder",
         with_mode(f"{site.state}/ca", 0o700), ["places to write"]),
        ("the HTTPS certificate is of another host",
         config(base_url="https://elsewhere.ca.test"), ["HTTPS certificate"]),
        ("the host lacks an address",
         config(web__listen="192.0.2.77:44300"), ["addresses to listen on"]),
    ]
    for name_, state, wrong in broken:
        with case(f"check: {name_}: says so, and what to do"):
            with state:
                found, text = checks(site, 1)
                bad = {what for what, line in found.items()
                       if line.startswith("WRONG")}
                assert bad and bad <= set(wrong), text
                assert wrong[0] in bad, text
                for what in bad:    # "WRONG what: an explanation"
                    assert len(found[what]) > len(f"WRONG {what}: ") + 10, \
                        text
                assert ("MA-101" in name_) == (f"ours is: {ours}" in text)
    with case("check: a wrong configuration is said to be wrong"):
        with config(web__threads="many"):
            text = site.countersign("check", status=1)
            assert "web.threads" in text and "WRONG configuration" in text
    with case("check: everything is ok again"):
        checks(site, 0)


def test_terms(site):
    with case("PK-11: the template for terms has the eight commitments"):
        text = read_file(f"{SOURCE}/doc/terms.md")
        found = re.findall(r"(?m)^### (\d)\. (.*)\n\n(\S.*)$", text)
        assert [(n, heading) for n, heading, _ in found] == list(zip(
            "12345678", (
                "Accuracy of information", "Protection of the private key",
                "Acceptance of the certificate", "Use of the certificate",
                "Reporting and revocation", "Termination of use",
                "Responsiveness", "Acknowledgment and acceptance"))), found


def test_usage(site):
    for program, words in (("countersignd", ["-x"]), ("countersignd", ["x"]),
                           ("countersign", []), ("countersign", ["nonsense"]),
                           ("countersign", ["order"]),
                           ("countersign", ["init"])):
        with case(f"{program} {' '.join(words)}: refused with a hint"):
            text = command(f"{site.build}/{program}", *words, status=1)
            assert "usage" in text or "--help" in text, text
    for words, hint in (
            (["ordres"], "did you mean orders?"),
            (["nonsense"], "there is no such command; countersign --help"),
            (["order"], "an argument is missing; countersign order --help"),
            (["orders", "x"], "x: is one argument too many"),
            (["eab", "x"], "give new, list, show or revoke"),
            (["eab", "list", "--reusable"], "are for eab new"),
            (["admin", "list", "--role", "x"], "--role is not for it"),
            (["audit", "head", "--json"], "--json is not for it"),
            (["ca", "x"], "x: there is no such act"),
            (["ca", "request"], "--dir is missing"),
            (["init", "--dir", "x"], "--name is missing"),
            (["cert", "--reason", "1", "00"], "--reason is for cert revoke"),
            (["account", "--revoke", "--erase", "x"], "give one of"),
            (["authz", "--all", "--revoke"], "--reason is missing"),
            (["stop", "issuance", "--all"], "--reason is missing"),
            (["stop", "issuance", "--reason", "x"], "say of what")):
        with case(f"{' '.join(words)}: the last line says what is wrong"):
            text = command(f"{site.build}/countersign", *words, status=1)
            assert hint in text.splitlines()[-1], text
            assert len(text.splitlines()) <= 10, text
    for program in ("countersign", "countersignd"):
        with case(f"{program} --help and --version go to standard output"):
            for word in ("--help", "--version"):
                done = subprocess.run([f"{site.build}/{program}", word],
                                      capture_output=True, text=True)
                assert done.returncode == 0 and done.stdout, done
                assert done.stderr == "", done


# These have options by their own pages, or by the act.
OTHERWISE = ("ca", "enroll")


def synopses():
    """Of countersign(1): the options of each command."""
    page = read_file(f"{SOURCE}/man/countersign.1")
    part = page[page.index(".Sh SYNOPSIS"):page.index(".Sh DESCRIPTION")]
    found = {}
    for block in part.split("\n.Nm\n")[1:]:
        name = re.match(r"\.Cm (\S+)", block)
        if name:
            found.setdefault(name[1], set()).update(re.findall(
                r"(?:Fl |\| )-([a-z][a-z0-9-]*)", block))
    return found


def test_help(site):
    def told(*words):
        return command(f"{site.build}/countersign", *words, "--help")

    def options(text):
        return set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)", text))

    pages = synopses()
    names = re.findall(r"^  ([a-z-]+)  +[a-z]", told(), re.M)
    with case("--help has a line for each command of the manual"):
        assert sorted(names) == sorted(pages), set(names) ^ set(pages)
        assert "destroy" in re.search("^  key .*", told(), re.M)[0]
    for name in names:
        with case(f"{name} --help fits a terminal, and the manual"):
            text = told(name)
            usage, _, rest = text.partition("\n\n")
            for line in text.splitlines():
                assert len(line) < 80 or "(default: /" in line, line
            if name in OTHERWISE:
                continue
            assert options(usage) <= pages[name] <= options(text), \
                (options(usage) ^ pages[name], pages[name] - options(text))
            assert options(usage) <= options(rest), \
                options(usage) - options(rest)
    for words, hint in (
            (["cert", "--admin", "alice", "00"], "stand before the command"),
            (["cert", "--nothing", "00"], "try countersign cert --help"),
            (["--admin-nothing", "x", "cert"], "there is no such option"),
            (["--admin-key", "x", "cert"], "--admin NAME")):
        with case(f"{' '.join(words)}: says how it would be right"):
            said = command(f"{site.build}/countersign", *words, status=1)
            assert hint in said, said


run({}, test_good, test_mistakes, test_all_at_once, test_nothing_starts,
    test_init, test_check, test_check_open, test_cps_tables,
    test_check_broken, test_usage, test_help, test_terms)
