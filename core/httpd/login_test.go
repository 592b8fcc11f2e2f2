package httpd_test

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"testing"
)

func TestLogin(t *testing.T) {
	digest := sha1.Sum([]byte("pa:ss"))
	plain, hashed := "pa:ss", "{SHA}"+hex.EncodeToString(digest[:])
	basic := func(s string) string { return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tt := range []struct {
		name, password, field string
		want                  int
	}{
		{"nothing", plain, "X: y", 401},
		{"good", plain, basic("us:pa:ss"), 200},
		{"scheme in lower case", plain, "authorization: basic dXM6cGE6c3M=", 200},
		{"wrong password", plain, basic("us:nope"), 401},
		{"wrong user", plain, basic("zz:pa:ss"), 401},
		{"empty password", plain, basic("us:"), 401},
		{"beginning of the password", plain, basic("us:pa:s"), 401},
		{"no colon", plain, basic("us"), 400},
		{"bad base64", plain, "Authorization: Basic a", 400},
		{"no base64", plain, "Authorization: Basic !!!!", 400},
		{"not UTF-8", plain, basic("us:\xff"), 400},
		{"other scheme", plain, "Authorization: Bearer xyz", 401},
		{"no credentials", plain, "Authorization: Basic", 401},
		{"hashed", hashed, basic("us:pa:ss"), 200},
		{"hashed, the hash itself", hashed, basic("us:" + hashed), 401},
		{"hashed, the bare hash", hashed, basic("us:" + hashed[len("{SHA}"):]), 401},
		{"hashed, wrong", hashed, basic("us:x"), 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startTCP(t, "us", tt.password)
			for path, open := range map[string]int{"POST /RPC2": 200, "GET /nosuch": 404, "GET /logtail/unknown": 404, "GET /mainlogtail": 404} {
				want, body := tt.want, ""
				if want == 200 {
					want = open
				}
				if path == "POST /RPC2" {
					body = getVersion
				}
				if r, _ := s.ask(t, request(path+" HTTP/1.1", body, tt.field)); r.StatusCode != want {
					t.Errorf("%s: %s, want %d", path, r.Status, want)
				}
			}
		})
	}
}

func TestNoLoginIsAskedForWithoutAUserName(t *testing.T) {
	s := startTCP(t, "", "secret")
	for _, field := range []string{"X: y", "Authorization: Basic Og==", "Authorization: Basic !", "Authorization: Bearer x"} {
		if r, _ := s.ask(t, post(getVersion, field)); r.StatusCode != 200 {
			t.Errorf("%s: %s", field, r.Status)
		}
	}
}
