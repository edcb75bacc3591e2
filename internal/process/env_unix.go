//go:build unix

package process

const defaultPath = "/usr/local/bin:/usr/bin:/bin"

var (
	tempVariables   = []string{"TMPDIR"}
	homeVariables   = []string{"HOME"}
	userVariables   = []string{"USER", "LOGNAME"}
	neededVariables = []string{"TZ"}
)
