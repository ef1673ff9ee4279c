package share

import "testing"

func BenchmarkVerify(b *testing.B) {
	r := ring(b, "1:"+NewKey())
	token := string(r.Seal([randomSize]byte{1}))
	b.ReportAllocs()
	for b.Loop() {
		if !r.Verify(token) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkHashToken(b *testing.B) {
	token := string(ring(b, "1:"+NewKey()).Seal([randomSize]byte{1}))
	for b.Loop() {
		HashToken(token)
	}
}
