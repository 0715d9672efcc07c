"""When the IMAP server announced a message to the validator.

Wire reads the clock where nobody's work is in the way: the kernel stamps each
TCP segment between the validator and Dovecot, and keeps the stamps until we
ask for them. What is inside is encrypted, but who speaks after a silence is
not: a server that begins to speak while its client idles announces a message.
Needs CAP_NET_RAW.

Beside is for where that is not allowed: an IDLE connection of our own on the
same mailbox. Dovecot tells both at about the same time, in either order; the
message must stay where it is, or it is gone before the second is told.
"""

import ctypes
import imaplib
import select
import socket
import struct
import threading
import time

ETH_P_IP = 0x0800
SO_ATTACH_FILTER = 26
SO_TIMESTAMPNS = 35
# Shorter pauses are within one conversation.
SILENCE = 0.1


def port_filter(port):
    """tcp port N, for the kernel: code, jump if true, if false, constant."""
    program = [
        (0x30, 0, 0, 9),        # the protocol
        (0x15, 0, 6, 6),        # is TCP, else refused
        (0xb1, 0, 0, 0),        # the length of the IP header
        (0x48, 0, 0, 0),        # the port it comes from
        (0x15, 2, 0, port),
        (0x48, 0, 0, 2),        # the port it goes to
        (0x15, 0, 1, port),
        (0x06, 0, 0, 128),
        (0x06, 0, 0, 0),
    ]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    return len(program), ctypes.create_string_buffer(code, len(code))


class Wire:
    """The turns of the conversation with the server at a port of 127.0.0.1."""

    variant = "imap"
    settings = {}

    def __init__(self, site):
        self.port = site.port("CA_IMAPS")
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                    socket.htons(ETH_P_IP))
        length, self.code = port_filter(self.port)
        self.socket.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER,
            struct.pack("HP", length, ctypes.addressof(self.code)))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind(("lo", ETH_P_IP))
        self.segments = []

    def close(self):
        self.socket.close()

    def forget(self):
        self.collect()
        self.segments = []

    def collect(self):
        while select.select([self.socket], [], [], 0)[0]:
            data, extra, _, _ = self.socket.recvmsg(128, 64)
            stamps = [struct.unpack("qq", value) for level, kind, value
                      in extra if kind == SO_TIMESTAMPNS]
            length, = struct.unpack_from("!H", data, 2)
            ip = (data[0] & 15) * 4
            tcp = (data[ip + 12] >> 4) * 4
            source, = struct.unpack_from("!H", data, ip)
            if length > ip + tcp and stamps:
                self.segments.append((stamps[0][0] + stamps[0][1] / 1e9,
                                      source == self.port))

    def wait_quiet(self, seconds):
        """Until nobody has said anything for so long."""
        while True:
            known = len(self.segments)
            time.sleep(seconds)
            self.collect()
            if len(self.segments) == known:
                return

    def announced(self, before):
        """The last time up to then that the server broke a silence."""
        self.collect()
        found, last = None, 0.0
        for when, is_server in sorted(self.segments):
            if when <= before and is_server and when - last >= SILENCE:
                found = when
            last = when
        return found

    def turns(self, since):
        """When the word went to the other side, from a time on."""
        found, speaker = [], True
        for when, is_server in sorted(self.segments):
            if when > since and is_server != speaker:
                found.append(when)
                speaker = is_server
        return found


class Beside:
    """Our own IDLE connection."""

    variant = "imap_beside"
    settings = {"validator.disposal": "flag"}

    def __init__(self, site):
        self.imap = imaplib.IMAP4_SSL("localhost", site.port("CA_IMAPS"),
                                      ssl_context=site.tls)
        self.imap.login(site.env["CA_IMAP_USER"], site.password("CA_IMAP"))
        self.imap.select("INBOX", readonly=True)
        self.imap.send(b"X1 IDLE\r\n")
        self.times = []
        self.closed = False
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        try:
            while line := self.imap.readline():
                when = time.time()
                if line.rstrip().upper().endswith(b" EXISTS"):
                    self.times.append(when)
        except (OSError, ValueError, imaplib.IMAP4.error):
            if not self.closed:
                raise

    def close(self):
        self.closed = True
        # Not close(): that waits for the thread, which is reading.
        self.imap.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)

    def forget(self):
        self.times.clear()

    def wait_quiet(self, seconds):
        time.sleep(seconds)

    def announced(self, before):
        """It may have been told later than the validator: waited for."""
        deadline = time.monotonic() + 5
        while not self.times and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.times[0] if self.times else None

    def turns(self, since):
        return []


def watcher(beside=False):
    """The class that can be used here."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0).close()
    except PermissionError:
        beside = True
    return Beside if beside else Wire
