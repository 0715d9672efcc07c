"""Mail programs that run here, as a person uses them.

Each function takes a Desk (a home folder with the challenge mail in it, and
the answer that is to be given), lets its program reply, and returns the
message that the program handed over, as octets with CRLF.
"""

import email
import email.message
import email.policy
import email.utils
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

from harness import Skip

HERE = os.path.dirname(os.path.realpath(__file__))
TOOLS = f"{HERE}/mailers"
PATIENCE = 180


class Desk:
    """Where one reply is written."""

    def __init__(self, folder, mail, sender, mailbox, answer, where="top"):
        self.home = folder
        self.mail = mail            # octets, CRLF
        self.sender = sender        # the challenge's From
        self.mailbox = mailbox
        self.answer = answer        # text, LF
        self.where = where
        self.sent = f"{folder}/sent"
        parsed = email.message_from_bytes(mail, policy=email.policy.default)
        self.message_id = parsed["Message-ID"]
        self.subject = parsed["Subject"]
        os.makedirs(folder)
        self.write("answer", answer)
        self.write("signature", "Alice\n")
        text = mail.replace(b"\r\n", b"\n")
        self.write("challenge", text)
        self.write("mbox", b"From " + sender.encode()
                   + b" Mon Mar  2 10:00:00 2026\n" + text + b"\n")
        self.env = {
            "PATH": os.environ["PATH"], "HOME": folder, "USER": "alice",
            "LOGNAME": "alice", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
            "TERM": "xterm", "MAILRC": f"{folder}/.mailrc",
            "DEAD": f"{folder}/dead", "ANSWER": f"{folder}/answer", "WHERE": where,
            "SENT": self.sent, "MAIL_FROM": f"Alice <{mailbox}>",
            "MAIL_TO": sender, "MAIL_SUBJECT": f"Re: {self.subject}",
            "MAIL_ID": self.message_id, "NODE_PATH": "/usr/share/nodejs"}

    def write(self, name, content):
        path = f"{self.home}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(content, str):
            content = content.encode()
        with open(path, "wb") as f:
            f.write(content)
        return path

    def run(self, *words, stdin=b""):
        need(words[0])
        done = subprocess.run(words, env=self.env, cwd=self.home, input=stdin,
                              capture_output=True, timeout=PATIENCE)
        assert done.returncode == 0, f"{words}: {done.stderr.decode()}"
        return done.stdout

    def read_sent(self, screen=b""):
        assert os.path.exists(self.sent), \
            "nothing was sent; the screen:\n" + plain(screen)[-1500:]
        with open(self.sent, "rb") as f:
            return with_crlf(f.read())

    def type(self, *words, keys=()):
        """Runs a program in a terminal. Each of the keys is pressed when the
        program has been quiet for a moment; or, None, when it has sent."""
        need(words[0])
        # On a busy machine it may be quiet and not yet listen.
        for quiet in 0.3, 2, 6:
            pid, fd = pty.fork()
            if pid == 0:
                os.chdir(self.home)
                os.execvpe(words[0], words, self.env)
            fcntl.ioctl(fd, termios.TIOCSWINSZ,
                        struct.pack("HHHH", 40, 120, 0, 0))
            screen = follow(pid, fd, list(keys), self.sent, quiet)
            if os.path.exists(self.sent):
                break
        return self.read_sent(screen)


def follow(pid, fd, keys, sent, quiet):
    """The program's screen, until it ends or takes too long."""
    screen, started = b"", time.monotonic()
    last = started
    while time.monotonic() < started + PATIENCE:
        if select.select([fd], [], [], 0.05)[0]:
            try:
                octets = os.read(fd, 65536)
            except OSError:
                octets = b""
            if not octets:
                break
            screen += octets
            last = time.monotonic()
        elif keys and screen and time.monotonic() > last + quiet:
            # what is typed before it has said anything may be thrown away
            if keys[0] is None:
                if not os.path.exists(sent):
                    continue
                keys.pop(0)
            else:
                os.write(fd, keys.pop(0).encode())
                last = time.monotonic()
    else:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(fd)
    return screen


def need(program):
    if shutil.which(program) is None:
        raise Skip(f"{program} is not installed")


def plain(screen):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", screen.decode("utf-8",
                                                                 "replace"))


def with_crlf(octets):
    return re.sub(rb"\r?\n", b"\r\n", octets)


def as_mta(message, mailbox):
    """What /usr/sbin/sendmail adds to a mail that lacks it."""
    header = message.partition(b"\r\n\r\n")[0].lower()
    added = b""
    for name, value in (("From", mailbox),
                        ("Date", email.utils.formatdate()),
                        ("Message-ID",
                         email.utils.make_msgid(domain="user.test"))):
        if f"\n{name.lower()}:".encode() not in b"\n" + header:
            added += f"{name}: {value}\r\n".encode()
    return added + message


# --- in a terminal -------------------------------------------------------

def mutt(desk, program="mutt", options=""):
    rc = desk.write("muttrc", f"""
set sendmail="{TOOLS}/sendmail" editor="{TOOLS}/edit"
set from="{desk.mailbox}" realname="Alice" use_envelope_from=no
set fast_reply=yes include=yes copy=no folder="{desk.home}"
set signature="{desk.home}/signature" charset="utf-8"
set send_charset="us-ascii:iso-8859-1:utf-8"
alternative_order text/plain
{options}
push "<reply><send-message><exit>"
""")
    return desk.type(program, "-n", "-F", rc, "-f", f"{desk.home}/mbox")


def neomutt(desk, options=""):
    return mutt(desk, "neomutt", options)


def s_nail(desk, encoding="quoted-printable"):
    desk.write(".mailrc", f"""
set mta={TOOLS}/sendmail from={desk.mailbox} sendwait emptystart noheader
set indentprefix="> " ttycharset=utf-8 sendcharsets=iso-8859-1,utf-8
set mime-encoding={encoding} quote-inject-head line-editor-disable
""")
    return desk.type("s-nail", "-:u", "-f", f"{desk.home}/mbox", keys=[
        "reply 1\n", in_order(desk, "~m 1\n") + "~.\n", None, "x\n"])


def bsd_mailx(desk):
    desk.write(".mailrc", f'set sendmail={TOOLS}/sendmail\n'
                          'set indentprefix="> "\nunset askcc\n')
    return desk.type("bsd-mailx", "-f", f"{desk.home}/mbox", keys=[
        "Reply 1\n", in_order(desk, "~m 1\n") + ".\n", None, "x\n"])


def mailutils(desk):
    desk.write(".mailrc", f'set sendmail="sendmail:{TOOLS}/sendmail"\n'
                          'set indentprefix="> "\n')
    return desk.type("mail.mailutils", f"--file={desk.home}/mbox", keys=[
        "Reply 1\n", in_order(desk, "~m 1\n") + ".\n", None, "x\n"])


def in_order(desk, quote):
    """Typed: the answer above or below what the program quotes."""
    if desk.where == "top":
        return f"{desk.answer}\n{quote}"
    return f"{quote}\n{desk.answer}"


def alpine(desk):
    desk.env["TERM"] = "vt100"
    desk.write(".pinerc", f"""personal-name=Alice
user-domain=user.test
inbox-path={desk.home}/mbox
editor={TOOLS}/edit
sendmail-path={TOOLS}/sendmail
customized-hdrs=From: Alice <{desk.mailbox}>
default-fcc=""
character-set=UTF-8
posting-character-set=UTF-8
last-time-prune-questioned=126.12
last-version-used=9.99
feature-list=enable-alternate-editor-implicitly,include-text-in-reply,
    quell-folder-internal-msg,quit-without-confirm,
    quell-user-lookup-in-passwd-file
""")
    # Reply; to all: no; send: yes; quit
    return desk.type("alpine", "-p", f"{desk.home}/.pinerc", "-i", keys=[
        "r", "n", "\x18", "y", None, "q", "y"])


def aerc(desk):
    base = f"{desk.home}/.config/aerc"
    for name in "cur", "new", "tmp":
        os.makedirs(f"{desk.home}/Maildir/INBOX/{name}")
    shutil.copy(f"{desk.home}/challenge",
                f"{desk.home}/Maildir/INBOX/cur/1.x:2,S")
    path = desk.write(".config/aerc/accounts.conf", f"""[test]
source = maildir://{desk.home}/Maildir
outgoing = {TOOLS}/sendmail
from = Alice <{desk.mailbox}>
default = INBOX
""")
    os.chmod(path, 0o600)
    for name in "aerc.conf", "binds.conf":
        source = f"/usr/share/aerc/{name}"
        if not os.path.exists(source):
            raise Skip("aerc is not installed")
        shutil.copy(source, f"{base}/{name}")
    with open(f"{base}/aerc.conf", "a") as f:
        f.write(f"\n[compose]\neditor={TOOLS}/edit\n")
    return desk.type("aerc", keys=[
        ":reply -q\r", "y", None, ":quit\r"])


def nmh(desk):
    desk.env["PATH"] = f"/usr/bin/mh:{desk.env['PATH']}"
    desk.env |= {"MH": f"{desk.home}/.mh_profile", "BELOW": "--------"}
    if not os.path.exists("/usr/bin/mh/repl"):
        raise Skip("nmh is not installed")
    desk.write(".mh_profile", f"Path: {desk.home}/Mail\n"
               f"Local-Mailbox: Alice <{desk.mailbox}>\n")
    desk.write("Mail/context", "Current-Folder: inbox\n")
    shutil.copytree(desk.home, f"{desk.home}/Mail/inbox",
                    ignore=lambda *_: os.listdir(desk.home))
    shutil.copy(f"{desk.home}/challenge", f"{desk.home}/Mail/inbox/1")
    draft = f"{desk.home}/Mail/draft"
    mh = "/usr/bin/mh"
    desk.run(f"{mh}/repl", "-filter", "mhl.reply", "-nowhatnowproc",
             "-noedit", "1")
    desk.run(f"{TOOLS}/edit", draft)
    desk.run(f"{mh}/mhbuild", "-auto", draft)
    desk.run(f"{mh}/send", "-mts", "sendmail/pipe", "-sendmail",
             f"{TOOLS}/sendmail", draft)
    return desk.read_sent()


# --- libraries -----------------------------------------------------------

def quoting(desk):
    """The whole text, as a script that answers people's way would write it."""
    found = email.message_from_bytes(desk.mail, policy=email.policy.default)
    quoted = "".join(f"> {line}\n" for line in
                     found.get_body(("plain",)).get_content().splitlines())
    quoted = f"On Mon, 2 Mar 2026 at 10:00, {desk.sender} wrote:\n{quoted}"
    if desk.where == "top":
        return f"{desk.answer}\n{quoted}"
    return f"{quoted}\n{desk.answer}"


def python(desk, cte="quoted-printable", html=False, charset="utf-8"):
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m["From"], m["To"] = f"Alice <{desk.mailbox}>", desk.sender
    m["Subject"] = f"Re: {desk.subject}"
    m["In-Reply-To"] = m["References"] = desk.message_id
    m.set_content(quoting(desk), charset=charset, cte=cte)
    if html:
        m.add_alternative(f"<pre>{desk.answer}</pre>\n", subtype="html")
    return m.as_bytes()


def nodemailer(desk, **more):
    if not os.path.exists("/usr/share/nodejs/nodemailer"):
        raise Skip("node-nodemailer is not installed")
    return desk.run("node", f"{TOOLS}/nodemailer.js", stdin=json.dumps({
        "from": f"Alice <{desk.mailbox}>", "to": desk.sender,
        "subject": f"Re: {desk.subject}", "inReplyTo": desk.message_id,
        "references": desk.message_id, "text": quoting(desk)} | more).encode())


def perl(desk, module):
    desk.write("answer", quoting(desk))
    try:
        desk.run("perl", f"-M{module}", "-e", "1")
    except AssertionError:
        raise Skip(f"{module} is not installed") from None
    return with_crlf(desk.run("perl", f"{TOOLS}/perl", module))
