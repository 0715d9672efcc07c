/*
 * What a person does in Thunderbird: reads, replies, looks at the signature.
 * Each function takes an object of parameters and returns a promise; they run
 * in the main window. The windows and commands are the program's own.
 */
const { MailServices } = ChromeUtils.importESModule(
    "resource:///modules/MailServices.sys.mjs");

const PATIENCE = 60000;

/* The first true answer; an answer that never comes is an error. */
async function eventually(question, what) {
    const end = Date.now() + PATIENCE;
    for (;;) {
        const answer = await question();
        if (answer)
            return answer;
        if (Date.now() > end)
            throw new Error(`waited in vain for ${what}; ${complaint()}`);
        await new Promise(resolve => setTimeout(resolve, 50));
    }
}

function certificates() {
    return Cc["@mozilla.org/security/x509certdb;1"]
        .getService(Ci.nsIX509CertDB);
}

function identity() {
    return MailServices.accounts.defaultAccount.defaultIdentity;
}

/*
 * The message in the INBOX; asks the server until it is there. Of several
 * with this Message-ID the last, once there are so many.
 */
async function find({ id, copies = 1 }) {
    const server = MailServices.accounts.defaultAccount.incomingServer;
    const inbox = await eventually(() => {
        const found = server.rootFolder.getFolderWithFlags(
            Ci.nsMsgFolderFlags.Inbox);
        if (!found)
            server.performExpand(null);
        return found;
    }, "the INBOX");
    inbox.QueryInterface(Ci.nsIMsgImapMailFolder);
    return eventually(async () => {
        const found = [...inbox.messages].filter(m => m.messageId == id);
        if (found.length >= copies)
            return found.sort((m, n) => m.messageKey - n.messageKey).pop();
        /* Nobody is told of the end where an update of Thunderbird's own was
         * on its way. */
        await new Promise(resolve => {
            setTimeout(resolve, 2000);
            inbox.updateFolderWithListener(null,
                { OnStartRunningUrl() {}, OnStopRunningUrl: resolve });
        });
        return null;
    }, `message ${id}`);
}

/*
 * The window in which the person writes: `type` and `format` are words of
 * nsIMsgCompType and nsIMsgCompFormat.
 */
async function open_window(type, format, header) {
    const opened = new Promise(resolve => {
        Services.ww.registerNotification(function look(w, topic) {
            if (topic != "domwindowopened")
                return;
            Services.ww.unregisterNotification(look);
            w.addEventListener("compose-editor-ready", () => resolve(w),
                { once: true });
        });
    });
    const of_header = header ? [header.folder.getUriForMsg(header)] : [];
    window.ComposeMessage(Ci.nsIMsgCompType[type], Ci.nsIMsgCompFormat[format],
        header?.folder, of_header);
    return opened;
}

/* As by a key: `command` puts the text where the program left the cursor. */
function paste(w, text, command) {
    Cc["@mozilla.org/widget/clipboardhelper;1"]
        .getService(Ci.nsIClipboardHelper).copyString(text);
    w.focusMsgBody();
    w.goDoCommand(command);
    const [line] = text.split("\n");
    if (!w.GetCurrentEditor().document.body.textContent.includes(line.trim()))
        throw new Error("the text was not pasted");
}

/* What a dialog says, if one is open. */
function complaint() {
    for (const w of Services.wm.getEnumerator(""))
        if (w.location.href == "chrome://global/content/commonDialog.xhtml")
            return w.document.getElementById("infoBody").textContent;
    return null;
}

async function send(w) {
    let closed = false;
    w.addEventListener("unload", () => { closed = true; }, { once: true });
    await eventually(() => !w.gSendLocked && !w.gWindowLocked,
        "the button that sends");
    w.goDoCommand("cmd_sendNow");
    await eventually(() => closed || complaint(), "the end of the sending");
    if (!closed)
        throw new Error(complaint());
}

/* What nsICMSMessageErrors calls the number that the message window has. */
function cms_word(number) {
    if (number == -1)
        return "none";
    return Object.keys(Ci.nsICMSMessageErrors)
        .find(word => Ci.nsICMSMessageErrors[word] == number);
}

var desk = {
    /* Trusts the laboratory's TLS, knows the passwords. */
    async prepare({ ca, user, password }) {
        certificates().addCertFromBase64(ca, "C,,");
        for (const scheme of ["imap", "smtp"]) {
            const login = Cc["@mozilla.org/login-manager/loginInfo;1"]
                .createInstance(Ci.nsILoginInfo);
            const origin = `${scheme}://localhost`;
            login.init(origin, null, origin, user, password, "", "");
            await Services.logins.addLoginAsync(login);
        }
        return Services.appinfo.version;
    },

    /*
     * Writes a mail and sends it. message: which one is answered, as for
     * find(); type, format: see open_window(); to, subject: in place of what
     * the window has; send_as: a word of nsIMsgCompSendFormat; on_top: where
     * the program puts the cursor; command: how the text is pasted; sign,
     * encrypt: with S/MIME.
     */
    async write({ message, type = "ReplyToSender", format = "PlainText", to,
        subject, text, send_as = "Auto", on_top = true, command = "cmd_paste",
        sign = false, encrypt = false, signature = "", preferences = {} }) {
        Object.assign(identity(), { replyOnTop: on_top ? 1 : 0,
            htmlSigText: signature });
        for (const [name, value] of Object.entries(preferences)) {
            if (typeof value == "boolean")
                Services.prefs.setBoolPref(name, value);
            else
                Services.prefs.setIntPref(name, value);
        }
        const w = await open_window(type, format,
            message && await find(message));
        const details = { identityKey: null };
        if (to)
            details.to = to;
        if (subject)
            details.subject = subject;
        w.SetComposeDetails(details);
        w.gMsgCompose.compFields.deliveryFormat =
            Ci.nsIMsgCompSendFormat[send_as];
        paste(w, text, command);
        if (w.gSendSigned != sign)
            w.toggleGlobalSignMessage();
        if (w.gSendEncrypted != encrypt)
            w.toggleEncryptMessage();
        /* It looks for the recipients' certificates in the background. */
        if (encrypt)
            await eventually(() => w.getEncryptionCompatibleRecipients().every(
                to => w.gSMFields.haveValidCertForEmail(to)),
            "the recipient's certificate");
        await send(w);
        for (const name in preferences)
            Services.prefs.clearUserPref(name);
    },

    /* A root that certificates for mail may chain to. */
    async trust({ root }) {
        certificates().addCertFromBase64(root, ",C,");
    },

    /* The key and certificates of a PKCS #12 file, to sign with and to be
     * encrypted for. */
    async use_certificate({ file, password, fingerprint }) {
        const path = Cc["@mozilla.org/file/local;1"]
            .createInstance(Ci.nsIFile);
        path.initWithPath(file);
        const failure = certificates().importPKCS12File(path, password);
        if (failure)
            throw new Error(`PKCS #12: ${failure}`);
        const own = certificates().getCerts().find(
            c => c.sha256Fingerprint.replaceAll(":", "") == fingerprint);
        for (const use of ["signing", "encryption"]) {
            identity().setUnicharAttribute(`${use}_cert_name`,
                own.displayName);
            identity().setCharAttribute(`${use}_cert_dbkey`, own.dbKey);
        }
    },

    /* Opens a message that is signed with S/MIME; what the window shows of
     * signature, encryption and text. It verifies behind the loading. */
    async read(message) {
        const header = await find(message);
        const tabs = document.getElementById("tabmail");
        const tab = tabs.openTab("mailMessageTab", {
            messageURI: header.folder.getUriForMsg(header) });
        const view = await eventually(() => {
            const found = tab.chromeBrowser.contentWindow;
            return found?.gMessage == header && found.msgLoaded &&
                found.gSignatureStatusForURI &&
                found.getMessagePaneBrowser().contentDocument?.body && found;
        }, "the message with its signature");
        const icon = name => {
            const shown = view.document.getElementById(name);
            return shown.hidden ? null
                : shown.src.replace(/.*-([a-z]+)\.svg$/, "$1");
        };
        const shown = {
            technology: view.document.getElementById("cryptoBox")
                .getAttribute("tech"),
            signed: icon("signedHdrIcon"),
            signature: cms_word(view.gSignatureStatus),
            signer: view.gSignerCert?.emailAddress,
            encrypted: icon("encryptedHdrIcon"),
            encryption: cms_word(view.gEncryptionStatus),
            text: view.getMessagePaneBrowser().contentDocument.body
                .textContent,
        };
        tabs.closeTab(tab);
        return shown;
    },
};
