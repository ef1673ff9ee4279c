package edge

import (
	"errors"

	"rawlink/internal/share"
)

// How a confirmation was found, as it stands in metrics.
const (
	confirmGrant   = "grant" // of an earlier POST
	confirmGiven   = "given" // by this POST
	confirmMissing = "missing"
)

var errUnconfirmed = share.E(share.Locked, "confirm", errors.New("not opened with POST"))

// asks returns what the share asks of its clients here. The form of a password is sent
// by POST: who has filled it in has confirmed.
func (e *Edge) asks(k *known) proof {
	switch {
	case e.cfg.EnforcePasswords && k.rec.PasswordHash != "":
		return proof(k.rec.PasswordHash)
	case k.rec.Confirm:
		return confirmed
	}
	return ""
}

// unlock is the last gate: to a share with a password, where passwords are enforced,
// and to one that is to be confirmed. It lets everybody through to the others, but a
// POST, which nobody asked for.
//
// What opens links by itself, in mails and chats, asks with GET and HEAD, often under a
// browser's name: so a confirmation takes a POST, whoever asks, and what counts is
// the GET that it leads to.
func (e *Edge) unlock(k *known, req *request, t *tally) error {
	asks := e.asks(k)
	if asks == "" {
		if req.method == methodPost {
			return errMethod
		}
		return nil
	}
	granted := e.granted(k, asks, req, t)
	if asks != confirmed {
		found, err := passwordGrant, error(nil)
		if !granted {
			found, err = e.proves(k, req, t)
		}
		e.metrics.Password(found)
		if err != nil {
			return err
		}
	}
	if !k.rec.Confirm {
		return nil
	}
	found, err := confirmation(req.method, granted)
	e.metrics.Confirm(found)
	return err
}

func confirmation(m method, granted bool) (found string, err error) {
	switch {
	case granted:
		return confirmGrant, nil
	case m == methodPost:
		return confirmGiven, nil
	}
	return confirmMissing, errUnconfirmed
}

// granted reports whether the request comes with a grant of what is asked, or of more:
// an edge that enforces passwords may have granted it. A POST asks for a new one.
func (e *Edge) granted(k *known, asks proof, req *request, t *tally) bool {
	if req.grant == "" || req.method == methodPost {
		return false
	}
	if e.grants.good(req.grant, t.hash, asks, req.addr, t.start) {
		return true
	}
	more := proof(k.rec.PasswordHash)
	return asks == confirmed && more != "" && e.grants.good(req.grant, t.hash, more, req.addr, t.start)
}
