package speed

import (
	"testing"

	"rawlink/internal/testenv"
	"rawlink/internal/testsystem"
)

func TestMain(m *testing.M) {
	defer testsystem.Clean()
	testsystem.Fast()
	testenv.Main(m)
}
