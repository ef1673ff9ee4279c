package edge

import (
	"bytes"
	"encoding/base64"

	"github.com/valyala/fasthttp"
)

// headerPassword is the header in which a program may send a share's password.
const headerPassword = "X-Share-Password"

// maxPassword is the length in bytes beyond which a password can't be right: the
// origin stores none that is longer.
const maxPassword = 1024

// passwordField is the form's field.
const passwordField = "password"

// readBody returns the password of a form, "" if there is none. A POST has a form or
// no body, other requests have none.
func readBody(ctx *fasthttp.RequestCtx, m method) (password string, err error) {
	if len(ctx.Request.Body()) == 0 {
		return "", nil
	}
	if m != methodPost {
		return "", errHasBody
	}
	kind, _, _ := bytes.Cut(ctx.Request.Header.ContentType(), []byte(";"))
	if !bytes.EqualFold(bytes.TrimSpace(kind), []byte("application/x-www-form-urlencoded")) {
		return "", errNoForm
	}
	return string(ctx.PostArgs().Peek(passwordField)), nil
}

// basicPassword returns the password from Authorization: Basic, RFC 7617, with
// whatever user name; "" if there is none.
func basicPassword(value []byte) string {
	scheme, encoded, _ := bytes.Cut(value, []byte(" "))
	if !bytes.EqualFold(scheme, []byte("Basic")) {
		return ""
	}
	plain, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(encoded)))
	if err != nil {
		return ""
	}
	_, password, _ := bytes.Cut(plain, []byte(":"))
	return string(password)
}
