// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html

package lambda

import (
	"maps"
	"slices"
	"strconv"
)

// environment returns a function's environment variables: the template's and
// Lambda's, which take precedence. Nothing is inherited.
func (s *Service) environment(f *function) map[string]string {
	env := maps.Clone(f.Environment)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, map[string]string{
		"AWS_REGION":                      s.Region,
		"AWS_DEFAULT_REGION":              s.Region,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
	})
	if f.Code.Credentials {
		env["AWS_ACCESS_KEY_ID"] = s.Credentials.AccessKeyID
		env["AWS_SECRET_ACCESS_KEY"] = s.Credentials.SecretAccessKey
		if env["AWS_ENDPOINT_URL"] == "" {
			env["AWS_ENDPOINT_URL"] = s.Endpoint
		}
	}
	return env
}

// processEnvironment returns the environment of a process whose Runtime API is at
// address and whose home directory is home.
func (s *Service) processEnvironment(f *function, address, home, dir string) []string {
	env := systemEnvironment(home)
	maps.Copy(env, s.environment(f))
	maps.Copy(env, map[string]string{
		"AWS_LAMBDA_RUNTIME_API":     address,
		"AWS_LAMBDA_LOG_STREAM_NAME": "local",
		"LAMBDA_TASK_ROOT":           dir,
		"_HANDLER":                   f.Handler,
	})
	if f.Code.Path != "" {
		env["PATH"] = f.Code.Path
	}
	list := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		list = append(list, k+"="+env[k])
	}
	return list
}
