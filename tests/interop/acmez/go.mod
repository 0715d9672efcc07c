module countersign.invalid/interop

go 1.24.0

require github.com/mholt/acmez/v3 v3.1.6

require (
	golang.org/x/crypto v0.48.0 // indirect
	golang.org/x/net v0.50.0 // indirect
	golang.org/x/text v0.34.0 // indirect
)
