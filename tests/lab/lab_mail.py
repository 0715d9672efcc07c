"""The laboratory's two mail systems, each a Postfix and a Dovecot, and the
OpenDKIM of the user's side."""

import os
import pwd
import re
import secrets
import shutil

from lab_proc import LabError, run

HERE = os.path.dirname(os.path.realpath(__file__))
CA_DOMAIN = "ca.test"
USER_DOMAINS = ["user.test", "plain.test", "bogus.test"]
SELECTOR = "lab"
# Dovecot takes no such recipient: Postfix writes this mailbox itself.
UTF8_ADDRESS = "\u00e4lice@user.test"
UTF8_FOLDER = "aelice"


class Side:
    """One mail system: where its files and ports are."""

    def __init__(self, name, base, domains, ports):
        self.name, self.base, self.domains = name, base, domains
        self.ports = ports
        self.folder = f"{base}/{name}"
        self.postfix = f"{self.folder}/postfix"
        self.queue = f"{self.folder}/queue"
        self.dovecot = f"{self.folder}/dovecot"
        self.certificate = f"{base}/tls/{name}-mail.pem"
        self.key = f"{base}/tls/{name}-mail.key"

    @property
    def host(self):
        return f"mx.{self.domains[0]}"

    @property
    def postfix_argv(self):
        return ["/usr/lib/postfix/sbin/master", "-s", "-c", self.postfix]

    @property
    def dovecot_argv(self):
        return ["/usr/sbin/dovecot", "-F", "-c",
                f"{self.dovecot}/dovecot.conf"]


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


# --- Postfix -------------------------------------------------------------

# Folder, owner, group, mode: as Postfix's own postfix-files has them.
QUEUE = [(name, "postfix", "root", 0o700) for name in (
    "incoming active bounce corrupt defer deferred flush hold private saved "
    "trace").split()] + [
        ("maildrop", "postfix", "postdrop", 0o1730),
        ("public", "postfix", "postdrop", 0o2710),
        ("pid", "root", "root", 0o755)]

SERVICES = """
pickup     unix       n - n 60  1 pickup
cleanup    unix       n - n -   0 cleanup
qmgr       unix       n - n 1   1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n -   - trivial-rewrite
bounce     unix       - - n -   0 bounce
defer      unix       - - n -   0 bounce
trace      unix       - - n -   0 bounce
verify     unix       - - n -   1 verify
flush      unix       n - n 1000? 0 flush
proxymap   unix       - - n -   - proxymap
proxywrite unix       - - n -   1 proxymap
smtp       unix       - - n -   - smtp
relay      unix       - - n -   - smtp
showq      unix       n - n -   - showq
error      unix       - - n -   - error
retry      unix       - - n -   - error
discard    unix       - - n -   - discard
local      unix       - n n -   - local
virtual    unix       - n n -   - virtual
lmtp       unix       - - n -   - lmtp
anvil      unix       - - n -   1 anvil
scache     unix       - - n -   1 scache
postlog    unix-dgram n - n -   1 postlogd
"""

SUBMISSION = """\
127.0.0.1:{port} inet n - n - - smtpd
  -o syslog_name=postfix/{name}
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
  -o milter_macro_daemon_name=ORIGINATING
  -o smtpd_milters={milters}
"""


def submission(name, port, milters="", *options):
    return (SUBMISSION.format(name=name, port=port, milters=milters)
            + "".join(f"  -o {option}\n" for option in options))


def postfix_settings(side, tls_ca, milters):
    return {
        "compatibility_level": "3.6",
        "queue_directory": side.queue,
        "data_directory": f"{side.folder}/data",
        "maillog_file": f"{side.base}/log/{side.name}-postfix.log",
        "maillog_file_prefixes": f"{side.base}/log",
        "myhostname": side.host,
        "mydomain": side.domains[0],
        "myorigin": "$mydomain",
        "mydestination": "",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "mynetworks": "127.0.0.0/8",
        "biff": "no",
        "recipient_delimiter": "+",
        "smtputf8_enable": "yes",
        "message_size_limit": "52428800",
        "mailbox_size_limit": "0",
        # who is here, and the way to the other side: no system resolver
        "alias_maps": "",
        "alias_database": "",
        "local_recipient_maps": "",
        "virtual_mailbox_domains": " ".join(side.domains),
        "virtual_mailbox_maps": f"hash:{side.postfix}/mailboxes",
        "virtual_transport": "lmtp:unix:private/dovecot-lmtp",
        "virtual_mailbox_base": f"{side.folder}/virtual",
        "virtual_mailbox_limit": "0",
        "virtual_minimum_uid": "1",
        "virtual_uid_maps": f"static:{pwd.getpwnam('nobody').pw_uid}",
        "virtual_gid_maps": f"static:{pwd.getpwnam('nobody').pw_gid}",
        "transport_maps": f"hash:{side.postfix}/transport",
        "default_transport": "error:5.1.2 no such domain in the laboratory",
        "relay_transport": "$default_transport",
        "smtp_dns_support_level": "disabled",
        "smtp_host_lookup": "native",
        "smtpd_peername_lookup": "no",
        # bytes stay as they are
        "local_header_rewrite_clients": "",
        "always_add_missing_headers": "no",
        "disable_mime_output_conversion": "yes",
        "smtp_line_length_limit": "0",
        "lmtp_line_length_limit": "0",
        # quick
        "queue_run_delay": "1s",
        "minimal_backoff_time": "1s",
        "maximal_backoff_time": "2s",
        "transport_retry_time": "1s",
        "smtpd_error_sleep_time": "0",
        "in_flow_delay": "0",
        "service_throttle_time": "1s",
        "smtp_connect_timeout": "5s",
        "smtpd_milters": milters,
        "milter_default_action": "tempfail",
        "milter_connect_timeout": "30s",
        # TLS and logins
        "smtpd_tls_chain_files": f"{side.key} {side.certificate}",
        "smtpd_tls_security_level": "may",
        "smtpd_tls_auth_only": "yes",
        "smtp_tls_security_level": "may",
        "smtp_tls_CAfile": tls_ca,
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": "private/auth",
    }


def setup_postfix(side, inlets, transport, milters=""):
    for name in (side.postfix, side.queue, f"{side.folder}/data"):
        os.makedirs(name)
    shutil.chown(f"{side.folder}/data", "postfix", "postfix")
    for name, owner, group, mode in QUEUE:
        path = f"{side.queue}/{name}"
        os.mkdir(path)
        shutil.chown(path, owner, group)
        os.chmod(path, mode)
    settings = postfix_settings(side, f"{side.base}/tls/ca.pem", milters)
    write(f"{side.postfix}/main.cf",
          "".join(f"{k} = {v}\n" for k, v in settings.items()))
    write(f"{side.postfix}/master.cf",
          f"127.0.0.1:{side.ports['smtp']} inet n - n - - smtpd\n"
          + "".join(inlets) + SERVICES)
    write(f"{side.postfix}/transport",
          "".join(f"{k} {v}\n" for k, v in transport.items()))
    write(f"{side.postfix}/mailboxes", "")
    for name in ("transport", "mailboxes"):
        make_map(side, name)


def make_map(side, name):
    run("postmap", "-c", side.postfix, f"hash:{side.postfix}/{name}")


# --- Dovecot -------------------------------------------------------------

DOVECOT = """\
base_dir = {dovecot}/run
state_dir = {dovecot}/state
instance_name = countersign-lab-{name}
log_path = {base}/log/{name}-dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
auth_mechanisms = plain login scram-sha-1 scram-sha-256
auth_username_format = {username}
auth_default_realm = {domain}
recipient_delimiter = +
mail_location = maildir:~/Maildir
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
mail_max_userip_connections = 500
passdb {{
  driver = passwd-file
  args = {dovecot}/users
}}
userdb {{
  driver = passwd-file
  args = {dovecot}/users
  override_fields = uid={uid} gid={gid} home={dovecot}/mail/%u
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 2000
}}
service lmtp {{
  unix_listener {queue}/private/dovecot-lmtp {{
    user = postfix
    mode = 0600
  }}
}}
service auth {{
  unix_listener {queue}/private/auth {{
    user = postfix
    mode = 0600
  }}
}}
# Else whoever failed to log in waits ever longer afterwards, right or wrong,
# and Postfix waits for ten seconds.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@{domain}
  hostname = {host}
}}
"""


def setup_dovecot(side, username):
    """username: what of an address is the login, in Dovecot's %-language."""
    for name in ("run", "state", "mail"):
        os.makedirs(f"{side.dovecot}/{name}")
    owner = pwd.getpwnam("nobody")
    os.chown(f"{side.dovecot}/mail", owner.pw_uid, owner.pw_gid)
    write(f"{side.dovecot}/dovecot.conf", DOVECOT.format(
        name=side.name, base=side.base, dovecot=side.dovecot,
        queue=side.queue, certificate=side.certificate, key=side.key,
        host=side.host, domain=side.domains[0], username=username,
        uid=owner.pw_uid, gid=owner.pw_gid,
        imap=side.ports["imap"], imaps=side.ports["imaps"]))
    write(f"{side.dovecot}/users", "")
    shutil.chown(f"{side.dovecot}/users", "root", "dovecot")
    os.chmod(f"{side.dovecot}/users", 0o640)


# --- mailboxes -----------------------------------------------------------

def accept_address(side, address, place=None):
    """Postfix accepts mail to the address, whether or not it has a mailbox."""
    with open(f"{side.postfix}/mailboxes", "a", encoding="utf-8") as f:
        f.write(f"{address} {place or address}\n")
    make_map(side, "mailboxes")


def add_mailbox(side, address, login):
    """Make a mailbox; the file with its password."""
    local, at, domain = address.rpartition("@")
    if domain not in side.domains or not re.fullmatch(r"[\w.=-]+", local,
                                                      re.ASCII):
        raise LabError(f"{address}: not an address for a mailbox here")
    with open(f"{side.dovecot}/users") as f:
        if any(line.startswith(login + ":") for line in f):
            raise LabError(f"{address}: this mailbox exists")
    password = secrets.token_urlsafe(12)
    path = f"{side.base}/passwords/{address}"
    write(path, password + "\n")
    os.chmod(path, 0o600)
    with open(f"{side.dovecot}/users", "a") as f:
        f.write(f"{login}:{{PLAIN}}{password}::::::\n")
    accept_address(side, address)
    return path


# --- OpenDKIM ------------------------------------------------------------

def dkim_socket(base):
    return f"{base}/user/dkim/milter"


def dkim_argv(base):
    return ["/usr/sbin/opendkim", "-f", "-x", f"{base}/user/dkim/opendkim.conf"]


def dkim_environment(base):
    return {"LD_PRELOAD": f"{base}/user/dkim/one_reader.so"}


def setup_dkim(base, domains):
    """Keys and configuration; the TXT data for each domain."""
    folder = f"{base}/user/dkim"
    os.makedirs(folder)
    run("cc", "-shared", "-fPIC", "-o", f"{folder}/one_reader.so",
        f"{HERE}/one_reader.c")
    records = {}
    for domain in domains:
        key = f"{folder}/{domain}.key"
        run("openssl", "genrsa", "-out", key, "2048")
        lines = run("openssl", "rsa", "-in", key, "-pubout").splitlines()
        records[domain] = "v=DKIM1; k=rsa; p=" + "".join(lines[1:-1])
        os.chmod(key, 0o600)
        shutil.chown(key, "opendkim", "opendkim")
    write(f"{folder}/keys", "".join(
        f"{d} {d}:{SELECTOR}:{folder}/{d}.key\n" for d in domains))
    write(f"{folder}/signing", "".join(f"*@{d} {d}\n" for d in domains))
    settings = {
        "Syslog": "no",
        "Mode": "sv",
        "UserID": "opendkim",
        "UMask": "000",
        "Socket": f"local:{dkim_socket(base)}",
        "Canonicalization": "relaxed/simple",
        "OversignHeaders": "From",
        "KeyTable": f"{folder}/keys",
        "SigningTable": f"refile:{folder}/signing",
        # It distrusts keys below a folder that others may write, as /tmp.
        "RequireSafeKeys": "no",
        # Everybody comes from loopback: only a login makes mail ours to sign.
        "InternalHosts": "192.0.2.1",
        "AuthservID": "mx.user.test",
        "AlwaysAddARHeader": "yes",
        "ResolverConfiguration": f"{base}/dns/unbound.conf",
    }
    write(f"{folder}/opendkim.conf",
          "".join(f"{k} {v}\n" for k, v in settings.items()))
    shutil.chown(folder, "opendkim", "opendkim")
    return records


# --- both ----------------------------------------------------------------

def setup_ca(side, user_side):
    to_users = f"smtp:[127.0.0.1]:{user_side.ports['smtp']}"
    setup_postfix(side, [submission("submission", side.ports["submission"]),
                         submission("submissions", side.ports["submissions"],
                                    "", "smtpd_tls_wrappermode=yes")],
                  {d: to_users for d in user_side.domains})
    setup_dovecot(side, "%Ln")


def setup_user(side, ca_side):
    milter = f"unix:{dkim_socket(side.base)}"
    setup_postfix(
        side,
        [submission("submission", side.ports["submission"], milter),
         submission("unsigned", side.ports["unsigned"])],
        {d: f"smtp:[127.0.0.1]:{ca_side.ports['smtp']}"
         for d in ca_side.domains}
        | {"defer@user.test": "retry:4.2.1 mailbox busy",
           UTF8_ADDRESS: "virtual:"},
        milter)
    setup_dovecot(side, "%Lu")
    # Accepted, then refused by Dovecot: the sender gets a bounce.
    accept_address(side, "bounce@user.test")
    accept_address(side, "defer@user.test")
    accept_address(side, UTF8_ADDRESS, UTF8_FOLDER + "/")
    os.mkdir(f"{side.folder}/virtual")
    shutil.chown(f"{side.folder}/virtual", "nobody", "nogroup")
