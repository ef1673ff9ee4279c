package edge

import "strconv"

// A body of several ranges, RFC 9110 §14.6. Its boundary is the request's id: 128
// random bits, which no file can have in it by design.

// appendPartHead appends what stands before a part.
func appendPartHead(dst []byte, boundary, contentType string, s span, size int64) []byte {
	dst = append(dst, "\r\n--"...)
	dst = append(dst, boundary...)
	if contentType != "" {
		dst = append(dst, "\r\nContent-Type: "...)
		dst = append(dst, contentType...)
	}
	dst = append(dst, "\r\nContent-Range: "...)
	dst = appendContentRange(dst, s, size)
	return append(dst, "\r\n\r\n"...)
}

// appendPartsEnd appends what stands after the last part.
func appendPartsEnd(dst []byte, boundary string) []byte {
	dst = append(dst, "\r\n--"...)
	dst = append(dst, boundary...)
	return append(dst, "--\r\n"...)
}

// appendContentRange appends the value of a Content-Range header.
func appendContentRange(dst []byte, s span, size int64) []byte {
	dst = append(dst, "bytes "...)
	dst = strconv.AppendInt(dst, s.from, 10)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, s.to-1, 10)
	dst = append(dst, '/')
	return strconv.AppendInt(dst, size, 10)
}

// multipartLength returns the length of the whole body.
func multipartLength(parts []span, contentType string, size int64) int64 {
	var boundary requestID // all of them have one length
	var head []byte
	n := int64(len(appendPartsEnd(nil, string(boundary[:]))))
	for _, part := range parts {
		head = appendPartHead(head[:0], string(boundary[:]), contentType, part, size)
		n += int64(len(head)) + part.length()
	}
	return n
}
