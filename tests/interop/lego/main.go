// When does lego renew a certificate?  Its library asks the server (RFC 9773)
// and decides; it knows no email-reply-00, so the certificate is another
// client's.  See ../clients.py for the conversation.
//
// Options: directory; certificate (PEM); sleep (seconds that it would wait for
// the right moment).
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"log"
	"os"
	"time"

	"github.com/go-acme/lego/v4/certcrypto"
	"github.com/go-acme/lego/v4/certificate"
	"github.com/go-acme/lego/v4/lego"
	"github.com/go-acme/lego/v4/registration"
)

type options struct {
	Directory   string `json:"directory"`
	Certificate string `json:"certificate"`
	Sleep       int64  `json:"sleep"`
}

// Nobody: renewal information needs no account.
type user struct{ key crypto.PrivateKey }

func (u user) GetEmail() string                        { return "" }
func (u user) GetRegistration() *registration.Resource { return nil }
func (u user) GetPrivateKey() crypto.PrivateKey        { return u.key }

type done struct {
	Ask        string `json:"ask"`
	CertID     string `json:"certid"`
	Start      string `json:"start"`
	End        string `json:"end"`
	RetryAfter int64  `json:"retry_after"`
	RenewAt    string `json:"renew_at"` // "": not at this run
}

func run(o options) (*done, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	config := lego.NewConfig(user{key})
	config.CADirURL = o.Directory
	client, err := lego.NewClient(config)
	if err != nil {
		return nil, err
	}
	leaf, err := certcrypto.ParsePEMCertificate([]byte(o.Certificate))
	if err != nil {
		return nil, err
	}
	id, err := certificate.MakeARICertID(leaf)
	if err != nil {
		return nil, err
	}
	info, err := client.Certificate.GetRenewalInfo(
		certificate.RenewalInfoRequest{Cert: leaf})
	if err != nil {
		return nil, err
	}
	d := &done{
		Ask:        "done",
		CertID:     id,
		Start:      info.SuggestedWindow.Start.UTC().Format(time.RFC3339),
		End:        info.SuggestedWindow.End.UTC().Format(time.RFC3339),
		RetryAfter: int64(info.RetryAfter / time.Second),
	}
	at := info.ShouldRenewAt(time.Now(), time.Duration(o.Sleep)*time.Second)
	if at != nil {
		d.RenewAt = at.UTC().Format(time.RFC3339)
	}
	return d, nil
}

func main() {
	var o options
	if err := json.Unmarshal([]byte(os.Args[1]), &o); err != nil {
		log.Fatal(err)
	}
	d, err := run(o)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(d); err != nil {
		log.Fatal(err)
	}
}
