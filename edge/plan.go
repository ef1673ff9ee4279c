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
	span   span // bytes of the object in the body; empty for none
	length int64
	charge charge
}

// probeFloor is the size in bytes up to which a probe would be a real part of
// the file, and so is not free.
const probeFloor = 1 << 10

// decide turns preconditions and ranges into a plan. It is a pure function: all
// of HTTP that depends on the object is here, and nothing is decided after it.
func decide(req *request, rec *share.Record, etag string) plan {
	size := rec.Object.Size
	switch req.conditions.evaluate(etag, rec.Modified) {
	case notModified:
		return plan{status: 304}
	case failed:
		return plan{status: 412}
	}
	if req.method == methodHead { // Range is defined for GET alone, RFC 9110 §14.2
		return plan{status: 200, length: size}
	}
	whole := plan{status: 200, span: span{0, size}, length: size, charge: chargeWhole}
	if req.rangeText == "" || !req.conditions.rangeStands(etag, rec.Modified) {
		return whole
	}
	form, s := parseRange(req.rangeText, size)
	switch form {
	case rangeUnsatisfiable:
		return plan{status: 416}
	case rangeSingle:
		return plan{status: 206, span: s, length: s.length(), charge: rangeCharge(s, size)}
	}
	return whole // ignored, or several: a server may answer those whole (§14.2)
}

// rangeCharge tells the probe with which players begin from a real range.
func rangeCharge(s span, size int64) charge {
	if s.from == 0 && s.to <= 2 && size > probeFloor {
		return chargeProbe
	}
	return chargeRange
}
