package errand

// Limits of a TestReport.
const (
	MaxFailedTests       = 20  // that are named
	MaxTestNameBytes     = 200 // of a test's name
	MaxTestMessageBytes  = 500 // of what it failed with
	MaxTestReportBytes   = 16 << 20
	MaxTestReportDepth   = 64
	maxTestReportsCounts = 1 << 31
)

// A TestReport is what the JUnit files among an attempt's artifacts say.
type TestReport struct {
	Tests   int          `json:"tests"` // that ran or were skipped
	Failed  int          `json:"failed"`
	Skipped int          `json:"skipped"`
	Failing []FailedTest `json:"failing,omitempty"` // the first
}

// A FailedTest is a test that failed.
type FailedTest struct {
	Class   string `json:"class,omitempty"` // or suite, or package
	Name    string `json:"name"`
	Message string `json:"message,omitempty"`
	File    string `json:"file"` // the report's path
}

func (r *TestReport) validate(field string) error {
	for _, n := range []int{r.Tests, r.Failed, r.Skipped} {
		if n < 0 || n > maxTestReportsCounts {
			return InvalidField(field, "the counts of tests must be from 0 to %d", maxTestReportsCounts)
		}
	}
	if len(r.Failing) > MaxFailedTests {
		return InvalidField(field+".failing", "failing has %d entries; the limit is %d", len(r.Failing), MaxFailedTests)
	}
	for _, f := range r.Failing {
		if len(f.Class) > MaxTestNameBytes || len(f.Name) > MaxTestNameBytes || len(f.Message) > MaxTestMessageBytes || len(f.File) > MaxFilePathBytes {
			return InvalidField(field+".failing", "a failing test's class and name are limited to %d bytes, its message to %d", MaxTestNameBytes, MaxTestMessageBytes)
		}
	}
	return nil
}
