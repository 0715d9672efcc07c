// One issuance with acmez: its client, its solver interface, its reply.  See
// ../clients.py for the conversation.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"strings"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// Options: account and key are P-256, P-384, P-521 or rsa; post is early or
// late; csr is san (nothing but the mailbox) or names (it is everywhere);
// poll is in milliseconds; then is one of revoke (by the account), disown (by
// the certificate's key), rollover, renew, preauthz.
type options struct {
	Directory string
	Mailbox   string
	Account   string
	Key       string
	Post      string
	CSR       string
	Poll      int
	Profile   string
	Then      string
	EAB       *struct{ Kid, Key string }
}

var answers = bufio.NewReader(os.Stdin)

func say(v any) {
	line, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func ask(question map[string]string) ([]byte, error) {
	say(question)
	line, err := answers.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	var answer struct{ Message []byte }
	err = json.Unmarshal(line, &answer)
	return answer.Message, err
}

// solver answers the challenge mail with what the library makes of it, in Wait:
// before the challenge is POSTed.
type solver struct{}

// reply also checks what the library leaves to its users.
func reply(c acme.Challenge) error {
	octets, err := ask(map[string]string{"ask": "mail", "from": c.From})
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(octets))
	if err != nil {
		return err
	}
	if to := m.Header.Get("To"); to != strings.ToLower(c.Identifier.Value) {
		return fmt.Errorf("the mail is for %s", to)
	}
	text, err := acmez.MailReplyChallengeResponse(c, m.Header.Get("Subject"),
		m.Header.Get("Message-ID"), m.Header.Get("Reply-To"))
	if err != nil {
		return err
	}
	_, err = ask(map[string]string{"ask": "send", "to": c.From,
		"message": base64.StdEncoding.EncodeToString([]byte(text))})
	return err
}

func (s solver) Present(context.Context, acme.Challenge) error { return nil }
func (s solver) CleanUp(context.Context, acme.Challenge) error { return nil }

func (s solver) Wait(_ context.Context, c acme.Challenge) error {
	return reply(c)
}

func newKey(kind string) (crypto.Signer, error) {
	switch kind {
	case "rsa":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "P-384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "P-521":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func newCSR(key crypto.Signer, o options) (*x509.CertificateRequest, error) {
	request := &x509.CertificateRequest{EmailAddresses: []string{o.Mailbox}}
	if o.CSR == "names" {
		request.Subject = pkix.Name{CommonName: o.Mailbox, ExtraNames: []pkix.AttributeTypeAndValue{{
			Type:  asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1},
			Value: asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(o.Mailbox)},
		}}}
		request.DNSNames = []string{o.Mailbox}
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, request, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificateRequest(der)
}

type session struct {
	options
	client  acmez.Client
	account acme.Account
}

func open(ctx context.Context, o options) (*session, error) {
	s := &session{options: o}
	s.client = acmez.Client{
		Client: &acme.Client{
			Directory:    o.Directory,
			PollInterval: time.Duration(o.Poll) * time.Millisecond,
			PollTimeout:  5 * time.Minute,
		},
		ChallengeSolvers: map[string]acmez.Solver{
			acme.ChallengeTypeEmailReply00: solver{},
		},
	}
	key, err := newKey(o.Account)
	if err != nil {
		return nil, err
	}
	account := acme.Account{PrivateKey: key, TermsOfServiceAgreed: true,
		Contact: []string{"mailto:alice@user.test"}}
	if o.EAB != nil {
		err = account.SetExternalAccountBinding(ctx, s.client.Client,
			acme.EAB{KeyID: o.EAB.Kid, MACKey: o.EAB.Key})
		if err != nil {
			return nil, err
		}
	}
	s.account, err = s.client.NewAccount(ctx, account)
	return s, err
}

func (s *session) identifiers() []acme.Identifier {
	return []acme.Identifier{{Type: "email", Value: s.Mailbox}}
}

// obtain lets the library do all of it.
func (s *session) obtain(ctx context.Context, csr *x509.CertificateRequest, replaces *x509.Certificate) ([]byte, error) {
	chains, err := s.client.ObtainCertificate(ctx, acmez.OrderParameters{
		Account: s.account, Profile: s.Profile, Replaces: replaces,
		Identifiers: s.identifiers(), CSR: acmez.StaticCSR(csr),
	})
	if err != nil {
		return nil, err
	}
	return chains[0].ChainPEM, nil
}

// postFirst goes the steps one by one, with the library's lower layer: the
// challenge is POSTed before anything is read or written.
func (s *session) postFirst(ctx context.Context, csr *x509.CertificateRequest) ([]byte, error) {
	c := s.client.Client
	order, err := c.NewOrder(ctx, s.account, acme.Order{
		Profile: s.Profile, Identifiers: s.identifiers()})
	if err != nil {
		return nil, err
	}
	for _, url := range order.Authorizations {
		authz, err := c.GetAuthorization(ctx, s.account, url)
		if err != nil {
			return nil, err
		}
		if authz, err = s.prove(ctx, authz); err != nil {
			return nil, err
		}
		if authz, err = c.PollAuthorization(ctx, s.account, authz); err != nil {
			return nil, err
		}
	}
	if order, err = c.FinalizeOrder(ctx, s.account, order, csr.Raw); err != nil {
		return nil, err
	}
	chains, err := c.GetCertificateChain(ctx, s.account, order.Certificate)
	if err != nil {
		return nil, err
	}
	return chains[0].ChainPEM, nil
}

func (s *session) prove(ctx context.Context, authz acme.Authorization) (acme.Authorization, error) {
	if len(authz.Challenges) != 1 || authz.Challenges[0].Type != acme.ChallengeTypeEmailReply00 {
		return authz, errors.New("not exactly one email-reply-00")
	}
	challenge := authz.Challenges[0]
	posted, err := s.client.InitiateChallenge(ctx, s.account, challenge)
	if err != nil {
		return authz, err
	}
	if posted.URL != challenge.URL || posted.Token != challenge.Token || posted.From != challenge.From {
		return authz, errors.New("the POST changed the challenge")
	}
	return authz, reply(challenge)
}

func firstCertificate(chain []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(chain)
	if block == nil {
		return nil, errors.New("no PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// renew asks when, and replaces the certificate: `when` and `replaced`.
func (s *session) renew(ctx context.Context, csr *x509.CertificateRequest, old []byte, done map[string]any) error {
	leaf, err := firstCertificate(old)
	if err != nil {
		return err
	}
	info, err := s.client.GetRenewalInfo(ctx, leaf)
	if err != nil {
		return err
	}
	done["start"] = info.SuggestedWindow.Start
	done["end"] = info.SuggestedWindow.End
	next, err := s.obtain(ctx, csr, leaf)
	done["chain"] = string(next)
	return err
}

func (s *session) revoke(ctx context.Context, chain []byte, by crypto.Signer, done map[string]any) error {
	leaf, err := firstCertificate(chain)
	if err != nil {
		return err
	}
	if err = s.client.RevokeCertificate(ctx, s.account, leaf, by, acme.ReasonSuperseded); err != nil {
		return err
	}
	done["again"] = fmt.Sprint(s.client.RevokeCertificate(ctx, s.account, leaf, by, acme.ReasonSuperseded))
	return nil
}

// before is what can be done without an order.
func (s *session) before(ctx context.Context) error {
	switch s.Then {
	case "rollover":
		key, err := newKey("P-384")
		if err != nil {
			return err
		}
		s.account, err = s.client.AccountKeyRollover(ctx, s.account, key)
		return err
	case "preauthz":
		authz, err := s.client.NewAuthorization(ctx, s.account, s.identifiers()[0])
		if err != nil {
			return err
		}
		if authz, err = s.prove(ctx, authz); err != nil {
			return err
		}
		_, err = s.client.PollAuthorization(ctx, s.account, authz)
		return err
	}
	return nil
}

func run(ctx context.Context, o options) error {
	s, err := open(ctx, o)
	if err != nil {
		return err
	}
	if err = s.before(ctx); err != nil {
		return err
	}
	key, err := newKey(o.Key)
	if err != nil {
		return err
	}
	csr, err := newCSR(key, o)
	if err != nil {
		return err
	}
	var chain []byte
	if o.Post == "early" {
		chain, err = s.postFirst(ctx, csr)
	} else {
		chain, err = s.obtain(ctx, csr, nil)
	}
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	done := map[string]any{"ask": "done", "chain": string(chain),
		"bound":  len(s.account.ExternalAccountBinding) != 0,
		"public": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))}
	switch o.Then {
	case "renew":
		err = s.renew(ctx, csr, chain, done)
	case "revoke":
		err = s.revoke(ctx, chain, s.account.PrivateKey, done)
	case "disown":
		err = s.revoke(ctx, chain, key, done)
	}
	if err != nil {
		return err
	}
	say(done)
	return nil
}

func main() {
	var o options
	err := json.Unmarshal([]byte(os.Args[1]), &o)
	if err == nil {
		err = run(context.Background(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
