#!/usr/bin/python3
"""How the running roles are confined (PK-202, architecture.md), as the kernel
says it; and that what an admin does while they run goes on working."""

import os
import shutil
import signal
import types

from acme import Client
from harness import (ROLES, USER, case, command, edit_config, eventually,
                     open_in, read_file, run)
from letters import answer


def status_of(pid):
    return dict(line.split(":\t", 1) for line in
                read_file(f"/proc/{pid}/status").splitlines() if ":\t" in line)


def limits_of(pid):
    return {line[:25].strip(): line[26:].split()[0]
            for line in read_file(f"/proc/{pid}/limits").splitlines()[1:]}


def issue(site):
    order = Client(site).order("alice@user.test")
    challenge = order.challenge()
    challenge.post()
    answer(site, challenge)
    return order.certificate()


def test_confined(site):
    with case("PK-202: every role says how it is confined"):
        for role in ROLES:
            event, = [e for e in site.events("confined")
                      if e["role"] == role]
            assert (event["files"], event["calls"]) == ("yes", "yes"), event
    for role, pid in site.roles().items():
        with case(f"PK-202: {role}: a filter for system calls, no rights, no "
                  "way to get some, no core"):
            found = status_of(pid)
            assert found["Seccomp"] == "2", found["Seccomp"]
            assert found["NoNewPrivs"] == "1"
            for rights in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                assert int(found[rights], 16) == 0, (rights, found[rights])
            assert "0" not in found["Uid"].split() or os.getuid() != 0
            assert limits_of(pid)["Max core file size"] == "0"
    with case("the issuer and the web have no socket that leads outside"):
        for role in ("issuer", "web"):
            pid = site.roles()[role]
            found = open_in(pid)
            sockets = [f for f in found if f.startswith("socket:")]
            # one half of a pair has neither a name nor a network: the
            # issuer's leads to the linters' parent, if there is one
            pairs = [f"socket:[{words[6]}]" for words in
                     map(str.split, read_file("/proc/net/unix").splitlines())
                     if len(words) == 7]
            assert role == "web" or set(sockets) <= set(pairs), found
    with case("and a certificate is issued"):
        issue(site)


def test_admin(site):
    with case("SIGHUP: a configuration that was replaced is read"):
        edit_config(site, ca_name="Another Name")
        fresh = f"{site.config}.new"
        shutil.copy(site.config, fresh)
        os.replace(fresh, site.config)
        mark = site.mark()
        site.reload()
        assert "configuration not reloaded" not in site.log(mark)
        assert len(site.events("configuration reloaded", mark)) == \
            len(site.processes())
    with case("SIGHUP: files elsewhere: the role is started anew, and reads "
              "them"):
        path = f"{site.folder}/elsewhere"
        os.mkdir(path)
        os.chmod(path, 0o755)
        shutil.copy(site.env["LAB_CA_CERT"], f"{path}/roots.pem")
        os.chmod(f"{path}/roots.pem", 0o644)
        mark = site.mark()
        edit_config(site, validator__smime_roots=f"{path}/roots.pem")
        site.reload()
        eventually(lambda: {"validator", "issuer"} <= {
            e["role"] for e in site.events("confined", mark)}, "new roles")
        issue(site)
        assert " error role=validator" not in site.log(mark), site.log(mark)
    with case("a role that was killed is confined again"):
        mark = site.mark()
        os.kill(site.roles()["issuer"], signal.SIGKILL)
        eventually(lambda: site.events("confined", mark), "the new issuer")
        issue(site)


def test_keys(site):
    """The lab's keys are root's; here one belongs to the roles' user."""
    if os.getuid() != 0:
        return
    with case("PK-202: check is content with keys that root has"):
        assert "ok    key files\n" in site.countersign("check", status=None)
    with case("PK-202: and with one beside the configuration, which no role "
              "reads"):
        shutil.chown(f"{site.state}/seal.key", USER)
        assert "ok    key files\n" in site.countersign("check", status=None)
        shutil.chown(f"{site.state}/seal.key", 0)
    key = f"{site.state}/state/seal.key"
    shutil.copy(f"{site.state}/seal.key", key)
    shutil.chown(key, USER)
    edit_config(site, seal_key="state/seal.key")
    said = "seal_key: " + key + " is open to the user of the roles, and " \
        "nothing keeps it from web"
    with case("PK-202: check warns of a key that another role could read"):
        found = site.countersign("check", status=None)
        assert f"warn  key files: {said}" in found, found
    with case("PK-202: in public mode nothing is started then"):
        public = types.SimpleNamespace(config=f"{site.state}/public.conf")
        shutil.copy(site.config, public.config)
        edit_config(public, mode="public", tos_url="https://ca.test/terms",
                    tos_sha256="0" * 64, tos_binding="yes",
                    policy__allow_reserved_domains="no",
                    policy__weak_keys="/nonexistent",
                    issuer__ca_key=None, issuer__ca_key_passphrase=None,
                    issuer__key_module="/nonexistent", issuer__key_token="t",
                    issuer__key_label="l", issuer__key_id="01",
                    issuer__key_pin="/nonexistent",
                    issuer__key_module_certificate="none")
        found = command(site.program, "-f", public.config, status=1)
        assert "could read keys that are not theirs" in found, found
        assert said in found, found
        found = command(f"{site.build}/countersign", "check", "-f",
                        public.config, status=1)
        assert f"WRONG key files: {said}" in found, found


run({}, test_confined, test_admin, test_keys)
