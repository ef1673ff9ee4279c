package edge

import "rawlink/internal/share"

// charge is how the bytes of an answer are to be paid for.
type charge uint8

const (
	chargeNothing charge = iota // no bytes: HEAD, 304, 412, 416
	chargeProbe                 // a player's look at the first two bytes
	chargeRange                 // free inside a live lease, else a download
	chargeWhole                 // always a download
)

// plan is the decided answer to an admitted request for a servable share.
type plan struct {
	status int
	span   span   // bytes of the object in the body; empty for none or several
	parts  []span // several spans, for a body of type multipart/byteranges
	length int64  // of the body, or of the one that HEAD doesn't send
	charge charge
}

// bytes returns how many bytes of the object the body holds.
func (p *plan) bytes() int64 {
	n := p.span.length()
	for _, part := range p.parts {
		n += part.length()
	}
	return n
}

// probeFloor is the size in bytes up to which a probe would be a real part of
// the file, and so is not free.
const probeFloor = 1 << 10

// decide turns preconditions and ranges into a plan. It is a pure function: all
// of HTTP that depends on the object is here, and nothing is decided after it.
func decide(req *request, rec *share.Record, heads *heads) plan {
	size := rec.Object.Size
	switch req.conditions.evaluate(heads.etag, rec.Modified) {
	case notModified:
		return plan{status: 304}
	case failed:
		return plan{status: 412}
	}
	if req.method == methodHead { // Range is defined for GET alone, RFC 9110 §14.2
		return plan{status: 200, length: size}
	}
	whole := plan{status: 200, span: span{0, size}, length: size, charge: chargeWhole}
	if req.rangeText == "" || !req.conditions.rangeStands(heads.etag, rec.Modified) {
		return whole
	}
	form, s, parts := parseRange(req.rangeText, size)
	switch form {
	case rangeUnsatisfiable:
		return plan{status: 416}
	case rangeSingle:
		return plan{status: 206, span: s, length: s.length(), charge: rangeCharge(s, size)}
	case rangeSeveral:
		return plan{status: 206, parts: parts, length: multipartLength(parts, heads.contentType, size), charge: chargeRange}
	}
	return whole
}

// rangeCharge tells the probe with which players begin from a real range.
func rangeCharge(s span, size int64) charge {
	if s.from == 0 && s.to <= 2 && size > probeFloor {
		return chargeProbe
	}
	return chargeRange
}
