package httpd

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"unicode/utf8"
)

// login is what a server asks its clients for.
type login struct {
	required bool
	user     string
	password string
	hashed   bool // password is the hexadecimal SHA-1 of the password
}

// newLogin takes a server's options. Without a user name nothing is asked for.
func newLogin(user, password string) login {
	digest, hashed := strings.CutPrefix(password, "{SHA}")
	return login{required: user != "", user: user, password: digest, hashed: hashed}
}

// verdict is the outcome of a login.
type verdict int

const (
	loginGood verdict = iota
	loginMissing
	loginMalformed
)

// check looks at the Authorization of a request; it is ignored where none is
// required. Another scheme than Basic, and one without credentials, count as
// missing; credentials that cannot be read are malformed.
func (l login) check(r *http.Request) verdict {
	if !l.required {
		return loginGood
	}
	scheme, cookie, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Basic") || cookie == "" {
		return loginMissing
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(cookie))
	user, password, ok := strings.Cut(string(plain), ":")
	if err != nil || !ok || !utf8.Valid(plain) {
		return loginMalformed
	}
	if l.hashed {
		digest := sha1.Sum([]byte(password))
		password = hex.EncodeToString(digest[:])
	}
	if subtle.ConstantTimeCompare([]byte(user), []byte(l.user))&subtle.ConstantTimeCompare([]byte(password), []byte(l.password)) == 0 {
		return loginMissing
	}
	return loginGood
}
